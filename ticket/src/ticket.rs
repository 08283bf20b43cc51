//! A ticket and what can be asked of one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attempt::Attempt;
use crate::comment::Comment;
use crate::error::{Error, Result};
use crate::status::Status;
use crate::usd::Usd;
use crate::words::one_of;

/// The longest title, in characters.
pub const MAX_TITLE: usize = 500;
/// The longest description or comment, in bytes.
pub const MAX_TEXT: usize = 256 * 1024;
/// The longest label, in characters.
pub const MAX_LABEL: usize = 64;
/// Who a ticket is assigned to when it waits for the person in charge.
pub const HUMAN: &str = "human";

/// What kind of thing a ticket asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketType {
    /// Work that lands.
    Task,
    /// An idea that waits for a human's yes.
    Proposal,
    /// Something only a human can answer.
    Question,
    /// A check that a human passes or fails.
    Verify,
}

impl TicketType {
    /// Every type.
    pub const ALL: [TicketType; 4] = [
        TicketType::Task,
        TicketType::Proposal,
        TicketType::Question,
        TicketType::Verify,
    ];

    /// The word in the database, the JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            TicketType::Task => "task",
            TicketType::Proposal => "proposal",
            TicketType::Question => "question",
            TicketType::Verify => "verify",
        }
    }

    /// Whether it asks for a human's word and not for work.
    pub fn is_for_human(self) -> bool {
        match self {
            TicketType::Proposal | TicketType::Question | TicketType::Verify => true,
            TicketType::Task => false,
        }
    }
}

impl fmt::Display for TicketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TicketType {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("type", word, &TicketType::ALL, TicketType::as_str)
    }
}

/// Why a ticket is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resolution {
    /// A commit with its trailer is on main.
    Landed,
    /// A stated reason why nothing had to change was accepted.
    NoChange,
    /// A question got its answer.
    Answered,
    /// A proposal became work.
    Approved,
    /// A proposal was turned down.
    Rejected,
    /// A human vouches for it.
    Passed,
    /// A human found it wanting; its fix is a ticket of its own.
    Failed,
    /// No longer wanted.
    Cancelled,
    /// Another ticket is the same.
    Duplicate,
}

impl Resolution {
    /// Every resolution.
    pub const ALL: [Resolution; 9] = [
        Resolution::Landed,
        Resolution::NoChange,
        Resolution::Answered,
        Resolution::Approved,
        Resolution::Rejected,
        Resolution::Passed,
        Resolution::Failed,
        Resolution::Cancelled,
        Resolution::Duplicate,
    ];

    /// The word in the database and the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Resolution::Landed => "landed",
            Resolution::NoChange => "no-change",
            Resolution::Answered => "answered",
            Resolution::Approved => "approved",
            Resolution::Rejected => "rejected",
            Resolution::Passed => "passed",
            Resolution::Failed => "failed",
            Resolution::Cancelled => "cancelled",
            Resolution::Duplicate => "duplicate",
        }
    }

    /// What a human's plain `mark-done` means for a ticket of this type.
    pub fn by_hand(kind: TicketType) -> Resolution {
        match kind {
            TicketType::Question => Resolution::Answered,
            TicketType::Proposal => Resolution::Approved,
            TicketType::Task | TicketType::Verify => Resolution::Passed,
        }
    }
}

impl FromStr for Resolution {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        one_of("resolution", word, &Resolution::ALL, Resolution::as_str)
    }
}

/// A row of the queue. Absent values are `null` in JSON; times are `YYYY-MM-DD HH:MM:SS` in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ticket {
    /// Its number.
    pub id: i64,
    /// One line that says what it is about.
    pub title: String,
    /// The whole text.
    pub description: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// What it asks for.
    #[serde(rename = "type")]
    pub kind: TicketType,
    /// An agent's name, or `human`.
    pub assigned_to: Option<String>,
    /// The ticket that it is a part of.
    pub parent_id: Option<i64>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// 0 is the most urgent, 4 the least.
    pub priority: i64,
    /// Why it is done.
    pub resolution: Option<Resolution>,
    /// Unix seconds before which nobody claims it; 0 for none.
    pub not_before: i64,
    /// The number of its latest attempt; 0 before the first.
    pub attempt: i64,
    /// How many attempts count against `max_attempts`.
    pub failures: i64,
    /// Words to find it by, in the order of the alphabet.
    pub labels: Vec<String>,
    /// True: it cannot be claimed before its children are done.
    pub wait_for_children: bool,
    /// What it may cost in US dollars; without one the configuration says.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub max_budget_usd: Option<Usd>,
    /// What it cost so far in US dollars, as far as that is known.
    #[serde(default)]
    #[schema(value_type = f64)]
    pub spent_usd: Usd,
}

