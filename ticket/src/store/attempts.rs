//! Attempts and their leases: signs of life, the end, and who may still push.
//!
//! An attempt that ended by somebody else's hand is unsettled: its runner may still hand in the
//! tree, and for [`SETTLING_SECONDS`] nobody claims the ticket.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::usage::{self, Spender};
use super::{Store, Write, budgets, events, halts, landings, retry, tickets};
use crate::actor::Actor;
use crate::attempt::{Attempt, Outcome};
use crate::diff::Subject;
use crate::error::{Error, Result};
use crate::secret;
use crate::status::Move;
use crate::ticket::Ticket;
use crate::usage::Spent;
use crate::wire::{EndAttempt, Heard, Heartbeat};

/// How long a ticket waits for the tree of an attempt that was ended from outside.
pub(super) const SETTLING_SECONDS: i64 = 30;
/// The phase of an attempt that just began.
const CLAIMED: &str = "claimed";
/// The phase of a submitted attempt whose runner is gone: its landing goes on without it.
pub(super) const LEFT: &str = "left";

const COLUMNS: &str = "ticket_id, number, agent, lease_seconds, phase, base_commit, snapshot, \
     session_id, outcome, reason, log_tail, started_at, heartbeat_at, ended_at";

/// The attempts of a ticket, oldest first.
pub fn of(conn: &Connection, ticket: i64) -> Result<Vec<Attempt>> {
    let sql = format!("SELECT {COLUMNS} FROM attempts WHERE ticket_id = :ticket ORDER BY number");
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(named_params! { ":ticket": ticket }, from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The same with what each used.
pub fn with_spending(conn: &Connection, ticket: i64) -> Result<Vec<Attempt>> {
    let mut attempts = of(conn, ticket)?;
    for (number, spent) in usage::by_attempt(conn, ticket)? {
        if let Some(attempt) = attempts.iter_mut().find(|a| a.number == number) {
            attempt.spent = spent;
        }
    }
    Ok(attempts)
}

/// Begins the attempt that a ticket's counter names; `ticket` is as its claim left it.
pub fn begin(
    tx: &Write<'_>,
    ticket: &Ticket,
    agent: &str,
    lease_seconds: i64,
    token: Option<&str>,
) -> Result<Attempt> {
    // What was just written is not read again: every claim would pay for it.
    tx.prepare_cached(
        "INSERT INTO attempts (ticket_id, number, agent, token_hash, lease_seconds, phase,
                               started_at, heartbeat_at)
         VALUES (:ticket, :number, :agent, :token, :lease, :phase, :now, :now)",
    )?
    .execute(named_params! {
        ":ticket": ticket.id, ":number": ticket.attempt, ":agent": agent,
        ":token": token.map(secret::hash), ":lease": lease_seconds, ":phase": CLAIMED,
        ":now": ticket.updated_at,
    })?;
    Ok(Attempt {
        ticket_id: ticket.id,
        number: ticket.attempt,
        agent: agent.to_owned(),
        lease_seconds,
        phase: CLAIMED.to_owned(),
        base_commit: None,
        snapshot: None,
        session_id: None,
        outcome: None,
        reason: None,
        log_tail: None,
        started_at: ticket.updated_at.clone(),
        heartbeat_at: ticket.updated_at.clone(),
        ended_at: None,
        spent: Spent::default(),
    })
}

/// The live attempt of a ticket, if it has one.
pub fn live(conn: &Connection, ticket: i64) -> Result<Option<Attempt>> {
    let sql =
        format!("SELECT {COLUMNS} FROM attempts WHERE ticket_id = :ticket AND ended_at IS NULL");
    Ok(conn
        .prepare_cached(&sql)?
        .query_row(named_params! { ":ticket": ticket }, from_row)
        .optional()?)
}

/// Ends the live attempt of a ticket from outside, if it has one: a human's or the agent's own
/// `unclaim` or `block`, a finished ticket. A runner's tree may follow.
pub fn end_from_outside(
    tx: &Write<'_>,
    actor: &Actor,
    ticket: i64,
    outcome: Outcome,
    reason: &str,
) -> Result<()> {
    landings::cancel_live(tx, ticket, reason)?;
    let Some(attempt) = live(tx, ticket)? else {
        return Ok(());
    };
    let settled = !has_runner(tx, ticket, attempt.number)?;
    tx.execute(
        "UPDATE attempts SET ended_at = datetime('now'), outcome = :outcome, reason = :reason,
                settled = :settled
         WHERE ticket_id = :ticket AND number = :number",
        named_params! {
            ":ticket": ticket, ":number": attempt.number, ":outcome": outcome.as_str(),
            ":reason": reason, ":settled": settled,
        },
    )?;
    if !settled {
        tickets::defer(tx, ticket, SETTLING_SECONDS)?;
    }
    let detail = format!("attempt {}: {outcome}: {reason}", attempt.number);
    events::append(tx, actor, Some(ticket), "attempt_ended", Some(&detail))?;
    let which = (ticket, attempt.number);
    halts::after_end(tx, actor.name(), which, outcome, None, reason)
}

/// The phase of an attempt whose container died by what it did there.
pub(super) const DIED: &str = "died";
/// The phase of an attempt whose container was killed from outside.
pub(super) const KILLED: &str = "killed";

/// How an agent's container died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// Somebody killed it: that says little about the work in it.
    pub from_outside: bool,
    /// In one sentence.
    pub reason: String,
    /// The last that it printed.
    pub log_tail: Option<String>,
}

