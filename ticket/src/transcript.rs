//! Transcripts: what an agent CLI was asked and what it printed, run by run. A run is one call of the
//! agent CLI: an attempt has one for the work and one for each time that something is handed back.
//!
//! A transcript is JSONL, one [`Record`] a line: how the run began, its prompt, each line that was
//! printed with its time, how it ended. The runner writes it, the hub keeps it, and [`Renderer`] makes
//! the text that people read.

mod record;
mod render;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use record::{Begin, End, LeftOut, Out, Record, What};
pub use render::Renderer;

/// The most that is kept of one run where nothing else is configured, in bytes.
pub const MOST: u64 = 64 << 20;
/// The largest piece that a runner sends at once, in bytes.
pub const CHUNK: usize = 512 << 10;

/// The header that says, `true` or `false`, whether a piece of a transcript is its end.
pub const IS_LAST: &str = "swarm-is-last";

/// This moment, for a record.
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// What a run was for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(untagged)]
#[schema(as = TranscriptOf)]
pub enum Of {
    /// An attempt at a ticket.
    Attempt {
        /// The ticket.
        ticket: i64,
        /// The number of the attempt.
        attempt: i64,
    },
    /// A proposal.
    Proposal {
        /// The number of the proposal run.
        proposal: i64,
    },
}

/// Which form of a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSONL.
    Raw,
    /// For people.
    Text,
}

impl Form {
    /// The word in an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Raw => "raw",
            Form::Text => "text",
        }
    }
}

/// Some of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is there from an offset on; not all of it, when it is much.
    pub bytes: Vec<u8>,
    /// Nothing comes behind this.
    pub is_last: bool,
}

/// Which run it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[schema(as = TranscriptKey)]
pub struct Key {
    /// What it was for.
    #[serde(flatten)]
    pub of: Of,
    /// 1 for the first of an attempt or proposal.
    pub run: i64,
}

impl Key {
    /// Where the hub takes what was recorded, below `/api/v1`.
    pub fn route(&self) -> String {
        let run = self.run;
        match self.of {
            Of::Attempt { ticket, attempt } => {
                format!("/attempts/{ticket}/{attempt}/runs/{run}/transcript")
            }
            Of::Proposal { proposal } => format!("/proposals/{proposal}/runs/{run}/transcript"),
        }
    }
}

/// `#12 attempt 1, run 2`, `proposal 3, run 1`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Of::Attempt { ticket, attempt } => write!(f, "#{ticket} attempt {attempt}")?,
            Of::Proposal { proposal } => write!(f, "proposal {proposal}")?,
        }
        write!(f, ", run {}", self.run)
    }
}

/// How much of a run the hub has: the runner goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Bytes that are there. A piece that begins beyond them was not taken.
    pub bytes: u64,
}

/// A transcript that the hub has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = TranscriptEntry)]
pub struct Entry {
    /// Its number: a later run has a higher one.
    pub id: u64,
    /// Which run it is.
    #[serde(flatten)]
    pub key: Key,
    /// Whose.
    pub agent: String,
    /// What the runner was at: `work`, `verify-failed`, `conflict`, `bounced`, `propose`.
    pub phase: String,
    /// The kind of the agent CLI.
    pub backend: String,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The agent CLI's conversation.
    pub session: Option<String>,
    /// When it began, in UTC.
    pub started_at: String,
    /// When it ended, in UTC. Absent while it runs.
    pub ended_at: Option<String>,
    /// How it ended. Absent when it runs, or when nobody said: its runner was killed.
    pub ending: Option<String>,
    /// The size of the JSONL.
    pub bytes: u64,
    /// The size of the text.
    pub text_bytes: u64,
}

impl Entry {
    /// What it takes on the disk.
    pub fn size(&self) -> u64 {
        self.bytes + self.text_bytes
    }

    /// True while more may come.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}

/// Which transcripts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// Of this agent.
    pub agent: Option<String>,
    /// Of this ticket.
    pub ticket: Option<i64>,
    /// Of this attempt at it.
    pub attempt: Option<i64>,
    /// Of this run in it.
    pub run: Option<i64>,
    /// With a higher number.
    pub after: Option<u64>,
}

impl Wanted {
    /// Whether it is one of them.
    pub fn fits(&self, entry: &Entry) -> bool {
        let (ticket, attempt) = match entry.key.of {
            Of::Attempt { ticket, attempt } => (Some(ticket), Some(attempt)),
            Of::Proposal { .. } => (None, None),
        };
        self.agent.as_ref().is_none_or(|a| *a == entry.agent)
            && (self.ticket.is_none() || self.ticket == ticket)
            && (self.attempt.is_none() || self.attempt == attempt)
            && self.run.is_none_or(|run| run == entry.key.run)
            && self.after.is_none_or(|after| entry.id > after)
    }
}
