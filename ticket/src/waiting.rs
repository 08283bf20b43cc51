//! What waits for the person in charge, and what to type about it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::words::one_of;

/// What is asked of the human.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// An answer.
    Question,
    /// Yes or no to an idea.
    Proposal,
    /// A check.
    Verify,
    /// A look at a submission that changes protected paths.
    Held,
    /// Yes or no to an agent that says that nothing has to change.
    #[serde(rename = "no-change")]
    NoChange,
    /// Help with a ticket that failed too often.
    Quarantine,
    /// The work itself: it is assigned to the human.
    Work,
}

impl Wanted {
    /// Every one.
    pub const ALL: [Wanted; 7] = [
        Wanted::Question,
        Wanted::Proposal,
        Wanted::Verify,
        Wanted::Held,
        Wanted::NoChange,
        Wanted::Quarantine,
        Wanted::Work,
    ];

    /// The word in the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Wanted::Question => "question",
            Wanted::Proposal => "proposal",
            Wanted::Verify => "verify",
            Wanted::Held => "held",
            Wanted::NoChange => "no-change",
            Wanted::Quarantine => "quarantine",
            Wanted::Work => "work",
        }
    }
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("word", word, &Wanted::ALL, Wanted::as_str)
    }
}

/// A ticket that waits for the human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// The ticket.
    pub ticket: i64,
    /// Its title.
    pub title: String,
    /// What is asked.
    pub wanted: Wanted,
    /// Who made the ticket.
    pub created_by: String,
    /// The question in full, what a submission changes, why nothing has to change, why the last
    /// attempt failed.
    pub detail: Option<String>,
    /// Since when, in UTC.
    pub since: String,
    /// The number of the ticket's newest event.
    #[serde(default)]
    pub version: i64,
}

impl Waiting {
    /// What to type, without the words that only the human knows.
    pub fn command(&self) -> String {
        let id = self.ticket;
        match self.wanted {
            Wanted::Question => format!("ticket answer {id} '…'"),
            Wanted::Proposal | Wanted::Held | Wanted::NoChange => {
                format!("ticket approve {id}, or ticket reject {id} '…'")
            }
            Wanted::Verify => format!("ticket pass {id}, or ticket fail {id} '…'"),
            Wanted::Quarantine => format!("ticket answer {id} '…', or ticket unclaim {id}"),
            Wanted::Work => {
                format!("ticket answer {id} '…' when it is done, or ticket unclaim {id}")
            }
        }
    }
}
