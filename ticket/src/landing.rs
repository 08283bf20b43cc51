//! One submission to the landing queue.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a submission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LandingState {
    /// Waits for its turn.
    Queued,
    /// Its candidate is being verified.
    Verifying,
    /// Waits for a human: it changes protected paths.
    Held,
    /// On main.
    Landed,
    /// Refused, with a reason.
    Bounced,
    /// Its ticket was finished or released meanwhile.
    Cancelled,
}

impl LandingState {
    /// Every state.
    pub const ALL: [LandingState; 6] = [
        LandingState::Queued,
        LandingState::Verifying,
        LandingState::Held,
        LandingState::Landed,
        LandingState::Bounced,
        LandingState::Cancelled,
    ];

    /// The word in the database and the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            LandingState::Queued => "queued",
            LandingState::Verifying => "verifying",
            LandingState::Held => "held",
            LandingState::Landed => "landed",
            LandingState::Bounced => "bounced",
            LandingState::Cancelled => "cancelled",
        }
    }

    /// True when its runner has nothing more to wait for.
    pub fn is_settled(self) -> bool {
        !matches!(self, LandingState::Queued | LandingState::Verifying)
    }
}

impl FromStr for LandingState {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        LandingState::ALL
            .into_iter()
            .find(|s| s.as_str() == word)
            .ok_or_else(|| format!("unknown landing state '{word}'"))
    }
}

/// A row of the landing queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Landing {
    /// Its number, in the order of submission.
    pub id: i64,
    /// The ticket it would finish.
    pub ticket_id: i64,
    /// The attempt that submitted it.
    pub attempt: i64,
    /// The ticket's priority: the queue's first order.
    pub priority: i64,
    /// The ticket's title: the commit's subject.
    pub title: String,
    /// The agent: the commit's author.
    pub agent: String,
    /// What was submitted.
    pub commit_id: String,
    /// The commit that was verified; what landed.
    pub candidate: Option<String>,
    /// Where it stands.
    pub state: LandingState,
    /// Who let its change of protected paths pass.
    pub approved_by: Option<String>,
    /// What the agent says that it did: the commit's body.
    pub summary: Option<String>,
    /// Why it was bounced or held.
    pub reason: Option<String>,
    /// The end of the log that shows it.
    pub log_tail: Option<String>,
    /// When it was submitted.
    pub submitted_at: String,
    /// When it landed or bounced.
    pub finished_at: Option<String>,
}
