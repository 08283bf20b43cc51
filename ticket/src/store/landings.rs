//! The landing queue's rows. What is in it is decided here; what becomes of it by the hub's lander.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{Store, Write, attempts, comments, events, halts, tickets};
use crate::actor::Actor;
use crate::attempt::Outcome;
use crate::comment::NewComment;
use crate::error::{Error, Result};
use crate::landing::{Landing, LandingState};
use crate::prompt::Finding;
use crate::status::{Move, Status};
use crate::ticket::Resolution;
use crate::wire::{EndAttempt, Submit};

const SELECT: &str = "SELECT l.id, l.ticket_id, l.attempt, l.commit_id, l.candidate, l.state, \
     l.approved_by, l.summary, l.reason, l.log_tail, l.submitted_at, l.finished_at, \
     t.priority, t.title, a.agent \
     FROM landings l JOIN tickets t ON t.id = l.ticket_id \
     JOIN attempts a ON a.ticket_id = l.ticket_id AND a.number = l.attempt";

/// Whether the ticket has work in the queue.
pub fn is_live(conn: &Connection, ticket: i64) -> Result<bool> {
    Ok(live(conn, ticket)?.is_some())
}

/// The ticket's entry in the queue.
pub fn live(conn: &Connection, ticket: i64) -> Result<Option<Landing>> {
    let sql = format!(
        "{SELECT} WHERE l.ticket_id = :ticket AND l.state IN ('queued', 'verifying', 'held')"
    );
    Ok(conn
        .prepare_cached(&sql)?
        .query_row(named_params! { ":ticket": ticket }, from_row)
        .optional()?)
}

/// Why the ticket's work came back the last time that it did not land.
pub fn last_bounce(conn: &Connection, ticket: i64) -> Result<Option<Finding>> {
    let mut query = conn.prepare_cached(
        "SELECT reason, log_tail FROM landings
         WHERE ticket_id = :ticket AND state = 'bounced' ORDER BY id DESC LIMIT 1",
    )?;
    let found = query.query_row(named_params! { ":ticket": ticket }, |row| {
        Ok(Finding {
            reason: row.get(0)?,
            log: row.get(1)?,
            ..Finding::default()
        })
    });
    Ok(found.optional()?)
}

/// Takes the ticket's entry out of the queue, if it has one.
pub fn cancel_live(tx: &Write<'_>, ticket: i64, reason: &str) -> Result<()> {
    tx.execute(
        "UPDATE landings SET state = 'cancelled', reason = :reason, finished_at = datetime('now')
         WHERE ticket_id = :ticket AND state IN ('queued', 'verifying', 'held')",
        named_params! { ":ticket": ticket, ":reason": reason },
    )?;
    Ok(())
}

/// A human lets a held landing pass: it is queued again.
pub fn approve(tx: &Write<'_>, actor: &Actor, landing: &Landing) -> Result<()> {
    if landing.state != LandingState::Held {
        return Err(Error::Refused(format!(
            "ticket {} is {}: there is nothing to approve",
            landing.ticket_id,
            landing.state.as_str()
        )));
    }
    tx.execute(
        "UPDATE landings SET state = 'queued', approved_by = :who, reason = NULL WHERE id = :id",
        named_params! { ":id": landing.id, ":who": actor.name() },
    )?;
    events::append(
        tx,
        actor,
        Some(landing.ticket_id),
        "approved",
        Some("its change of protected paths may land"),
    )
}

/// Refuses an entry of the queue: back to its attempt, or, when that is over, to whoever claims next.
pub fn bounce(
    tx: &Write<'_>,
    actor: &Actor,
    landing: &Landing,
    reason: &str,
    log_tail: Option<&str>,
) -> Result<()> {
    tx.execute(
        "UPDATE landings SET state = 'bounced', reason = :reason, log_tail = :log,
                finished_at = datetime('now')
         WHERE id = :id AND state IN ('queued', 'verifying', 'held')",
        named_params! { ":id": landing.id, ":reason": reason, ":log": log_tail },
    )?;
    events::append(tx, actor, Some(landing.ticket_id), "bounced", Some(reason))?;
    match attempts::live(tx, landing.ticket_id)? {
        Some(attempt) if attempt.phase != attempts::LEFT => {
            tickets::apply(tx, landing.ticket_id, Move::Bounce)?;
            tx.execute(
                "UPDATE attempts SET heartbeat_at = datetime('now')
                 WHERE ticket_id = :ticket AND number = :number",
                named_params! { ":ticket": attempt.ticket_id, ":number": attempt.number },
            )?;
            Ok(())
        }
        gone => {
            if let Some(attempt) = gone {
                let why = format!("bounced after its runner had left: {reason}");
                let end = EndAttempt {
                    log_tail: log_tail.map(str::to_owned),
                    snapshot: Some(landing.commit_id.clone()),
                    ..EndAttempt::new(Outcome::Released, why)
                };
                attempts::close(tx, &attempt, &end)?;
            }
            tickets::apply(tx, landing.ticket_id, Move::Release)?;
            let told = format!(
                "The landing queue refused attempt {}: {reason}",
                landing.attempt
            );
            comments::add(
                tx,
                actor,
                landing.ticket_id,
                actor.name(),
                &NewComment::new(&told),
            )?;
            Ok(())
        }
    }
}

