//! Proposal runs whose agent is gone: the next idle agent takes such a run up again, which costs no
//! new turn of the ration. A run that nobody brings to an end is given up.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::super::retry::backoff;
use super::super::{Store, Write, events, halts, now};
use crate::attempt::Outcome;
use crate::error::Result;
use crate::halt::Trouble;

/// So many agents may have a run; then it counts as one that proposed nothing.
const TRIES: i64 = 3;

/// A run that waits for the next idle agent.
pub struct Left {
    /// Its number.
    pub run: i64,
    /// Who had it last.
    pub agent: String,
    /// The agent CLI's conversation there.
    pub session: Option<String>,
    /// How many agents had it.
    pub tries: i64,
    /// Whether it was left long enough ago.
    pub is_due: bool,
}

/// The run that waits, if one does.
pub fn waiting(conn: &Connection) -> Result<Option<Left>> {
    let mut query = conn.prepare_cached(
        "SELECT id, agent, session_id, tries, left_at FROM proposal_runs
         WHERE ended_at IS NULL AND left_at IS NOT NULL ORDER BY id LIMIT 1",
    )?;
    let row = query.query_row([], |row| {
        let (tries, left_at): (i64, i64) = (row.get(3)?, row.get(4)?);
        let since = now() - left_at;
        Ok(Left {
            run: row.get(0)?,
            agent: row.get(1)?,
            session: row.get(2)?,
            tries,
            // A clock that was set back must not keep it waiting.
            is_due: since < 0 || since >= backoff(tries),
        })
    });
    Ok(row.optional()?)
}

/// The agent of a live run is gone. Without a proposal the run waits for another, or is given up after
/// too many; with one it is over.
pub fn leave(
    tx: &Write<'_>,
    agent: &str,
    run: i64,
    outcome: Outcome,
    trouble: Option<Trouble>,
    why: &str,
) -> Result<()> {
    let action: String = tx.query_row(
        "UPDATE proposal_runs SET reason = :why,
                left_at = CASE WHEN ticket_id IS NULL AND tries < :most THEN :now END,
                ended_at = CASE WHEN ticket_id IS NULL AND tries < :most THEN NULL
                                ELSE datetime('now') END,
                empty = ticket_id IS NULL AND tries >= :most
         WHERE id = :run
         RETURNING CASE WHEN ended_at IS NULL THEN 'proposal_left' ELSE 'proposal_ended' END",
        named_params! { ":run": run, ":why": why, ":most": TRIES, ":now": now() },
        |row| row.get(0),
    )?;
    events::append_as(tx, agent, None, &action, Some(why))?;
    halts::after_end(tx, agent, (0, run), outcome, trouble, why)
}

/// The runs that an earlier process of this agent left behind.
pub fn leave_all(tx: &Write<'_>, agent: &str) -> Result<()> {
    let runs: Vec<i64> = {
        let mut query = tx.prepare_cached(
            "SELECT id FROM proposal_runs
             WHERE agent = :agent AND ended_at IS NULL AND left_at IS NULL",
        )?;
        let rows = query.query_map(named_params! { ":agent": agent }, |row| row.get(0))?;
        rows.collect::<Result<_, _>>()?
    };
    for run in runs {
        let why = "its runner was restarted";
        leave(tx, agent, run, Outcome::InfraFailed, None, why)?;
    }
    Ok(())
}

impl Store {
    /// Nothing was heard of a proposal run for so many seconds. Returns false when it was over.
    pub fn expire_proposal(&mut self, run: i64, seconds: u64) -> Result<bool> {
        self.write(|tx| {
            let agent: Option<String> = tx
                .query_row(
                    "SELECT agent FROM proposal_runs
                     WHERE id = :run AND ended_at IS NULL AND left_at IS NULL",
                    named_params! { ":run": run },
                    |row| row.get(0),
                )
                .optional()?;
            let Some(agent) = agent else {
                return Ok(false);
            };
            let why = format!("nothing was heard for {seconds} s");
            leave(tx, &agent, run, Outcome::InfraFailed, None, &why)?;
            Ok(true)
        })
    }
}
