//! The activity log. Its row number is the cursor of the event stream.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Grows by time; the cursor of the stream.
    pub id: i64,
    /// The ticket it is about; none for what concerns the swarm as a whole.
    pub ticket_id: Option<i64>,
    /// Who did it.
    pub agent_id: Option<String>,
    /// What was done, as a past participle: `created`, `claimed`, `landed` …
    pub action: String,
    /// In whatever words help.
    pub detail: Option<String>,
    /// When, in UTC.
    pub created_at: String,
}

/// Which rows of the log, looked through from its end. Every condition must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Only this ticket's.
    pub ticket: Option<i64>,
    /// Only what this agent, or `human`, did.
    pub agent: Option<String>,
    /// Only this.
    pub action: Option<String>,
    /// Only rows before this one.
    pub before: Option<i64>,
}

/// Some rows of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows, newest first.
    pub events: Vec<Event>,
    /// [`Which::before`] for the next page; none when there are no older rows.
    pub older: Option<i64>,
}
