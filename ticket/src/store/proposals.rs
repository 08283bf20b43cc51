//! Proposals of idle agents: when one is asked, what it must not repeat, and the one that it makes.

mod left;
mod ration;
mod repeats;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::usage::Spender;
use super::{Store, Write, budgets, events, halts, tickets};
use crate::actor::Actor;
use crate::attempt::Outcome;
use crate::error::{Error, Result};
use crate::halt::Claims;
use crate::secret;
use crate::ticket::{HUMAN, NewTicket, TicketType};
use crate::wire::{EndProposal, Heard, Heartbeat, KnownProposal};

use left::Left;
pub(super) use left::leave_all;
pub use ration::Ration;
pub use repeats::look_up;
use repeats::{Alike, Repeated};

/// Proposals that are open or were turned down: the condition of the index `tickets_proposed`.
const OPEN: &str = "type = 'proposal' AND (status <> 'done' OR resolution = 'rejected')";
/// How many of them an agent is told.
const KNOWN: i64 = 100;
/// After so many repetitions a run makes no proposal any more.
const REFUSALS: i64 = 2;

/// A proposal run that the ration allowed.
#[derive(Debug)]
pub struct NewProposal {
    /// Its number.
    pub run: i64,
    /// Its token, known only here.
    pub token: String,
    /// The newest proposals that are open or were turned down.
    pub known: Vec<KnownProposal>,
    /// How many agents had this run, this one with them.
    pub tries: i64,
    /// The conversation to resume, when this agent had the run before.
    pub resume: Option<String>,
}

impl Store {
    /// Starts a proposal run for an idle agent, or hands on the one whose agent is gone. `None` when
    /// the ration is used up or claims are withheld.
    pub fn begin_proposal(&mut self, agent: &str, ration: Ration) -> Result<Option<NewProposal>> {
        let token = secret::new_token();
        self.write(|tx| {
            let allowed = halts::terms(tx, agent)?.claims;
            if allowed == Claims::Withheld || !ration::has_room(tx, ration)? {
                return Ok(None);
            }
            let begun = match left::waiting(tx)? {
                Some(left) if left.is_due => Some(take_up(tx, agent, &token, left)?),
                Some(_) => None,
                None if ration::is_due(tx, ration)? => Some(begin(tx, agent, &token)?),
                None => None,
            };
            if let Some(begun) = begun.as_ref().filter(|_| allowed == Claims::Probe) {
                halts::begin_probe(tx, agent, 0, begun.run)?;
            }
            Ok(begun)
        })
    }

    /// A sign of life. [`Error::Stale`] when the run is over; what it used is written down even then.
    pub fn proposal_heartbeat(&mut self, agent: &str, run: i64, beat: &Heartbeat) -> Result<Heard> {
        self.write(|tx| {
            let goes_on = must_belong(tx, agent, run)?;
            let over_budget = budgets::spend(tx, spender(agent, run), &beat.usage)?;
            if let Some(session) = beat.session_id.as_ref().filter(|_| goes_on) {
                tx.execute(
                    "UPDATE proposal_runs SET session_id = :session WHERE id = :run",
                    named_params! { ":run": run, ":session": session },
                )?;
            }
            if beat.served && goes_on {
                halts::served(tx, agent, 0, run)?;
            }
            Ok(match goes_on {
                true => Ok(Heard { over_budget }),
                false => Err(over(agent, run)),
            })
        })?
    }

    /// The run is over, with or without a proposal. [`Error::Stale`] when it was over already.
    pub fn end_proposal(&mut self, agent: &str, run: i64, end: &EndProposal) -> Result<()> {
        self.write(|tx| {
            let goes_on = must_belong(tx, agent, run)?;
            budgets::spend(tx, spender(agent, run), &end.usage)?;
            if !goes_on {
                return Ok(Err(over(agent, run)));
            }
            if let Some(outcome) = end.outcome.filter(|outcome| !outcome.counts()) {
                let why = end.reason.as_deref().unwrap_or_default();
                return left::leave(tx, agent, run, outcome, end.trouble, why).map(Ok);
            }
            tx.execute(
                "UPDATE proposal_runs SET ended_at = datetime('now'), reason = :reason,
                        empty = ticket_id IS NULL
                 WHERE id = :run",
                named_params! { ":run": run, ":reason": end.reason },
            )?;
            events::append_as(tx, agent, None, "proposal_ended", end.reason.as_deref())?;
            let outcome = end.outcome.unwrap_or(Outcome::NoChange);
            let said = end.reason.as_deref().unwrap_or_default();
            halts::after_end(tx, agent, (0, run), outcome, end.trouble, said).map(Ok)
        })?
    }

