//! What follows a failed attempt: the ticket waits, longer each time, and after the last failure it
//! is the human's.

use rusqlite::named_params;

use super::{Write, attempts, comments, events, now, tickets};
use crate::actor::Actor;
use crate::attempt::{Attempt, Outcome};
use crate::comment::NewComment;
use crate::error::Result;
use crate::text::last_bytes;
use crate::ticket::HUMAN;
use crate::wire::EndAttempt;

/// The first wait after a failed attempt; doubled by each further one.
const BACKOFF_SECONDS: i64 = 10;
/// The longest wait after a failed attempt.
const MAX_BACKOFF_SECONDS: i64 = 300;
/// What the human is shown of the last log.
const LOG_BYTES: usize = 4 * 1024;

/// Counts a failure and makes the ticket wait; after the last one it is the human's.
pub fn after_failure(tx: &Write<'_>, id: i64, end: &EndAttempt, max_attempts: i64) -> Result<()> {
    let settling = if end.unsettled {
        attempts::SETTLING_SECONDS
    } else {
        0
    };
    if !end.outcome.counts() {
        let pause = match end.outcome {
            Outcome::InfraFailed => backoff(in_a_row(tx, id, end.outcome)?),
            // A limit or a refused login is the account's, not the ticket's: see `holds`.
            _ => 0,
        };
        let wait = settling.max(pause);
        return match wait {
            0 => Ok(()),
            _ => tickets::defer(tx, id, now() + wait),
        };
    }
    let failures: i64 = tx.query_row(
        "UPDATE tickets SET failures = failures + 1 WHERE id = :id RETURNING failures",
        named_params! { ":id": id },
        |row| row.get(0),
    )?;
    tickets::defer(tx, id, now() + settling.max(backoff(failures)))?;
    if failures >= max_attempts {
        quarantine(tx, id, failures)?;
    }
    Ok(())
}

/// How many of the ticket's latest attempts ended with `outcome`, one after the other.
fn in_a_row(tx: &Write<'_>, id: i64, outcome: Outcome) -> Result<i64> {
    let number: i64 = tx.query_row(
        "SELECT count(*) FROM attempts WHERE ticket_id = :id AND outcome = :outcome
           AND number > (SELECT coalesce(max(number), 0) FROM attempts
                         WHERE ticket_id = :id AND outcome <> :outcome)",
        named_params! { ":id": id, ":outcome": outcome.as_str() },
        |row| row.get(0),
    )?;
    Ok(number)
}

/// Hands a ticket that nobody could do to the human, with what was tried and the end of the last log.
fn quarantine(tx: &Write<'_>, id: i64, failures: i64) -> Result<()> {
    let attempts = attempts::of(tx, id)?;
    let failed: Vec<&Attempt> = attempts
        .iter()
        .filter(|a| a.outcome.is_some_and(Outcome::counts))
        .collect();
    let lines: Vec<String> = failed
        .iter()
        .map(|attempt| {
            let outcome = attempt.outcome.map_or("", Outcome::as_str);
            let reason = attempt.reason.as_deref().unwrap_or("no reason given");
            let (number, agent) = (attempt.number, &attempt.agent);
            format!("- attempt {number} by {agent}: {outcome}: {reason}")
        })
        .collect();
    let log = failed
        .last()
        .and_then(|attempt| attempt.log_tail.as_deref())
        .map_or(String::new(), |log| {
            format!(
                "\n\nThe end of the last log:\n\n{}",
                last_bytes(log.trim_end(), LOG_BYTES)
            )
        });
    let summary = format!(
        "{failures} attempts failed; this is yours now. 'ticket unclaim {id}' lets agents try again \
         (a comment first helps them), 'ticket diff {id}' shows what was left.\n{}{log}",
        lines.join("\n")
    );
    tickets::assign(tx, id, Some(HUMAN))?;
    let comment = NewComment::new(&summary);
    comments::add(tx, &Actor::Hub, id, Actor::Hub.name(), &comment)?;
    events::append(tx, &Actor::Hub, Some(id), "quarantined", None)
}

pub fn backoff(failures: i64) -> i64 {
    let doublings = u32::try_from(failures.clamp(1, 10) - 1).unwrap_or(0);
    (BACKOFF_SECONDS << doublings).min(MAX_BACKOFF_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::backoff;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let waits: Vec<i64> = (1..=7).map(backoff).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
    }
}
