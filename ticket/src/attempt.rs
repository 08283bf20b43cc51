//! One claim of one ticket by one agent, and how it can end.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::usage::Spent;

/// How an attempt ended. One list of words from the runner through the hub to the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its commit is on main.
    Landed,
    /// It waits for a human.
    NeedsReview,
    /// Nothing had to change, for a stated reason.
    NoChange,
    /// The agent CLI failed, or left nothing behind.
    AgentFailed,
    /// verify.sh stayed red.
    VerifyRed,
    /// A conflict stayed unresolved.
    Conflict,
    /// The agent CLI went silent.
    Stalled,
    /// The account's usage limit.
    RateLimited,
    /// The login was refused.
    AuthFailed,
    /// Our own machinery failed.
    InfraFailed,
    /// Given back, by the agent, a human or a stop.
    Released,
    /// The ticket was finished otherwise meanwhile.
    Cancelled,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 12] = [
        Outcome::Landed,
        Outcome::NeedsReview,
        Outcome::NoChange,
        Outcome::AgentFailed,
        Outcome::VerifyRed,
        Outcome::Conflict,
        Outcome::Stalled,
        Outcome::RateLimited,
        Outcome::AuthFailed,
        Outcome::InfraFailed,
        Outcome::Released,
        Outcome::Cancelled,
    ];

    /// The word in the database, the JSON and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Landed => "landed",
            Outcome::NeedsReview => "needs-review",
            Outcome::NoChange => "no-change",
            Outcome::AgentFailed => "agent-failed",
            Outcome::VerifyRed => "verify-red",
            Outcome::Conflict => "conflict",
            Outcome::Stalled => "stalled",
            Outcome::RateLimited => "rate-limited",
            Outcome::AuthFailed => "auth-failed",
            Outcome::InfraFailed => "infra-failed",
            Outcome::Released => "released",
            Outcome::Cancelled => "cancelled",
        }
    }

    /// True for the four that count against `max_attempts`.
    pub fn counts(self) -> bool {
        match self {
            Outcome::AgentFailed | Outcome::VerifyRed | Outcome::Conflict | Outcome::Stalled => {
                true
            }
            Outcome::Landed
            | Outcome::NeedsReview
            | Outcome::NoChange
            | Outcome::RateLimited
            | Outcome::AuthFailed
            | Outcome::InfraFailed
            | Outcome::Released
            | Outcome::Cancelled => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Outcome::ALL
            .into_iter()
            .find(|o| o.as_str() == word)
            .ok_or_else(|| format!("unknown outcome '{word}'"))
    }
}

/// A row of a ticket's history. Live while `outcome` is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// The ticket.
    pub ticket_id: i64,
    /// 1 for the first.
    pub number: i64,
    /// Who had it.
    pub agent: String,
    /// How long it may go on unheard.
    pub lease_seconds: i64,
    /// What the runner last said that it does.
    pub phase: String,
    /// The commit of main that it began from.
    pub base_commit: Option<String>,
    /// The commit that keeps its tree, under `refs/attempts/<ticket>/<number>`.
    pub snapshot: Option<String>,
    /// The agent CLI's conversation.
    pub session_id: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it ended so.
    pub reason: Option<String>,
    /// The end of the log that shows it.
    pub log_tail: Option<String>,
    /// When it began.
    pub started_at: String,
    /// When it was last heard of.
    pub heartbeat_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// What it used; only `show`, `attempts` and prompts say so.
    #[serde(default)]
    pub spent: Spent,
}

/// The branch that an attempt may push, and no other.
pub fn branch(ticket: i64, attempt: i64) -> String {
    format!("ticket/{ticket}/{attempt}")
}

/// The ref that keeps an attempt's tree after it ended.
pub fn snapshot_ref(ticket: i64, attempt: i64) -> String {
    format!("refs/attempts/{ticket}/{attempt}")
}
