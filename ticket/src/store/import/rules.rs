//! What a line of an import must be: the rules of `create` and `comment`, and a ticket, its attempts
//! and its landings that agree with each other. Every refusal begins with the field's name. Pure.

use chrono::NaiveDateTime;

use crate::comment::NewComment;
use crate::error::{Error, Result};
use crate::landing::LandingState;
use crate::learning::NewLearning;
use crate::status::Status;
use crate::store::tickets::check_name;
use crate::ticket::{check_label, check_priority, check_text, check_title};
use crate::transfer::{
    AttemptRecord, CommentRecord, EventRecord, LandingRecord, LearningRecord, TicketRecord,
    UsageRecord,
};
use crate::usage::MAX_RUNS;
use crate::usd::Usd;

/// The largest id: more than there will ever be, and exact in every JSON reader.
const MAX_ID: i64 = 1 << 53;
/// How times are written.
const TIME: &str = "%Y-%m-%d %H:%M:%S";

/// Refuses a ticket that the rules do not allow.
pub fn ticket(t: &TicketRecord) -> Result<()> {
    field("id", optional(t.id, id))?;
    field("title", check_title(&t.title))?;
    field(
        "description",
        t.description
            .as_deref()
            .map_or(Ok(()), |d| check_text("description", d)),
    )?;
    field("created_by", optional(t.created_by.as_deref(), name))?;
    field("assigned_to", optional(t.assigned_to.as_deref(), name))?;
    field("created_at", optional(t.created_at.as_deref(), time))?;
    field("updated_at", optional(t.updated_at.as_deref(), time))?;
    field("priority", check_priority(t.priority))?;
    field("not_before", not_negative(t.not_before))?;
    field("wait_seconds", not_negative(t.wait_seconds))?;
    field("failures", not_negative(t.failures))?;
    field("max_budget_usd", optional(t.max_budget_usd, budget))?;
    each("labels", &t.labels, |label| check_label(label))?;
    each("blocked_by", &t.blocked_by, |by| match t.id {
        Some(own) if own == *by => invalid(format!("ticket {own} cannot wait for itself")),
        _ => id(*by),
    })?;
    field("resolution", resolution(t))?;
    each("comments", &t.comments, comment)?;
    field("attempts", attempts(t))?;
    field("landings", landings(t))
}

/// Refuses a learning that the rules do not allow.
pub fn learning(l: &LearningRecord) -> Result<()> {
    let new = NewLearning {
        body: l.body.clone(),
        category: l.category.clone(),
        ..NewLearning::default()
    };
    field("id", optional(l.id, id))?;
    field("body", new.check())?;
    field("author", optional(l.author.as_deref(), name))?;
    field("created_at", optional(l.created_at.as_deref(), time))
}

/// Refuses an event that no log has.
pub fn event(e: &EventRecord) -> Result<()> {
    field("id", id(e.id))?;
    if !e.action.is_empty() {
        field("action", name(&e.action))?;
    }
    field("created_at", time(&e.created_at))
}

/// Refuses a last number that leaves none to give out.
pub fn last_id(last: i64) -> Result<()> {
    if last == 0 {
        return Ok(());
    }
    field("last_ids", id(last))
}

fn comment(c: &CommentRecord) -> Result<()> {
    field("id", optional(c.id, id))?;
    field("body", NewComment::new(&c.body).check())?;
    field("author", optional(c.author.as_deref(), name))?;
    field("created_at", optional(c.created_at.as_deref(), time))
}

fn resolution(t: &TicketRecord) -> Result<()> {
    match t.resolution {
        Some(resolution) if t.status != Some(Status::Done) => invalid(format!(
            "only a done ticket has one, and this one is {}: leave out '{}'",
            t.status.unwrap_or(Status::Open),
            resolution.as_str()
        )),
        _ => Ok(()),
    }
}

/// Numbered from 1, at most the last one live, and that only while somebody has the ticket.
fn attempts(t: &TicketRecord) -> Result<()> {
    for (attempt, expected) in t.attempts.iter().zip(1..) {
        if attempt.number != expected {
            return invalid(format!(
                "number {} stands where {expected} belongs",
                attempt.number
            ));
        }
        one_attempt(attempt)?;
        let is_last = usize::try_from(expected) == Ok(t.attempts.len());
        if attempt.outcome.is_none() && !(is_last && is_under_way(t)) {
            return invalid(format!(
                "attempt {expected} has no outcome: only the last one of a ticket that is in_progress or ready goes on"
            ));
        }
    }
    let last = t.attempts.last().map_or(0, |a| a.number);
    match t.attempt {
        Some(number) if number != last => invalid(format!(
            "the ticket's attempt is {number}, but the last one here is {last}"
        )),
        _ => Ok(()),
    }
}

