//! The lines of `ticket export` and `ticket import`: one JSON object a line.
//!
//! An export is a [`Header`], then every ticket with all that hangs on it, then the learnings, then
//! the activity log. Token hashes, agents, proposal runs with what they used, and settings stay where
//! they are. A file
//! written by hand needs no header, and of a ticket no more than `kind` and `title`.

use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::attempt::Outcome;
use crate::error::{Error, Result};
use crate::landing::LandingState;
use crate::status::Status;
use crate::ticket::{Resolution, TicketType};
use crate::usage::Phase;
use crate::usd::Usd;

/// The format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
/// The longest line, in bytes: one ticket with all its comments and attempts.
pub const MAX_LINE: usize = 64 << 20;
/// The largest import that a hub takes, in bytes. Its writer does nothing else meanwhile.
pub const MAX_IMPORT: u64 = 256 << 20;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What follows; only in the first line.
    Header,
    /// A ticket with comments, attempts and landings.
    Ticket,
    /// What somebody found out.
    Learning,
    /// A row of the activity log.
    Event,
}

/// How many rows of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Tickets.
    pub tickets: u64,
    /// Comments on them.
    pub comments: u64,
    /// Attempts at them.
    pub attempts: u64,
    /// Submissions to the landing queue.
    pub landings: u64,
    /// Learnings.
    pub learnings: u64,
    /// Rows of the activity log.
    pub events: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.tickets, "ticket"),
            (self.comments, "comment"),
            (self.attempts, "attempt"),
            (self.landings, "landing"),
            (self.learnings, "learning"),
            (self.events, "event"),
        ];
        let some = all.iter().filter(|(n, what)| *n > 0 || *what == "ticket");
        let words: Vec<String> = some
            .map(|(n, what)| format!("{n} {what}{}", if *n == 1 { "" } else { "s" }))
            .collect();
        f.write_str(&words.join(", "))
    }
}

/// The highest number that was ever given out, so that none is given out again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LastIds {
    /// Of a ticket.
    pub tickets: i64,
    /// Of a comment.
    pub comments: i64,
    /// Of a landing.
    pub landings: i64,
    /// Of a learning.
    pub learnings: i64,
    /// Of a row of the activity log.
    pub activity_log: i64,
}

/// The first line of an export. It says how much follows, so that a file that was cut off is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// `header`.
    pub kind: Kind,
    /// [`FORMAT`].
    pub format: u32,
    /// What follows.
    pub counts: Counts,
    /// What was given out.
    pub last_ids: LastIds,
}

/// A ticket with all that hangs on it. An export has every field; absent ones mean what `ticket
/// create` means without the option.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketRecord {
    /// `ticket`.
    pub kind: Kind,
    /// Its number in this file.
    #[serde(default)]
    pub id: Option<i64>,
    /// One line that says what it is about.
    pub title: String,
    /// The whole text.
    #[serde(default)]
    pub description: Option<String>,
    /// Where it stands.
    #[serde(default, deserialize_with = "word")]
    pub status: Option<Status>,
    /// What it asks for.
    #[serde(default, rename = "type", deserialize_with = "word")]
    pub ticket_type: Option<TicketType>,
    /// An agent's name, or `human`.
    #[serde(default)]
    pub assigned_to: Option<String>,
    /// The ticket of this file that it is a part of.
    #[serde(default)]
    pub parent_id: Option<i64>,
    /// Who made it.
    #[serde(default)]
    pub created_by: Option<String>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<String>,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: Option<String>,
    /// 0 to 4.
    #[serde(default)]
    pub priority: Option<i64>,
    /// Why it is done.
    #[serde(default, deserialize_with = "word")]
    pub resolution: Option<Resolution>,
    /// Unix seconds before which nobody claims it; 0 for none.
    #[serde(default)]
    pub not_before: i64,
    /// How long the queue itself makes it wait until then, in seconds; 0: that is somebody's wish.
    #[serde(default)]
    pub wait_seconds: i64,
    /// The number of its latest attempt.
    #[serde(default)]
    pub attempt: Option<i64>,
    /// How many attempts count against `max_attempts`.
    #[serde(default)]
    pub failures: i64,
    /// True: it cannot be claimed before its children are done.
    #[serde(default)]
    pub wait_for_children: bool,
    /// What it may cost in US dollars.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub max_budget_usd: Option<Usd>,
    /// Words to find it by.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The tickets of this file that it waits for.
    #[serde(default)]
    pub blocked_by: Vec<i64>,
    /// What was said about it, oldest first.
    #[serde(default)]
    pub comments: Vec<CommentRecord>,
    /// Who had it, oldest first.
    #[serde(default)]
    pub attempts: Vec<AttemptRecord>,
    /// What was submitted to the landing queue.
    #[serde(default)]
    pub landings: Vec<LandingRecord>,
}

