//! What `list`, `count`, `search`, `claim-next` and `log` look for. On the wire these are query
//! parameters, so several words of one kind are joined by commas.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{Error, Result};
use crate::event::Event;
use crate::status::Status;
use crate::ticket::{Ticket, TicketType, check_label, check_priority};

/// How many tickets a search gives when nobody says how many.
const DEFAULT_HITS: u32 = 20;
/// The most tickets that one search gives.
const MAX_HITS: u32 = 1000;

/// How many rows of the log are given when nobody says how many.
const DEFAULT_ROWS: u32 = 20;
/// The most rows of the log in one answer.
const MAX_ROWS: u32 = 100_000;

/// Which tickets. Every condition must hold; without statuses all but done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Statuses, joined by commas: any of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Types, joined by commas: any of them.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// An assignee; empty for nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<String>,
    /// Labels, joined by commas: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The ticket that they are a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<i64>,
    /// 0 to 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Only those that wait for another ticket.
    #[serde(skip_serializing_if = "is_false")]
    pub blocked: bool,
    /// Only those that could be claimed now.
    #[serde(skip_serializing_if = "is_false")]
    pub ready: bool,
    /// Only those with a higher number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// At most so many; a hub gives 1000 at most, and says where the next ones are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Filter {
    /// The statuses it names, or the default.
    pub fn statuses(&self) -> Result<Vec<Status>> {
        match &self.status {
            None => Ok(vec![Status::Open, Status::InProgress, Status::Ready]),
            Some(words) => parsed(words),
        }
    }

    /// The types it names; none for any.
    pub fn kinds(&self) -> Result<Vec<TicketType>> {
        self.kind.as_deref().map_or(Ok(Vec::new()), parsed)
    }

    /// The labels it names.
    pub fn labels(&self) -> Result<Vec<&str>> {
        labels(self.label.as_deref())
    }

    /// Refuses what no ticket can match.
    pub fn check(&self) -> Result<()> {
        self.statuses()?;
        self.kinds()?;
        self.labels()?;
        check_priority(self.priority)
    }
}

/// Which tickets an agent takes. Every condition must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ClaimFilter {
    /// Types, joined by commas: any of them.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Labels, joined by commas: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl ClaimFilter {
    /// The types it names; none for any.
    pub fn kinds(&self) -> Result<Vec<TicketType>> {
        self.kind.as_deref().map_or(Ok(Vec::new()), parsed)
    }

    /// The labels it names.
    pub fn labels(&self) -> Result<Vec<&str>> {
        labels(self.label.as_deref())
    }
}

/// A full-text search over titles, descriptions and comments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Words that must all occur; `"a phrase"` stays together, and `begin*` stands for every word
    /// that begins so.
    pub words: String,
    /// Statuses, joined by commas; without it all, done ones too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// At most so many; 20 when absent, 1000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Search {
    /// The statuses it names, or all.
    pub fn statuses(&self) -> Result<Vec<Status>> {
        self.status
            .as_deref()
            .map_or(Ok(Status::ALL.to_vec()), parsed)
    }

    /// How many tickets to give.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_HITS).min(MAX_HITS)
    }
}

/// A ticket that a search found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// The ticket.
    #[serde(flatten)]
    pub ticket: Ticket,
    /// Where the words are: `ticket` or `comment`.
    pub found_in: String,
    /// The text around them, with the words between `[` and `]`.
    pub excerpt: String,
}

/// Which rows of the activity log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogFilter {
    /// At most so many; 20 when absent, 100,000 at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Only this ticket's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<i64>,
}

impl LogFilter {
    /// How many rows to give.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_ROWS).min(MAX_ROWS)
    }

    /// The newest row.
    pub fn newest() -> LogFilter {
        LogFilter {
            limit: Some(1),
            ..LogFilter::default()
        }
    }

    /// Whether a row belongs to it.
    pub fn takes(&self, event: &Event) -> bool {
        self.ticket.is_none() || self.ticket == event.ticket_id
    }
}

fn labels(words: Option<&str>) -> Result<Vec<&str>> {
    let Some(words) = words else {
        return Ok(Vec::new());
    };
    words
        .split(',')
        .map(|label| check_label(label).map(|()| label))
        .collect()
}

fn parsed<T: std::str::FromStr<Err = String>>(words: &str) -> Result<Vec<T>> {
    words
        .split(',')
        .map(|word| word.trim().parse().map_err(Error::Invalid))
        .collect()
}

fn is_false(flag: &bool) -> bool {
    !flag
}
