//! The ways to people who are away: one enum, one message, one list of what can become of it. What is
//! worth a message, and when it is sent, is the hub's to decide.
//!
//! No error holds a secret: not a token, not the name of a topic, not a webhook's address.

pub mod ntfy;
mod post;
pub mod secret;

use ticket::notice::Kind;

use crate::config::Config;
use crate::project::Project;

pub use ntfy::Ntfy;
pub use ntfy::button::Button;
pub use post::Published;

/// What people see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub title: String,
    /// Plain text.
    pub text: String,
    /// What it is about.
    pub kind: Kind,
    /// The ticket, when it is about one.
    pub ticket: Option<i64>,
    /// 1 (least) to 5 (most urgent).
    pub priority: u8,
    /// Where to read more.
    pub link: Option<String>,
    /// Tells it from every other message of this swarm.
    pub id: String,
    /// What can be done about it at a tap, where the way has buttons.
    pub buttons: Vec<Button>,
}

/// One way to people.
#[derive(Clone, Debug)]
pub enum Channel {
    /// A topic of an ntfy server.
    Ntfy(Ntfy),
}

impl Channel {
    /// The names of all ways.
    pub const NAMES: [&str; 1] = [ntfy::NAME];

    /// The ways that the configuration sets, with the secrets that were kept for them.
    pub fn all(project: &Project, config: &Config) -> anyhow::Result<Vec<Channel>> {
        let ntfy = ntfy::of(project, config)?.map(Channel::Ntfy);
        Ok(ntfy.into_iter().collect())
    }

    /// Its name in the configuration and the database.
    pub fn name(&self) -> &'static str {
        match self {
            Channel::Ntfy(_) => ntfy::NAME,
        }
    }

    /// Who takes its messages, for people.
    pub fn place(&self) -> String {
        match self {
            Channel::Ntfy(ntfy) => format!("ntfy at {}", ntfy.server()),
        }
    }

    /// Sends one message. Blocks for half a minute at most.
    pub fn publish(&self, message: &Message) -> Published {
        match self {
            Channel::Ntfy(ntfy) => ntfy.publish(message),
        }
    }

    /// Why a message was not taken, in one sentence.
    pub fn sentence(&self, not_taken: &Published) -> String {
        let place = self.place();
        match not_taken {
            Published::Taken => format!("{place} took the message"),
            Published::Busy(_) => format!("{place} has had too many messages"),
            Published::Away(why) => format!("{place} does not take messages: {why}"),
            Published::Denied(why) => {
                let check = self.check();
                format!("{place} takes no messages from us: {why}; check {check}")
            }
            Published::Refused(why) => format!("{place} does not take this message: {why}"),
        }
    }

    /// What is probably wrong when it takes nothing from us.
    fn check(&self) -> String {
        match self {
            Channel::Ntfy(_) => {
                format!("notify.ntfy and {}", secret::Secret::NtfyToken.variable())
            }
        }
    }
}

/// The message that shows whether messages arrive.
pub fn trial(project: &str, page: Option<String>) -> Message {
    Message {
        title: format!("{}: a test", ticket::text::one_line(project)),
        text: "Messages of this swarm arrive here.".into(),
        kind: Kind::Idle,
        ticket: None,
        priority: 3,
        link: page,
        id: format!("test-{:016x}", rand::random::<u64>()),
        buttons: Vec::new(),
    }
}

/// What to say when nothing is configured.
pub const NONE: &str = "no topic is set: write ntfy = \"https://ntfy.sh/TOPIC\" under [notify] in \
                        .swarm/config.toml, then run 'swarm stop' and 'swarm start'";
