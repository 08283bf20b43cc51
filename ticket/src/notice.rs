//! What people who are away are told: one message about one thing. The store keeps messages until a
//! channel has taken them; what is worth a message is the hub's to decide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::one_of;

/// What a message is about. The words are those of `notify.events` in the configuration.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An agent asks something.
    Question,
    /// An agent proposes work.
    Proposal,
    /// Something is to be checked by a human.
    Verify,
    /// A submission changes protected paths, or an agent says that nothing has to change: it waits
    /// for a yes or no.
    Held,
    /// A ticket failed too often and is the human's now.
    Quarantine,
    /// The account's usage limit.
    Limit,
    /// A refused login, or one that ends soon.
    Login,
    /// The model's service, when it fails for long.
    Service,
    /// What may be spent in a day is spent.
    Budget,
    /// Main itself seems to be broken.
    Main,
    /// Agents that keep dying, or an engine that does not answer.
    Agents,
    /// There is nothing left to do.
    Idle,
    /// An answer from a phone that was not taken.
    Reply,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 13] = [
        Kind::Question,
        Kind::Proposal,
        Kind::Verify,
        Kind::Held,
        Kind::Quarantine,
        Kind::Limit,
        Kind::Login,
        Kind::Service,
        Kind::Budget,
        Kind::Main,
        Kind::Agents,
        Kind::Idle,
        Kind::Reply,
    ];

    /// The word in the database and the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Question => "question",
            Kind::Proposal => "proposal",
            Kind::Verify => "verify",
            Kind::Held => "held",
            Kind::Quarantine => "quarantine",
            Kind::Limit => "limit",
            Kind::Login => "login",
            Kind::Service => "service",
            Kind::Budget => "budget",
            Kind::Main => "main",
            Kind::Agents => "agents",
            Kind::Idle => "idle",
            Kind::Reply => "reply",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("event", word, &Kind::ALL, Kind::as_str)
    }
}

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// What exactly it tells of. A second one with the same key is not taken.
    pub key: String,
    /// What it is about.
    pub kind: Kind,
    /// A newer message of the same subject replaces one that still waits.
    pub subject: String,
    /// The ticket, when it is about one.
    pub ticket: Option<i64>,
    /// The number of the ticket's newest event, when the message can be answered.
    pub version: Option<i64>,
    /// One line.
    pub title: String,
    /// A few lines of plain text.
    pub body: String,
    /// 1 (least) to 5 (most urgent); 3 is usual.
    pub priority: u8,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number; grows by time.
    pub id: i64,
    /// What it tells of.
    pub key: String,
    /// What it is about.
    pub kind: Kind,
    /// The ticket, when it is about one.
    pub ticket: Option<i64>,
    /// The number of the ticket's newest event, when the message can be answered.
    pub version: Option<i64>,
    /// One line.
    pub title: String,
    /// A few lines of plain text.
    pub body: String,
    /// 1 (least) to 5 (most urgent).
    pub priority: u8,
    /// When it came about, in Unix seconds.
    pub created_at: i64,
}

/// What an observation changes in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This is to be told.
    Tell(NewNotice),
    /// What still waits about this subject is no longer worth telling.
    Withdraw(String),
}
