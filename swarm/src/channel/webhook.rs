//! A server of one's own: JSON by POST, signed, so that it knows whom it is from and when.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;
use ticket::moment;

use super::Message;
use super::post::{Post, Published};

/// The name of this way.
pub const NAME: &str = "webhook";
/// When the request was signed, in Unix seconds.
const TIMESTAMP: &str = "x-swarm-timestamp";
/// `sha256=` and, in hex, the HMAC-SHA256 of the timestamp, a dot and the body.
const SIGNATURE: &str = "x-swarm-signature";

/// An address, and the secret that its server knows too.
#[derive(Clone)]
pub struct Webhook {
    post: Post,
    address: String,
    secret: String,
}

#[derive(Serialize)]
struct Body<'a> {
    /// The same for a message that is sent again.
    id: &'a str,
    event: &'a str,
    ticket: Option<i64>,
    title: &'a str,
    text: &'a str,
    /// 1 (least) to 5 (most urgent).
    priority: u8,
    link: Option<&'a str>,
}

impl Webhook {
    /// The server at this address, which knows this secret.
    pub fn new(address: String, secret: String) -> Webhook {
        let hidden = super::parts_of(&address).chain([secret.clone()]);
        Webhook {
            post: Post::new(hidden),
            address,
            secret,
        }
    }

    /// Sends one message.
    pub fn publish(&self, message: &Message) -> Published {
        let body = Body {
            id: &message.id,
            event: message.kind.as_str(),
            ticket: message.ticket,
            title: &message.title,
            text: &message.text,
            priority: message.priority,
            link: message.link.as_deref(),
        };
        let body = match serde_json::to_vec(&body) {
            Ok(body) => body,
            Err(error) => return Published::Refused(error.to_string()),
        };
        let timestamp = moment::now();
        let headers = [
            (TIMESTAMP, timestamp.to_string()),
            (SIGNATURE, signature(&self.secret, timestamp, &body)),
        ];
        self.post.bytes(&self.address, &headers, &body)
    }
}

/// What a request with this body is signed with at this time.
pub fn signature(secret: &str, timestamp: i64, body: &[u8]) -> String {
    // A key may have any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    let mut signature = "sha256=".to_owned();
    for byte in mac.finalize().into_bytes() {
        // Writing to a string does not fail.
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn a_signature_is_what_others_compute() {
        assert_eq!(signature("secret", 1_700_000_000, br#"{"a":1}"#), EXPECTED);
    }

    const EXPECTED: &str =
        "sha256=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
}