impl Store {
    /// Puts an attempt's work into the landing queue; the ticket becomes `ready`. The same commit
    /// twice gives the same landing.
    pub fn submit(
        &mut self,
        agent: &str,
        ticket: i64,
        attempt: i64,
        submit: &Submit,
    ) -> Result<Landing> {
        self.write(|tx| {
            attempts::must_be_live(tx, agent, ticket, attempt)?;
            if let Some(queued) = live(tx, ticket)? {
                if queued.commit_id == submit.commit {
                    return Ok(queued);
                }
                return Err(Error::Refused(format!(
                    "ticket {ticket} is in the landing queue already"
                )));
            }
            tickets::apply(tx, ticket, Move::Submit)?;
            halts::served(tx, agent, ticket, attempt)?;
            let id: i64 = tx.query_row(
                "INSERT INTO landings (ticket_id, attempt, commit_id, summary)
                 VALUES (:ticket, :attempt, :commit, :summary) RETURNING id",
                named_params! {
                    ":ticket": ticket, ":attempt": attempt,
                    ":commit": submit.commit, ":summary": submit.summary,
                },
                |row| row.get(0),
            )?;
            events::append_as(tx, agent, Some(ticket), "submitted", Some(&submit.commit))?;
            get(tx, id)
        })
    }