impl Store {
    /// Writes down which commit of main the attempt began from.
    pub fn set_base(&mut self, ticket: i64, attempt: i64, commit: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE attempts SET base_commit = :commit
                 WHERE ticket_id = :ticket AND number = :number",
                named_params! { ":ticket": ticket, ":number": attempt, ":commit": commit },
            )?;
            Ok(())
        })
    }

    /// A sign of life. [`Error::Stale`] when the attempt is over; what it used is written down even
    /// then.
    pub fn heartbeat(
        &mut self,
        agent: &str,
        ticket: i64,
        attempt: i64,
        beat: &Heartbeat,
    ) -> Result<Heard> {
        self.write(|tx| {
            let before = must_belong(tx, agent, ticket, attempt)?;
            let over_budget = budgets::spend(tx, of_attempt(agent, ticket, attempt), &beat.usage)?;
            if let Err(stale) = must_go_on(&before) {
                budgets::hand_over(tx, ticket)?;
                return Ok(Err(stale));
            }
            tx.prepare_cached(
                "UPDATE attempts SET heartbeat_at = datetime('now'),
                        phase = coalesce(:phase, phase), session_id = coalesce(:session, session_id)
                 WHERE ticket_id = :ticket AND number = :number",
            )?
            .execute(named_params! {
                ":ticket": ticket, ":number": attempt,
                ":phase": beat.phase, ":session": beat.session_id,
            })?;
            if beat.served {
                halts::served(tx, agent, ticket, attempt)?;
            }
            if let Some(phase) = &beat.phase {
                let detail = match beat.took_ms {
                    Some(ms) => format!("{phase} ({} took {ms} ms)", before.phase),
                    None => phase.clone(),
                };
                events::append_as(tx, agent, Some(ticket), "phase", Some(&detail))?;
            }
            Ok(Ok(Heard { over_budget }))
        })?
    }

    /// The runner says that its attempt is over, or hands in the tree of one that was ended from
    /// outside. [`Error::Stale`] when there is nothing left to end.
    pub fn end_attempt(
        &mut self,
        agent: &str,
        ticket: i64,
        attempt: i64,
        end: &EndAttempt,
        max_attempts: i64,
    ) -> Result<()> {
        self.write(|tx| {
            let row = must_belong(tx, agent, ticket, attempt)?;
            budgets::spend(tx, of_attempt(agent, ticket, attempt), &end.usage)?;
            if row.outcome.is_some() {
                budgets::hand_over(tx, ticket)?;
                return match settle(tx, &row, end) {
                    Err(stale @ Error::Stale(_)) => Ok(Err(stale)),
                    settled => settled.map(Ok),
                };
            }
            if end.outcome == Outcome::Released && landings::is_live(tx, ticket)? {
                return leave(tx, agent, ticket, attempt).map(Ok);
            }
            landings::cancel_live(tx, ticket, "its attempt ended")?;
            close(tx, &row, end)?;
            tickets::apply(tx, ticket, Move::Release)?;
            retry::after_failure(tx, ticket, end, max_attempts)?;
            let detail = match &end.reason {
                Some(reason) => format!("attempt {attempt}: {}: {reason}", end.outcome),
                None => format!("attempt {attempt}: {}", end.outcome),
            };
            events::append_as(tx, agent, Some(ticket), "attempt_ended", Some(&detail))?;
            let said = end.reason.as_deref().unwrap_or_default();
            let which = (ticket, attempt);
            halts::after_end(tx, agent, which, end.outcome, end.trouble, said).map(Ok)
        })?
    }

    /// The container of this agent died while it worked: writes that down on its attempt, which ends
    /// when the agent is back or its lease is over. Work in the landing queue goes on without it.
    pub fn attempt_died(&mut self, agent: &str, death: &Death) -> Result<()> {
        self.write(|tx| {
            let phase = match death.from_outside {
                true => KILLED,
                false => DIED,
            };
            tx.execute(
                "UPDATE attempts SET phase = :phase, reason = :reason, log_tail = :log
                 WHERE agent = :agent AND ended_at IS NULL
                   AND NOT EXISTS (SELECT 1 FROM landings l WHERE l.ticket_id = attempts.ticket_id
                                   AND l.state IN ('queued', 'verifying', 'held'))",
                named_params! {
                    ":agent": agent, ":phase": phase, ":reason": death.reason,
                    ":log": death.log_tail,
                },
            )?;
            Ok(())
        })
    }

    /// The lease is over: the ticket waits again, and the tree may still come. Returns false when
    /// the attempt had ended already, or its work is in the landing queue.
    pub fn expire(&mut self, ticket: i64, attempt: i64, max_attempts: i64) -> Result<bool> {
        self.write(|tx| {
            let row = get(tx, ticket, attempt)?;
            if row.outcome.is_some() || landings::is_live(tx, ticket)? {
                return Ok(false);
            }
            let why = format!("nothing was heard for {} s", row.lease_seconds);
            let end = EndAttempt {
                unsettled: true,
                ..EndAttempt::new(Outcome::InfraFailed, why)
            };
            close(tx, &row, &end)?;
            tickets::apply(tx, ticket, Move::Release)?;
            retry::after_failure(tx, ticket, &end, max_attempts)?;
            let detail = format!("attempt {attempt} of {}", row.agent);
            events::append(
                tx,
                &Actor::Hub,
                Some(ticket),
                "lease_expired",
                Some(&detail),
            )?;
            let which = (ticket, attempt);
            halts::after_end(tx, &row.agent, which, end.outcome, None, &detail)?;
            Ok(true)
        })
    }

    /// Every attempt that has not ended.
    pub fn live_attempts(&self) -> Result<Vec<Attempt>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attempts WHERE ended_at IS NULL ORDER BY ticket_id, number"
        );
        let mut query = self.conn.prepare_cached(&sql)?;
        let rows = query.query_map([], from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One attempt.
    pub fn attempt(&self, ticket: i64, attempt: i64) -> Result<Attempt> {
        get(&self.conn, ticket, attempt)
    }

    /// Where the trees of an attempt are; without a number, of the latest attempt that left one.
    pub fn diff_subject(&self, ticket: i64, attempt: Option<i64>) -> Result<Subject> {
        tickets::must_exist(&self.conn, ticket)?;
        let all = of(&self.conn, ticket)?;
        let row = match attempt {
            Some(number) => all.into_iter().find(|a| a.number == number),
            None => {
                let left = |a: &Attempt| a.snapshot.is_some() || a.outcome.is_none();
                all.iter().rfind(|a| left(a)).or(all.last()).cloned()
            }
        };
        let row = row.ok_or_else(|| {
            Error::NotFound(match attempt {
                Some(number) => format!("ticket {ticket} has no attempt {number}"),
                None => format!("ticket {ticket} has no attempt yet"),
            })
        })?;
        let landed = self
            .conn
            .prepare_cached(
                "SELECT candidate FROM landings WHERE ticket_id = :ticket AND attempt = :number
                   AND state = 'landed' ORDER BY id DESC",
            )?
            .query_row(
                named_params! { ":ticket": ticket, ":number": row.number },
                |row| row.get(0),
            )
            .optional()?
            .flatten();
        Ok(Subject {
            ticket,
            attempt: row.number,
            landed,
            snapshot: row.snapshot,
        })
    }

    /// Records which commit keeps the attempt's tree.
    pub fn set_snapshot(&mut self, ticket: i64, attempt: i64, commit: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE attempts SET snapshot = :commit
                 WHERE ticket_id = :ticket AND number = :number",
                named_params! { ":ticket": ticket, ":number": attempt, ":commit": commit },
            )?;
            Ok(())
        })
    }

    /// Whether the attempt's branch may move: while it is live, or not yet settled. The error is
    /// the sentence for the git client.
    pub fn may_push(&self, ticket: i64, attempt: i64) -> Result<()> {
        let latest = tickets::get(&self.conn, ticket)?.attempt;
        if latest != attempt {
            return Err(stale(
                ticket,
                attempt,
                &format!("attempt {latest} has the ticket now"),
            ));
        }
        let open: bool = self
            .conn
            .prepare_cached(
                "SELECT ended_at IS NULL OR settled = 0 FROM attempts
                 WHERE ticket_id = :ticket AND number = :number",
            )?
            .query_row(
                named_params! { ":ticket": ticket, ":number": attempt },
                |row| row.get(0),
            )
            .optional()?
            .unwrap_or(false);
        if open {
            Ok(())
        } else {
            Err(stale(ticket, attempt, "it is over"))
        }
    }
}

