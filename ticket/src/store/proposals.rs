//! The ration of proposals: how many may be open at once, and how often an idle agent may be asked.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::usage::{self, Spender};
use super::{Store, Write, events, halts};
use crate::attempt::Outcome;
use crate::error::{Error, Result};
use crate::halt::Claims;
use crate::moment::today;
use crate::secret;
use crate::wire::{EndProposal, Heard, Heartbeat};

/// A proposal run that the ration allowed.
#[derive(Debug)]
pub struct NewProposal {
    /// Its number.
    pub run: i64,
    /// Its token, known only here.
    pub token: String,
    /// Titles of proposals that are open or were rejected.
    pub known: Vec<String>,
}

impl Store {
    /// Starts a proposal run for an idle agent, or `None` when the ration is used up: open proposals
    /// and running runs together reach `max_open`, the last run began less than `every_seconds` ago, or
    /// claims are withheld.
    pub fn begin_proposal(
        &mut self,
        agent: &str,
        max_open: i64,
        every_seconds: i64,
    ) -> Result<Option<NewProposal>> {
        let token = secret::new_token();
        self.write(|tx| {
            let allowed = halts::claims(tx)?;
            if allowed == Claims::Withheld || !ration_allows(tx, max_open, every_seconds)? {
                return Ok(None);
            }
            let run: i64 = tx.query_row(
                "INSERT INTO proposal_runs (agent, token_hash) VALUES (:agent, :token) RETURNING id",
                named_params! { ":agent": agent, ":token": secret::hash(&token) },
                |row| row.get(0),
            )?;
            events::append_as(tx, agent, None, "proposing", None)?;
            if allowed == Claims::Probe {
                halts::begin_probe(tx, agent, 0, run)?;
            }
            let known = known(tx)?;
            Ok(Some(NewProposal { run, token: token.clone(), known }))
        })
    }

    /// A sign of life. [`Error::Stale`] when the run is over; what it used is written down even then.
    pub fn proposal_heartbeat(&mut self, agent: &str, run: i64, beat: &Heartbeat) -> Result<Heard> {
        self.write(|tx| {
            let goes_on = must_belong(tx, agent, run)?;
            usage::record(tx, spender(agent, run), &beat.usage, &today())?;
            Ok(match goes_on {
                true => Ok(Heard::default()),
                false => Err(over(agent, run)),
            })
        })?
    }

    /// The run is over, with or without a proposal. [`Error::Stale`] when it was over already.
    pub fn end_proposal(&mut self, agent: &str, run: i64, end: &EndProposal) -> Result<()> {
        self.write(|tx| {
            must_belong(tx, agent, run)?;
            usage::record(tx, spender(agent, run), &end.usage, &today())?;
            let ended = tx.execute(
                "UPDATE proposal_runs SET ended_at = datetime('now'), reason = :reason
                 WHERE id = :run AND agent = :agent AND ended_at IS NULL",
                named_params! { ":run": run, ":agent": agent, ":reason": end.reason },
            )?;
            if ended == 0 {
                return Ok(Err(over(agent, run)));
            }
            events::append_as(tx, agent, None, "proposal_ended", end.reason.as_deref())?;
            let outcome = end.outcome.unwrap_or(Outcome::NoChange);
            let said = end.reason.as_deref().unwrap_or_default();
            halts::after_end(tx, agent, (0, run), outcome, end.trouble, said).map(Ok)
        })?
    }

    /// The numbers of the proposal runs that are under way.
    pub fn live_proposals(&self) -> Result<Vec<i64>> {
        let mut query = self
            .conn
            .prepare_cached("SELECT id FROM proposal_runs WHERE ended_at IS NULL ORDER BY id")?;
        let rows = query.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whose a proposal run is.
    pub fn proposer(&self, run: i64) -> Result<String> {
        let agent = self
            .conn
            .prepare_cached("SELECT agent FROM proposal_runs WHERE id = :run")?
            .query_row(named_params! { ":run": run }, |row| row.get(0))
            .optional()?;
        agent.ok_or_else(|| Error::NotFound(format!("proposal run {run} not found")))
    }
}

/// Titles of proposals that are open or were rejected, the newest first.
pub fn known(conn: &Connection) -> Result<Vec<String>> {
    let mut query = conn.prepare_cached(
        "SELECT title FROM tickets WHERE type = 'proposal'
           AND (status <> 'done' OR resolution = 'rejected') ORDER BY id DESC LIMIT 100",
    )?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn spender(agent: &str, run: i64) -> Spender<'_> {
    Spender {
        agent,
        ticket: None,
        number: run,
    }
}

fn over(agent: &str, run: i64) -> Error {
    Error::Stale(format!("proposal run {run} of {agent} is over"))
}

/// Refuses a run that is not this agent's; says whether it goes on.
fn must_belong(conn: &Connection, agent: &str, run: i64) -> Result<bool> {
    let mut query = conn.prepare_cached(
        "SELECT ended_at IS NULL FROM proposal_runs WHERE id = :run AND agent = :agent",
    )?;
    query
        .query_row(named_params! { ":run": run, ":agent": agent }, |row| {
            row.get(0)
        })
        .optional()?
        .ok_or_else(|| over(agent, run))
}

/// Binds the run's one proposal; a second one is refused.
pub fn bind(tx: &Write<'_>, run: i64, ticket: i64) -> Result<()> {
    let bound = tx.execute(
        "UPDATE proposal_runs SET ticket_id = :ticket
         WHERE id = :run AND ticket_id IS NULL AND ended_at IS NULL",
        named_params! { ":run": run, ":ticket": ticket },
    )?;
    if bound == 0 {
        return Err(Error::Refused(
            "this run has made its proposal already: one is enough".into(),
        ));
    }
    Ok(())
}

fn ration_allows(tx: &Write<'_>, max_open: i64, every_seconds: i64) -> Result<bool> {
    let open: i64 = tx.query_row(
        "SELECT (SELECT count(*) FROM tickets WHERE type = 'proposal' AND status <> 'done')
              + (SELECT count(*) FROM proposal_runs WHERE ended_at IS NULL AND ticket_id IS NULL)",
        [],
        |row| row.get(0),
    )?;
    let since_last: Option<i64> = tx
        .query_row(
            "SELECT unixepoch('now') - unixepoch(started_at) FROM proposal_runs
             ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(open < max_open && since_last.is_none_or(|s| s >= every_seconds))
}