/// A ticket with all that hangs on it, as `show` and `claim-next` give it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketDetail {
    /// The ticket itself.
    #[serde(flatten)]
    pub ticket: Ticket,
    /// The tickets that it waits for.
    pub blocked_by: Vec<i64>,
    /// The tickets that wait for it.
    pub blocks: Vec<i64>,
    /// The tickets it is the parent of.
    pub children: Vec<i64>,
    /// What was said about it, oldest first.
    pub comments: Vec<Comment>,
    /// Who had it, oldest first.
    pub attempts: Vec<Attempt>,
}

/// What `create` needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewTicket {
    /// One line, not blank.
    pub title: String,
    /// The whole text.
    pub description: Option<String>,
    /// The ticket that it is a part of.
    pub parent: Option<i64>,
    /// An agent's name, or `human`.
    pub assign: Option<String>,
    /// The tickets that it waits for.
    pub blocked_by: Vec<i64>,
    /// Every ticket that is blocked by one of these is also blocked by the new one.
    pub block_dependents_of: Vec<i64>,
    /// Who makes it; an agent's own name wins over this.
    pub created_by: Option<String>,
    /// What it asks for; guessed from the assignee when absent (see [`NewTicket::kind`]).
    #[serde(rename = "type")]
    pub kind: Option<TicketType>,
    /// 0 to 4, 2 when absent.
    pub priority: Option<i64>,
    /// Words to find it by.
    pub labels: Vec<String>,
    /// It cannot be claimed before its children are done.
    pub wait_for_children: bool,
    /// Nobody claims it before this moment, in Unix seconds.
    pub not_before: Option<i64>,
    /// What it may cost, in US dollars; without one the configuration says.
    #[schema(value_type = Option<f64>)]
    pub max_budget_usd: Option<Usd>,
}

impl NewTicket {
    /// The type that was named, or the one that the assignee implies: for `human` with a blocker
    /// relation a question, for `human` alone a proposal, else a task.
    pub fn kind(&self) -> TicketType {
        let related = !self.blocked_by.is_empty() || !self.block_dependents_of.is_empty();
        match (self.kind, self.assign.as_deref() == Some(HUMAN), related) {
            (Some(kind), _, _) => kind,
            (None, true, true) => TicketType::Question,
            (None, true, false) => TicketType::Proposal,
            (None, false, _) => TicketType::Task,
        }
    }

    /// The same with its references to `-k` replaced by the `k`-th of these ids.
    pub fn resolved(&self, ids: &[i64]) -> Result<NewTicket> {
        let id = |reference: &i64| match usize::try_from(-*reference) {
            Ok(place @ 1..) => ids.get(place - 1).copied().ok_or_else(|| {
                Error::Invalid(format!(
                    "a ticket refers to number {place} of {}",
                    ids.len()
                ))
            }),
            _ => Ok(*reference),
        };
        Ok(NewTicket {
            parent: self.parent.as_ref().map(id).transpose()?,
            blocked_by: self.blocked_by.iter().map(id).collect::<Result<_>>()?,
            block_dependents_of: self
                .block_dependents_of
                .iter()
                .map(id)
                .collect::<Result<_>>()?,
            ..self.clone()
        })
    }

    /// Refuses what no ticket may be.
    pub fn check(&self) -> Result<()> {
        self.labels
            .iter()
            .try_for_each(|label| check_label(label))?;
        check_title(&self.title)?;
        self.description
            .as_deref()
            .map_or(Ok(()), |d| check_text("description", d))?;
        check_budget(self.max_budget_usd, Usd(1))?;
        check_priority(self.priority)
    }
}