/// The attempt, if it is live and this agent's.
pub(super) fn must_be_live(
    conn: &Connection,
    agent: &str,
    ticket: i64,
    attempt: i64,
) -> Result<Attempt> {
    let row = must_belong(conn, agent, ticket, attempt)?;
    must_go_on(&row)?;
    Ok(row)
}

fn of_attempt(agent: &str, ticket: i64, number: i64) -> Spender<'_> {
    Spender {
        agent,
        ticket: Some(ticket),
        number,
    }
}

/// The attempt, if it is this agent's.
fn must_belong(conn: &Connection, agent: &str, ticket: i64, attempt: i64) -> Result<Attempt> {
    let row = get(conn, ticket, attempt)?;
    if row.agent != agent {
        return Err(stale(ticket, attempt, "it belongs to another agent"));
    }
    Ok(row)
}

fn must_go_on(row: &Attempt) -> Result<()> {
    row.outcome.map_or(Ok(()), |outcome| {
        let why = format!("it ended as {outcome}");
        Err(stale(row.ticket_id, row.number, &why))
    })
}

/// Ends the attempt's row with what its runner said.
pub(super) fn close(tx: &Write<'_>, row: &Attempt, end: &EndAttempt) -> Result<()> {
    tx.execute(
        "UPDATE attempts SET ended_at = datetime('now'), outcome = :outcome,
                reason = CASE WHEN phase IN ('died', 'killed') AND :outcome = 'infra-failed'
                              THEN coalesce(reason, :reason) ELSE :reason END,
                log_tail = coalesce(:log_tail, log_tail), snapshot = coalesce(:snapshot, snapshot),
                session_id = coalesce(:session, session_id), settled = :settled
         WHERE ticket_id = :ticket AND number = :number",
        named_params! {
            ":ticket": row.ticket_id, ":number": row.number, ":outcome": end.outcome.as_str(),
            ":reason": end.reason, ":log_tail": end.log_tail, ":snapshot": end.snapshot,
            ":session": end.session_id, ":settled": !end.unsettled,
        },
    )?;
    Ok(())
}

