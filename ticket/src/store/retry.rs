//! What follows a failed attempt: the ticket waits, longer each time, and after the last failure it
//! is the human's.

use rusqlite::named_params;

use super::{Write, attempts, comments, events, tickets};
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
/// So many times `max_attempts` a container may be killed from outside.
const LUCKLESS: i64 = 3;
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
        if wait > 0 {
            tickets::defer(tx, id, wait)?;
        }
        let deaths = deaths(tx, id)?;
        return match end.outcome == Outcome::InfraFailed && deaths.are_too_many(max_attempts) {
            true => quarantine(tx, id, "the container of the agent died again and again"),
            false => Ok(()),
        };
    }
    let failures: i64 = tx.query_row(
        "UPDATE tickets SET failures = failures + 1 WHERE id = :id RETURNING failures",
        named_params! { ":id": id },
        |row| row.get(0),
    )?;
    tickets::defer(tx, id, settling.max(backoff(failures)))?;
    // One that has used up its budget is the human's already.
    let is_free = tickets::get(tx, id)?.assigned_to.is_none();
    if failures >= max_attempts && is_free {
        quarantine(tx, id, &format!("{failures} attempts failed"))?;
    }
    Ok(())
}

/// How often the ticket's container died since an attempt last came to an end of its own, or since
/// the human had the ticket.
struct Deaths {
    /// By what was done there.
    own: i64,
    /// Killed from outside.
    from_outside: i64,
}

impl Deaths {
    /// Who is killed from outside may just have had bad luck, but not for ever.
    fn are_too_many(&self, max_attempts: i64) -> bool {
        self.own >= max_attempts
            || self.own + self.from_outside >= max_attempts.saturating_mul(LUCKLESS)
    }
}

fn deaths(tx: &Write<'_>, id: i64) -> Result<Deaths> {
    let deaths = tx
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE phase = :died), count(*) FILTER (WHERE phase = :killed)
             FROM attempts WHERE ticket_id = :id AND outcome = 'infra-failed'
               AND number > (SELECT coalesce(max(number), 0) FROM attempts WHERE ticket_id = :id
                             AND outcome IN ('landed', 'needs-review', 'no-change', 'agent-failed',
                                             'verify-red', 'conflict', 'stalled'))
               AND number > (SELECT attempt FROM tickets WHERE id = :id) -
                     (SELECT count(*) FROM activity_log WHERE ticket_id = :id AND action = 'claimed'
                      AND id > (SELECT coalesce(max(id), 0) FROM activity_log
                                WHERE ticket_id = :id AND action = 'quarantined'))",
        )?
        .query_row(
            named_params! { ":id": id, ":died": attempts::DIED, ":killed": attempts::KILLED },
            |row| {
                Ok(Deaths {
                    own: row.get(0)?,
                    from_outside: row.get(1)?,
                })
            },
        )?;
    Ok(deaths)
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
fn quarantine(tx: &Write<'_>, id: i64, why: &str) -> Result<()> {
    let attempts = attempts::of(tx, id)?;
    let failed: Vec<&Attempt> = attempts
        .iter()
        .filter(|a| a.outcome.is_some_and(Outcome::counts) || has_died(a))
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
        "{why}; this is yours now. What should they know? 'ticket answer {id} \"TEXT\"' tells \
         them and lets them try again, 'ticket unclaim {id}' does so without a word, 'ticket diff \
         {id}' shows what was left.\n{}{log}",
        lines.join("\n")
    );
    tickets::assign(tx, id, Some(HUMAN))?;
    let comment = NewComment::new(&summary);
    comments::add(tx, &Actor::Hub, id, Actor::Hub.name(), &comment)?;
    events::append(tx, &Actor::Hub, Some(id), "quarantined", None)
}

fn has_died(attempt: &Attempt) -> bool {
    [attempts::DIED, attempts::KILLED].contains(&attempt.phase.as_str())
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