/// A comment of a [`TicketRecord`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentRecord {
    /// Its number in this file.
    #[serde(default)]
    pub id: Option<i64>,
    /// Who wrote it.
    #[serde(default)]
    pub author: Option<String>,
    /// What it says.
    pub body: String,
    /// When it was written.
    #[serde(default)]
    pub created_at: Option<String>,
    /// The earlier comment on the same ticket that it answers.
    #[serde(default)]
    pub reply_to: Option<i64>,
}

/// An attempt of a [`TicketRecord`]: all but its token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttemptRecord {
    /// 1 for the first.
    pub number: i64,
    /// Who had it.
    pub agent: String,
    /// How long it may go on unheard.
    pub lease_seconds: i64,
    /// What its runner last said that it does.
    pub phase: String,
    /// The commit of main that it began from.
    pub base_commit: Option<String>,
    /// The commit that keeps its tree.
    pub snapshot: Option<String>,
    /// The agent CLI's conversation.
    pub session_id: Option<String>,
    /// How it ended; none while it is live.
    #[serde(deserialize_with = "word")]
    pub outcome: Option<Outcome>,
    /// Why it ended so.
    pub reason: Option<String>,
    /// The end of the log that shows it.
    pub log_tail: Option<String>,
    /// True: its tree was kept, or there is none.
    pub settled: bool,
    /// When it began.
    pub started_at: String,
    /// When it was last heard of.
    pub heartbeat_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// What it used: one for each run of an agent CLI, model and day.
    #[serde(default)]
    pub usage: Vec<UsageRecord>,
}

/// What an attempt of a [`TicketRecord`] used by one model, in one run of an agent CLI, on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageRecord {
    /// 1 for the attempt's first run.
    pub run: i64,
    /// The model.
    pub model: String,
    /// The day, where the hub ran.
    pub day: String,
    /// Which agent CLI.
    pub backend: String,
    /// What it was run for.
    #[serde(deserialize_with = "required_word")]
    pub phase: Phase,
    /// Tokens that were sent and came from no cache.
    pub input_tokens: i64,
    /// Tokens that the model wrote.
    pub output_tokens: i64,
    /// Tokens that were sent and read from a cache.
    pub cache_read_tokens: i64,
    /// Tokens that were sent and written to a cache.
    pub cache_write_tokens: i64,
    /// What it cost in millionths of a US dollar, where that is known.
    pub cost_microusd: Option<i64>,
    /// True: the run was over.
    pub is_last: bool,
    /// When it was first heard of.
    pub started_at: String,
    /// When it was last heard of.
    pub updated_at: String,
}

/// A landing of a [`TicketRecord`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LandingRecord {
    /// Its number in this file.
    pub id: i64,
    /// The attempt that submitted it.
    pub attempt: i64,
    /// What was submitted.
    pub commit_id: String,
    /// The commit that was verified.
    pub candidate: Option<String>,
    /// Where it stands.
    #[serde(deserialize_with = "required_word")]
    pub state: LandingState,
    /// Who let its change of protected paths pass.
    pub approved_by: Option<String>,
    /// What the agent says that it did.
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

/// What somebody found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LearningRecord {
    /// `learning`.
    pub kind: Kind,
    /// Its number in this file.
    #[serde(default)]
    pub id: Option<i64>,
    /// What was found out.
    pub body: String,
    /// What it is about, in one word.
    #[serde(default)]
    pub category: Option<String>,
    /// Who found it out.
    #[serde(default)]
    pub author: Option<String>,
    /// The ticket of this file that it came from.
    #[serde(default)]
    pub ticket_id: Option<i64>,
    /// When.
    #[serde(default)]
    pub created_at: Option<String>,
}

/// A row of the activity log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRecord {
    /// `event`.
    pub kind: Kind,
    /// Its number in this file.
    pub id: i64,
    /// The ticket it is about.
    pub ticket_id: Option<i64>,
    /// Who did it.
    pub agent_id: Option<String>,
    /// What was done.
    pub action: String,
    /// In whatever words help.
    pub detail: Option<String>,
    /// When.
    pub created_at: String,
}

/// One line, read.
#[derive(Debug)]
pub enum Record {
    /// See [`Header`].
    Header(Header),
    /// See [`TicketRecord`].
    Ticket(Box<TicketRecord>),
    /// See [`LearningRecord`].
    Learning(LearningRecord),
    /// See [`EventRecord`].
    Event(EventRecord),
}