/// The tree of an attempt that ended from outside has come (or there is none): the ticket may be
/// claimed again.
fn settle(tx: &Write<'_>, row: &Attempt, end: &EndAttempt) -> Result<()> {
    let settled = tx.execute(
        "UPDATE attempts SET settled = 1, snapshot = coalesce(:snapshot, snapshot),
                session_id = coalesce(:session, session_id), log_tail = coalesce(:log, log_tail)
         WHERE ticket_id = :ticket AND number = :number AND settled = 0",
        named_params! {
            ":ticket": row.ticket_id, ":number": row.number, ":snapshot": end.snapshot,
            ":session": end.session_id, ":log": end.log_tail,
        },
    )?;
    if settled == 0 {
        return Err(stale(row.ticket_id, row.number, "it has ended already"));
    }
    let ticket = tickets::get(tx, row.ticket_id)?;
    if ticket.attempt == row.number {
        let wait = match row.outcome {
            Some(outcome) if outcome.counts() => retry::backoff(ticket.failures),
            _ => 0,
        };
        tickets::defer(tx, row.ticket_id, wait)?;
    }
    let tree = match end.snapshot.as_ref().or(row.snapshot.as_ref()) {
        Some(_) => "its tree is kept",
        None => "it left nothing to keep",
    };
    let detail = format!("attempt {}: {tree}", row.number);
    events::append_as(
        tx,
        &row.agent,
        Some(row.ticket_id),
        "settled",
        Some(&detail),
    )
}

