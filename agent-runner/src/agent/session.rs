//! Conversations of an agent CLI and their names.

use rand::RngExt;

/// Which conversation a run belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// A new one, under this name where the backend lets the runner choose.
    New(String),
    /// The one of this name goes on.
    Resume(String),
}

impl Session {
    /// A new conversation.
    pub fn start() -> Session {
        Session::New(uuid(rand::rng().random()))
    }

    /// The conversation's name.
    pub fn id(&self) -> &str {
        match self {
            Session::New(id) | Session::Resume(id) => id,
        }
    }

    /// Whether an earlier conversation goes on.
    pub fn is_resumed(&self) -> bool {
        matches!(self, Session::Resume(_))
    }
}

/// A version 4 UUID from random bytes.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_conversations_are_version_4_uuids() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_ne!(Session::start(), Session::start());
    }
}