    /// The numbers of the proposal runs that are under way.
    pub fn live_proposals(&self) -> Result<Vec<i64>> {
        let mut query = self.conn.prepare_cached(
            "SELECT id FROM proposal_runs WHERE ended_at IS NULL AND left_at IS NULL ORDER BY id",
        )?;
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

fn begin(tx: &Write<'_>, agent: &str, token: &str) -> Result<NewProposal> {
    let run: i64 = tx.query_row(
        "INSERT INTO proposal_runs (agent, token_hash) VALUES (:agent, :token) RETURNING id",
        named_params! { ":agent": agent, ":token": secret::hash(token) },
        |row| row.get(0),
    )?;
    events::append_as(tx, agent, None, "proposing", None)?;
    Ok(NewProposal {
        run,
        token: token.to_owned(),
        known: known(tx)?,
        tries: 1,
        resume: None,
    })
}

/// The token of whoever had the run before is worth nothing from now on.
fn take_up(tx: &Write<'_>, agent: &str, token: &str, left: Left) -> Result<NewProposal> {
    tx.execute(
        "UPDATE proposal_runs SET agent = :agent, token_hash = :token, left_at = NULL,
                session_id = NULL, tries = tries + 1
         WHERE id = :run",
        named_params! { ":run": left.run, ":agent": agent, ":token": secret::hash(token) },
    )?;
    let detail = format!("takes up run {} of {}", left.run, left.agent);
    events::append_as(tx, agent, None, "proposing", Some(&detail))?;
    Ok(NewProposal {
        run: left.run,
        token: token.to_owned(),
        known: known(tx)?,
        tries: left.tries + 1,
        resume: left.session.filter(|_| left.agent == agent),
    })
}

/// The proposals that are open or were turned down, the newest first. What the human said at last of
/// one that was turned down is why.
pub fn known(conn: &Connection) -> Result<Vec<KnownProposal>> {
    let sql = format!(
        "SELECT title, status = 'done', CASE WHEN status = 'done' THEN
                (SELECT body FROM comments WHERE ticket_id = tickets.id AND author = :human
                 ORDER BY id DESC LIMIT 1) END
         FROM tickets WHERE {OPEN} ORDER BY id DESC LIMIT :most"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(named_params! { ":human": HUMAN, ":most": KNOWN }, |row| {
        Ok(KnownProposal {
            title: row.get(0)?,
            rejected: row.get(1)?,
            reason: row.get(2)?,
        })
    })?;
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
        "SELECT ended_at IS NULL AND left_at IS NULL FROM proposal_runs
         WHERE id = :run AND agent = :agent",
    )?;
    query
        .query_row(named_params! { ":run": run, ":agent": agent }, |row| {
            row.get(0)
        })
        .optional()?
        .ok_or_else(|| over(agent, run))
}

/// Makes the run's one proposal, or refuses one that repeats what is known. A refusal is written down
/// too: the agent may try one other idea.
pub fn make(
    tx: &Write<'_>,
    actor: &Actor,
    run: i64,
    new: &NewTicket,
    alike: &Alike,
) -> Result<Result<i64>> {
    // It reads, and makes one proposal: what waits for what is not its to say.
    let proposal = NewTicket {
        assign: Some(HUMAN.into()),
        parent: None,
        blocked_by: Vec::new(),
        block_dependents_of: Vec::new(),
        ..new.clone()
    };
    let (made, refused): (bool, i64) = tx.query_row(
        "SELECT ticket_id IS NOT NULL, refused FROM proposal_runs WHERE id = :run",
        named_params! { ":run": run },
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if made {
        return Ok(Err(Error::Refused(
            "this run has made its proposal already: one is enough".into(),
        )));
    }
    if refused >= REFUSALS {
        return Ok(Err(Error::Refused(
            "this run has proposed what is known too often: exit without a proposal".into(),
        )));
    }
    if let Some(repeated) = repeats::find(tx, &proposal, alike)? {
        return refuse(tx, actor, run, refused + 1, &proposal, &repeated).map(Err);
    }
    let id = tickets::insert(tx, actor, &proposal, TicketType::Proposal)?;
    bind(tx, run, id)?;
    Ok(Ok(id))
}

fn refuse(
    tx: &Write<'_>,
    actor: &Actor,
    run: i64,
    times: i64,
    proposal: &NewTicket,
    repeated: &Repeated,
) -> Result<Error> {
    tx.execute(
        "UPDATE proposal_runs SET refused = :times WHERE id = :run",
        named_params! { ":run": run, ":times": times },
    )?;
    let Repeated {
        id,
        title,
        rejected,
    } = repeated;
    let state = if *rejected {
        "was turned down"
    } else {
        "is open"
    };
    let detail = format!("'{}' repeats #{id}, which {state}", proposal.title);
    events::append(tx, actor, None, "proposal_refused", Some(&detail))?;
    let then = match times < REFUSALS {
        true => "propose something else, once, or exit without a proposal",
        false => "exit without a proposal",
    };
    Ok(Error::Refused(format!(
        "this repeats ticket {id} ('{title}'), which {state}: nothing was made; {then}"
    )))
}

/// Binds the run's one proposal; a second one is refused.
fn bind(tx: &Write<'_>, run: i64, ticket: i64) -> Result<()> {
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