/// The runner goes away while its work waits to land; the landing goes on.
pub(super) fn leave(tx: &Write<'_>, agent: &str, ticket: i64, attempt: i64) -> Result<()> {
    tx.execute(
        "UPDATE attempts SET phase = :left WHERE ticket_id = :ticket AND number = :number",
        named_params! { ":left": LEFT, ":ticket": ticket, ":number": attempt },
    )?;
    let detail = format!("attempt {attempt}: its landing goes on");
    events::append_as(tx, agent, Some(ticket), "left", Some(&detail))
}

fn get(conn: &Connection, ticket: i64, attempt: i64) -> Result<Attempt> {
    let sql =
        format!("SELECT {COLUMNS} FROM attempts WHERE ticket_id = :ticket AND number = :number");
    conn.prepare_cached(&sql)?
        .query_row(
            named_params! { ":ticket": ticket, ":number": attempt },
            from_row,
        )
        .optional()?
        .ok_or_else(|| Error::NotFound(format!("ticket {ticket} has no attempt {attempt}")))
}

fn has_runner(conn: &Connection, ticket: i64, attempt: i64) -> Result<bool> {
    Ok(conn.query_row(
        "SELECT token_hash IS NOT NULL FROM attempts WHERE ticket_id = :ticket AND number = :number",
        named_params! { ":ticket": ticket, ":number": attempt },
        |row| row.get(0),
    )?)
}

fn stale(ticket: i64, attempt: i64, why: &str) -> Error {
    Error::Stale(format!(
        "attempt {attempt} of ticket {ticket} is closed: {why}"
    ))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    // By place, in the order of `COLUMNS`.
    Ok(Attempt {
        ticket_id: row.get(0)?,
        number: row.get(1)?,
        agent: row.get(2)?,
        lease_seconds: row.get(3)?,
        phase: row.get(4)?,
        base_commit: row.get(5)?,
        snapshot: row.get(6)?,
        session_id: row.get(7)?,
        outcome: tickets::parsed_or_null(row, 8)?,
        reason: row.get(9)?,
        log_tail: row.get(10)?,
        started_at: row.get(11)?,
        heartbeat_at: row.get(12)?,
        ended_at: row.get(13)?,
        spent: Spent::default(),
    })
}

/// The ticket may be claimed by nobody while it waits for another: used by `block`.
pub(super) fn release_for_blocker(
    tx: &Write<'_>,
    actor: &Actor,
    ticket: &Ticket,
    by: i64,
) -> Result<()> {
    if ticket.assigned_to.is_none() {
        return Ok(());
    }
    end_from_outside(
        tx,
        actor,
        ticket.id,
        Outcome::Released,
        &format!("waits for ticket {by}"),
    )?;
    tickets::apply(tx, ticket.id, Move::Release)?;
    Ok(())
}