/// What `update` changes; absent fields stay. An empty `assign` clears the assignee.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TicketChange {
    /// A new title.
    pub title: Option<String>,
    /// A new description.
    pub description: Option<String>,
    /// A new assignee; empty for nobody.
    pub assign: Option<String>,
    /// A new status; never `done`.
    pub status: Option<Status>,
    /// A new type.
    #[serde(rename = "type")]
    pub kind: Option<TicketType>,
    /// A new priority.
    pub priority: Option<i64>,
    /// A new parent; 0 for none.
    pub parent: Option<i64>,
    /// Labels to put on it.
    pub add_labels: Vec<String>,
    /// Labels to take off it.
    pub remove_labels: Vec<String>,
    /// Nobody claims it before this moment, in Unix seconds; 0 for at once.
    pub not_before: Option<i64>,
    /// A new budget in US dollars; 0 for none of its own.
    #[schema(value_type = Option<f64>)]
    pub max_budget_usd: Option<Usd>,
}

impl TicketChange {
    /// True when nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == TicketChange::default()
    }

    /// Refuses what no ticket may become.
    pub fn check(&self) -> Result<()> {
        self.add_labels
            .iter()
            .try_for_each(|label| check_label(label))?;
        self.title.as_deref().map_or(Ok(()), check_title)?;
        self.description
            .as_deref()
            .map_or(Ok(()), |d| check_text("description", d))?;
        check_budget(self.max_budget_usd, Usd(0))?;
        if self.status == Some(Status::Done) {
            return Err(Error::Invalid(
                "'update' cannot set the status to done: use 'ticket mark-done ID'".into(),
            ));
        }
        check_priority(self.priority)
    }
}

/// Refuses a blank title, one with control characters, and one that is too long.
pub fn check_title(title: &str) -> Result<()> {
    if title.trim().is_empty() {
        return Err(Error::Invalid("the title cannot be empty".into()));
    }
    if title.chars().any(char::is_control) {
        return Err(Error::Invalid(
            "the title has a control character: a title is one line of text".into(),
        ));
    }
    let length = title.chars().count();
    if length > MAX_TITLE {
        return Err(Error::Invalid(format!(
            "the title has {length} characters: at most {MAX_TITLE}, put the rest into the description"
        )));
    }
    Ok(())
}

/// Refuses a text that is too large.
pub fn check_text(what: &str, text: &str) -> Result<()> {
    if text.len() > MAX_TEXT {
        return Err(Error::Invalid(format!(
            "the {what} has {} bytes: at most {MAX_TEXT}",
            text.len()
        )));
    }
    Ok(())
}

/// Refuses a label that is no single word: letters, digits and `-_./:`, at most 64 of them.
pub fn check_label(label: &str) -> Result<()> {
    let fits = (1..=MAX_LABEL).contains(&label.chars().count());
    if fits
        && label
            .chars()
            .all(|c| c.is_alphanumeric() || "-_./:".contains(c))
    {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "'{}' is not a label: use one word of at most {MAX_LABEL} letters, digits, '-', '_', '.', '/' or ':'",
        crate::text::one_line(label)
    )))
}

/// Refuses a budget below `least`.
fn check_budget(budget: Option<Usd>, least: Usd) -> Result<()> {
    match budget {
        Some(budget) if budget < least => Err(Error::Invalid(format!(
            "a budget of {budget} buys nothing: write a number of US dollars such as 5 or 0.50"
        ))),
        _ => Ok(()),
    }
}

/// Refuses a priority that is out of range.
pub fn check_priority(priority: Option<i64>) -> Result<()> {
    match priority {
        Some(p) if !(0..=4).contains(&p) => Err(Error::Invalid(format!(
            "priority {p} is out of range: 0 (most urgent) to 4"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_implied_by_the_assignee() {
        let new = |assign: Option<&str>, blocked_by: Vec<i64>, kind| NewTicket {
            assign: assign.map(Into::into),
            blocked_by,
            kind,
            ..NewTicket::default()
        };
        assert_eq!(new(None, vec![1], None).kind(), TicketType::Task);
        assert_eq!(new(Some(HUMAN), vec![], None).kind(), TicketType::Proposal);
        assert_eq!(new(Some(HUMAN), vec![1], None).kind(), TicketType::Question);
        assert_eq!(
            new(Some(HUMAN), vec![1], Some(TicketType::Verify)).kind(),
            TicketType::Verify
        );
    }

    #[test]
    fn titles_are_one_line_of_text() {
        assert!(check_title("Mend the parser").is_ok());
        for bad in ["", "  ", "two\nlines", "bell\u{7}", &"x".repeat(501)] {
            assert!(check_title(bad).is_err(), "{bad:?}");
        }
    }
}
