//! What commands print as JSON besides tickets, comments, attempts, events and learnings.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ticket::Ticket;
use crate::transfer::Counts;
use crate::wire::Failed;

/// `create`, `reopen` and `learn`: what was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Made {
    /// Its number.
    pub id: i64,
}

/// `create --file`: what became of one ticket of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MadeOfFile {
    /// Its name in the file.
    pub key: Option<String>,
    /// Its number.
    pub id: i64,
}

/// `count`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counted {
    /// How many tickets.
    pub count: u64,
}

/// `fail`: the check that failed, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedCheck {
    /// The check.
    #[serde(flatten)]
    pub ticket: Ticket,
    /// The new tickets.
    #[serde(flatten)]
    pub failed: Failed,
}

/// `diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Patch {
    /// The patch; what is not UTF-8 text in it is replaced. The plain output has its bytes.
    pub diff: String,
}

/// `pause`, `drain` and `paused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    /// Why claims are withheld; null when they are not.
    pub paused: Option<String>,
}

/// `resume`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resumed {
    /// False when claims were not withheld.
    pub resumed: bool,
}

/// `migrate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Migrated {
    /// The version that the database is at now; null when a hub keeps it.
    pub version: Option<i64>,
    /// One line for each migration that was applied.
    pub applied: Vec<String>,
}

/// `backup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackedUp {
    /// Where the copy is.
    pub file: String,
    /// How many tickets it has.
    pub tickets: u64,
    /// How large it is.
    pub bytes: u64,
}

/// `export` to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exported {
    /// Where it is.
    pub file: String,
    /// How many rows of each kind.
    #[serde(flatten)]
    pub counts: Counts,
    /// How large it is.
    pub bytes: u64,
}