    /// What waits to land, by priority and then submission.
    pub fn landing_queue(&self) -> Result<Vec<Landing>> {
        let sql = format!(
            "{SELECT} WHERE l.state IN ('queued', 'verifying', 'held') ORDER BY t.priority, l.id"
        );
        let mut query = self.conn.prepare_cached(&sql)?;
        let rows = query.query_map([], from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every landing, newest first.
    pub fn landings(&self, limit: u32) -> Result<Vec<Landing>> {
        self.landings_before(i64::MAX, limit)
    }

    /// Those of a ticket, oldest first.
    pub fn landings_of(&self, ticket: i64) -> Result<Vec<Landing>> {
        let sql = format!("{SELECT} WHERE l.ticket_id = :ticket ORDER BY l.id");
        let mut query = self.conn.prepare_cached(&sql)?;
        let rows = query.query_map(named_params! { ":ticket": ticket }, from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Those with a lower number, newest first.
    pub fn landings_before(&self, before: i64, limit: u32) -> Result<Vec<Landing>> {
        let sql = format!("{SELECT} WHERE l.id < :before ORDER BY l.id DESC LIMIT :limit");
        let mut query = self.conn.prepare_cached(&sql)?;
        let rows = query.query_map(
            named_params! { ":before": before, ":limit": limit },
            from_row,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One landing.
    pub fn landing(&self, id: i64) -> Result<Landing> {
        get(&self.conn, id)
    }

    /// Its candidate is built and goes to a verifier.
    pub fn landing_verifying(&mut self, id: i64, candidate: &str) -> Result<()> {
        self.write(|tx| {
            let landing = get(tx, id)?;
            let moved = tx.execute(
                "UPDATE landings SET state = 'verifying', candidate = :candidate
                 WHERE id = :id AND state IN ('queued', 'verifying')",
                named_params! { ":id": id, ":candidate": candidate },
            )?;
            must_have_moved(moved, &landing, "verified")?;
            events::append(
                tx,
                &Actor::Hub,
                Some(landing.ticket_id),
                "verifying",
                Some(candidate),
            )
        })
    }

    /// Its candidate is void (main moved, or the hub was restarted): it waits again.
    pub fn landing_requeue(&mut self, id: i64) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE landings SET state = 'queued', candidate = NULL
                 WHERE id = :id AND state = 'verifying'",
                named_params! { ":id": id },
            )?;
            Ok(())
        })
    }

    /// It changes protected paths: it waits for a human, and its attempt is over.
    pub fn hold(&mut self, id: i64, reason: &str) -> Result<()> {
        self.write(|tx| {
            let landing = get(tx, id)?;
            let moved = tx.execute(
                "UPDATE landings SET state = 'held', reason = :reason
                 WHERE id = :id AND state IN ('queued', 'verifying')",
                named_params! { ":id": id, ":reason": reason },
            )?;
            must_have_moved(moved, &landing, "held")?;
            if let Some(attempt) = attempts::live(tx, landing.ticket_id)? {
                let end = EndAttempt {
                    snapshot: Some(landing.commit_id.clone()),
                    ..EndAttempt::new(Outcome::NeedsReview, reason)
                };
                attempts::close(tx, &attempt, &end)?;
            }
            events::append(
                tx,
                &Actor::Hub,
                Some(landing.ticket_id),
                "held",
                Some(reason),
            )
        })
    }

    /// It is refused, with the reason and the end of the log.
    pub fn bounce(&mut self, id: i64, reason: &str, log_tail: Option<&str>) -> Result<()> {
        self.write(|tx| {
            let landing = get(tx, id)?;
            must_have_moved(
                usize::from(!landing.state.is_settled()),
                &landing,
                "bounced",
            )?;
            bounce(tx, &Actor::Hub, &landing, reason, log_tail)
        })
    }

    /// Main is at its candidate: landing, attempt and ticket are finished.
    pub fn land(&mut self, id: i64, candidate: &str) -> Result<()> {
        self.write(|tx| {
            let landing = get(tx, id)?;
            land(tx, landing.ticket_id, landing.attempt, candidate)
        })
    }

    /// Main holds a commit with this ticket's trailer: makes the database say so, too. Returns
    /// whether that was news.
    pub fn record_landed(&mut self, ticket: i64, attempt: i64, commit: &str) -> Result<bool> {
        self.write(|tx| {
            let row = match tickets::get(tx, ticket) {
                Err(Error::NotFound(_)) => return Ok(false),
                other => other?,
            };
            if row.status == Status::Done {
                return Ok(false);
            }
            land(tx, ticket, attempt, commit)?;
            Ok(true)
        })
    }
}

/// Finishes whatever the ticket still has open, as landed.
fn land(tx: &Write<'_>, ticket: i64, attempt: i64, commit: &str) -> Result<()> {
    tx.execute(
        "UPDATE landings SET state = 'landed', candidate = :commit, finished_at = datetime('now')
         WHERE ticket_id = :ticket AND attempt = :attempt AND state IN ('queued', 'verifying', 'held')",
        named_params! { ":ticket": ticket, ":attempt": attempt, ":commit": commit },
    )?;
    tx.execute(
        "UPDATE attempts SET outcome = 'landed', ended_at = coalesce(ended_at, datetime('now')),
                settled = 1, snapshot = coalesce(snapshot, (SELECT commit_id FROM landings
                    WHERE ticket_id = :ticket AND attempt = :attempt ORDER BY id DESC LIMIT 1))
         WHERE ticket_id = :ticket AND number = :attempt",
        named_params! { ":ticket": ticket, ":attempt": attempt },
    )?;
    attempts::end_from_outside(
        tx,
        &Actor::Hub,
        ticket,
        Outcome::Cancelled,
        "its ticket landed by another attempt",
    )?;
    tickets::finish(tx, ticket, Resolution::Landed)?;
    events::append(tx, &Actor::Hub, Some(ticket), "landed", Some(commit))?;
    events::append(tx, &Actor::Hub, Some(ticket), "done", Some("landed"))
}

fn must_have_moved(moved: usize, landing: &Landing, what: &str) -> Result<()> {
    if moved > 0 {
        return Ok(());
    }
    Err(Error::Stale(format!(
        "landing {} of ticket {} is {}: it cannot be {what}",
        landing.id,
        landing.ticket_id,
        landing.state.as_str()
    )))
}

fn get(conn: &Connection, id: i64) -> Result<Landing> {
    let sql = format!("{SELECT} WHERE l.id = :id");
    conn.prepare_cached(&sql)?
        .query_row(named_params! { ":id": id }, from_row)
        .optional()?
        .ok_or_else(|| Error::NotFound(format!("landing {id} not found")))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Landing> {
    Ok(Landing {
        id: row.get("id")?,
        ticket_id: row.get("ticket_id")?,
        attempt: row.get("attempt")?,
        priority: row.get("priority")?,
        title: row.get("title")?,
        agent: row.get("agent")?,
        commit_id: row.get("commit_id")?,
        candidate: row.get("candidate")?,
        state: tickets::parsed(row, "state")?,
        approved_by: row.get("approved_by")?,
        summary: row.get("summary")?,
        reason: row.get("reason")?,
        log_tail: row.get("log_tail")?,
        submitted_at: row.get("submitted_at")?,
        finished_at: row.get("finished_at")?,
    })
}