fn one_attempt(a: &AttemptRecord) -> Result<()> {
    name(&a.agent)?;
    not_negative(a.lease_seconds)?;
    time(&a.started_at)?;
    time(&a.heartbeat_at)?;
    optional(a.ended_at.as_deref(), time)?;
    each("usage", &a.usage, usage)?;
    match (a.outcome, &a.ended_at) {
        (Some(_), Some(_)) | (None, None) => Ok(()),
        (Some(outcome), None) => invalid(format!(
            "attempt {} ended as {outcome}, but not at any time: give its ended_at",
            a.number
        )),
        (None, Some(_)) => invalid(format!(
            "attempt {} ended, but not in any way: give its outcome",
            a.number
        )),
    }
}

/// Each of an attempt; at most one goes on, and that only of a ticket that is ready.
fn landings(t: &TicketRecord) -> Result<()> {
    for landing in &t.landings {
        id(landing.id)?;
        time(&landing.submitted_at)?;
        optional(landing.finished_at.as_deref(), time)?;
        if !t.attempts.iter().any(|a| a.number == landing.attempt) {
            return invalid(format!(
                "landing {} is of attempt {}, which is not here",
                landing.id, landing.attempt
            ));
        }
    }
    let live: Vec<i64> = t.landings.iter().filter(is_live).map(|l| l.id).collect();
    match live.as_slice() {
        [] => Ok(()),
        [_] if t.status == Some(Status::Ready) => Ok(()),
        [one, ..] => invalid(format!(
            "landing {one} waits to land: only one of a ticket that is ready does"
        )),
    }
}

/// Whether somebody works on the ticket, or its work waits to land.
pub fn goes_on(t: &TicketRecord) -> bool {
    let live_attempt = t.attempts.iter().any(|a| a.outcome.is_none());
    live_attempt || t.landings.iter().any(|l| is_live(&l))
}

fn is_live(landing: &&LandingRecord) -> bool {
    match landing.state {
        LandingState::Queued | LandingState::Verifying | LandingState::Held => true,
        LandingState::Landed | LandingState::Bounced | LandingState::Cancelled => false,
    }
}

fn is_under_way(t: &TicketRecord) -> bool {
    matches!(t.status, Some(Status::InProgress | Status::Ready))
}

fn usage(u: &UsageRecord) -> Result<()> {
    if !(1..=MAX_RUNS).contains(&u.run) {
        return invalid(format!("run {} is out of range: 1 to {MAX_RUNS}", u.run));
    }
    let numbers = [
        u.input_tokens,
        u.output_tokens,
        u.cache_read_tokens,
        u.cache_write_tokens,
        u.cost_microusd.unwrap_or(0),
    ];
    if let Some(far) = numbers
        .iter()
        .find(|n| n.unsigned_abs() > MAX_ID.unsigned_abs())
    {
        return invalid(format!("{far} is out of range: at most {MAX_ID}"));
    }
    if crate::moment::day(&u.day).is_none() {
        return invalid(format!(
            "'{}' is not a day: write it as 2026-01-31",
            crate::text::one_line(&u.day)
        ));
    }
    for word in [&u.model, &u.backend] {
        if !word.is_empty() {
            name(word)?;
        }
    }
    time(&u.started_at)?;
    time(&u.updated_at)
}

fn budget(budget: Usd) -> Result<()> {
    if budget.0 > 0 {
        return Ok(());
    }
    invalid(format!("a budget of {budget} buys nothing"))
}

fn id(id: i64) -> Result<()> {
    if (1..=MAX_ID).contains(&id) {
        return Ok(());
    }
    invalid(format!("{id} is not an id: use 1 to {MAX_ID}"))
}

fn not_negative(number: i64) -> Result<()> {
    if number >= 0 {
        return Ok(());
    }
    invalid(format!("{number} is below 0"))
}

fn name(name: &str) -> Result<()> {
    // The field's name stands before it.
    check_name("", name).map_err(|e| Error::Invalid(e.to_string().trim_start().to_owned()))
}

fn time(time: &str) -> Result<()> {
    match NaiveDateTime::parse_from_str(time, TIME) {
        Ok(_) => Ok(()),
        Err(_) => invalid(format!(
            "'{}' is not a time: write it as 2026-01-31 23:59:59, in UTC",
            crate::text::one_line(time)
        )),
    }
}

fn optional<T>(value: Option<T>, check: impl FnOnce(T) -> Result<()>) -> Result<()> {
    value.map_or(Ok(()), check)
}

fn each<T>(what: &str, all: &[T], check: impl Fn(&T) -> Result<()>) -> Result<()> {
    let mut numbered = all.iter().enumerate();
    numbered.try_for_each(|(n, value)| field(&format!("{what}[{n}]"), check(value)))
}

fn field(name: &str, checked: Result<()>) -> Result<()> {
    checked.map_err(|error| Error::Invalid(format!("{name}: {error}")))
}

fn invalid<T>(sentence: String) -> Result<T> {
    Err(Error::Invalid(sentence))
}
