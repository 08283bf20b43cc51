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