impl Record {
    /// Reads a line; the error names the field.
    pub fn read(line: &[u8]) -> Result<Record> {
        #[derive(Deserialize)]
        struct Any {
            #[serde(deserialize_with = "required_word")]
            kind: Kind,
        }
        let text = std::str::from_utf8(line)
            .map_err(|_| Error::Invalid("the line is not UTF-8 text".into()))?;
        match field_by_field::<Any>(text)?.kind {
            Kind::Header => field_by_field(text).map(Record::Header),
            Kind::Ticket => field_by_field(text).map(|t| Record::Ticket(Box::new(t))),
            Kind::Learning => field_by_field(text).map(Record::Learning),
            Kind::Event => field_by_field(text).map(Record::Event),
        }
    }
}

/// What an import made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// How many rows of each kind.
    #[serde(flatten)]
    pub counts: Counts,
    /// Learnings that were known already.
    pub known_learnings: u64,
    /// Attempts and landings that were under way in the file and are ended here.
    pub ended: u64,
    /// True when the database had tickets, so that these got new numbers.
    pub renumbered: bool,
    /// Every ticket's new number, in the order of the file.
    pub ids: Vec<NewId>,
}

/// What became of one ticket's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewId {
    /// Its number in the file, when it had one.
    pub from: Option<i64>,
    /// Its number here.
    pub to: i64,
}

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imported {}", self.counts)?;
        match self.ids.first() {
            Some(first) if self.renumbered => write!(f, " (renumbered from #{}).", first.to)?,
            _ => write!(f, ".")?,
        }
        if self.known_learnings > 0 {
            write!(f, " Learnings that were known: {}.", self.known_learnings)?;
        }
        if self.ended > 0 {
            write!(f, " Tickets whose attempt was ended: {}.", self.ended)?;
        }
        Ok(())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Kind::Header, Kind::Ticket, Kind::Learning, Kind::Event];
        crate::words::one_of("kind", word, &all, |kind| match kind {
            Kind::Header => "header",
            Kind::Ticket => "ticket",
            Kind::Learning => "learning",
            Kind::Event => "event",
        })
    }
}

/// Reads one of our words, or says which there are.
fn word<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let word: Option<String> = Option::deserialize(from)?;
    word.map(|w| w.parse().map_err(D::Error::custom))
        .transpose()
}

fn required_word<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    from: D,
) -> Result<T, D::Error> {
    let word = String::deserialize(from)?;
    word.parse().map_err(D::Error::custom)
}

fn field_by_field<T: DeserializeOwned>(text: &str) -> Result<T> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        let said = inner.to_string();
        let place = format!(" at line 1 column {}", inner.column());
        let said = said.strip_suffix(&place).unwrap_or(&said);
        let said = crate::text::one_line(said);
        Error::Invalid(match field.as_str() {
            "." => said,
            field => format!("{}: {said}", crate::text::one_line(field)),
        })
    })?;
    json.end()
        .map_err(|_| Error::Invalid("there is more than one JSON object".into()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(line: &str) -> String {
        Record::read(line.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_the_field() {
        assert_eq!(
            refusal(r#"{"kind":"ticket","title":"a","comments":[{"body":5}]}"#),
            "comments[0].body: invalid type: integer `5`, expected a string"
        );
        assert_eq!(
            refusal(r#"{"kind":"ticket","title":"a","status":"opne"}"#),
            "status: unknown status 'opne': use open, in_progress, ready or done; did you mean open?"
        );
        assert!(
            refusal(r#"{"kind":"ticket","title":"a","colour":1}"#)
                .starts_with("colour: unknown field `colour`")
        );
        assert_eq!(
            refusal(r#"{"kind":"tickets","title":"a"}"#),
            "kind: unknown kind 'tickets': use header, ticket, learning or event; did you mean ticket?"
        );
        assert!(refusal(r#"{"title":"a"}"#).contains("missing field `kind`"));
        assert!(refusal(r#"{"kind":"ticket"}"#).contains("missing field `title`"));
        assert!(refusal(r#"{"kind":"ticket","title":"a"} {}"#).contains("more than one"));
        assert!(refusal(r#"{"kind":"ticket","title":"a","title":"b"}"#).contains("duplicate"));
        assert!(refusal("").contains("EOF"));
    }

    #[test]
    fn a_count_is_said_in_words() {
        let counts = Counts {
            tickets: 1,
            events: 2,
            ..Counts::default()
        };
        assert_eq!(counts.to_string(), "1 ticket, 2 events");
        assert_eq!(Counts::default().to_string(), "0 tickets");
    }
}
