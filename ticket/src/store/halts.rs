//! The account's halt: one setting, changed by what attempts report and looked at by every claim.

use rand::RngExt;
use rusqlite::named_params;

use super::budgets::{self, BUDGETS, DAY, Day};
use super::{Store, Write, events, now, pauses, settings};
use crate::actor::Actor;
use crate::attempt::Outcome;
use crate::error::Result;
use crate::halt::{Cause, Claims, Halt, Trouble, UsageLimit};
use crate::moment;
use crate::usage::Budgets;

/// The setting that keeps it.
const KEY: &str = "halt";
/// The setting that counts how often in a row the agent CLI could not be started.
const NOT_STARTED: &str = "not-started";
/// So many of them in a row are no accident of one ticket's tree.
const MANY: u32 = 3;

/// What halts the whole swarm: the account, else the day's budget.
pub fn current(conn: &rusqlite::Connection) -> Result<Option<Halt>> {
    match of_account(conn)? {
        Some(halt) => Ok(Some(halt)),
        None => budgets::halt(conn),
    }
}

/// Everything that halts.
pub fn all(conn: &rusqlite::Connection) -> Result<Vec<Halt>> {
    let both = [of_account(conn)?, budgets::halt(conn)?];
    Ok(both.into_iter().flatten().collect())
}

/// The account's halt, if there is one.
fn of_account(conn: &rusqlite::Connection) -> Result<Option<Halt>> {
    settings::read(conn, KEY)
}

/// What a claim must know of the settings.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Whether it may happen.
    pub claims: Claims,
    /// What a ticket may cost that has no budget of its own, in millionths of a dollar.
    pub max_ticket_microusd: i64,
}

/// Whether a claim may happen now, and on which terms: one look at all reasons why not, a human's,
/// the account's and the day's budget.
pub fn terms(tx: &Write<'_>, agent: &str) -> Result<Terms> {
    let mut terms = Terms {
        claims: Claims::Free,
        max_ticket_microusd: i64::MAX,
    };
    let mut ended = None;
    let mut query = tx.prepare_cached(
        "SELECT key, value FROM settings WHERE key IN (:halt, :paused, :budgets, :day)",
    )?;
    let mut rows = query.query(named_params! {
        ":halt": KEY, ":paused": pauses::KEY, ":budgets": BUDGETS, ":day": DAY,
    })?;
    while let Some(row) = rows.next()? {
        let value = row.get_ref(1)?.as_str().unwrap_or_default();
        match row.get_ref(0)?.as_str().unwrap_or_default() {
            KEY => {
                terms.claims = terms
                    .claims
                    .and(settings::parse::<Halt>(KEY, value)?.claims(now()))
            }
            BUDGETS => {
                let most = settings::parse::<Budgets>(BUDGETS, value)?.max_usd_per_ticket;
                terms.max_ticket_microusd = most.map_or(i64::MAX, |most| most.0);
            }
            DAY => {
                let day: Day = settings::parse(DAY, value)?;
                match day.withholds(now()) {
                    Some(true) => terms.claims = Claims::Withheld,
                    Some(false) => ended = Some(day),
                    None => {}
                }
            }
            _ => terms.claims = Claims::Withheld,
        }
    }
    drop(rows);
    if let Some(day) = ended {
        budgets::after_midnight(tx, agent, day)?;
    }
    Ok(terms)
}

/// This claim tries whether the halt is over.
pub fn begin_probe(tx: &Write<'_>, agent: &str, ticket: i64, attempt: i64) -> Result<()> {
    let Some(halt) = of_account(tx)? else {
        return Ok(());
    };
    let halt = Halt {
        probe: Some((ticket, attempt)),
        ..halt
    };
    settings::keep(tx, KEY, &halt)?;
    let about = Some(ticket).filter(|t| *t > 0);
    events::append_as(tx, agent, about, "halt_probed", Some(&halt.said))
}

/// An attempt (or a proposal run, as ticket 0) ended: what that says about the account.
pub fn after_end(
    tx: &Write<'_>,
    agent: &str,
    which: (i64, i64),
    outcome: Outcome,
    trouble: Option<Trouble>,
    said: &str,
) -> Result<()> {
    let before = of_account(tx)?;
    let known = before.as_ref();
    let jitter = rand::rng().random();
    let tried = known.is_some_and(|halt| halt.probe == Some(which));
    let halt = match trouble.or(implied(outcome)) {
        Some(Trouble::Limit(limit)) => Halt::by_limit(known, limit, said, now(), jitter),
        Some(Trouble::Login) => Halt::by_login(known, said, now()),
        Some(Trouble::Service) => {
            Halt::by_failure(Cause::Service, known, tried, said, now(), jitter)
        }
        Some(Trouble::Program) => {
            let in_a_row = one_more(tx)?;
            if in_a_row < MANY && !tried {
                return Ok(());
            }
            Halt::by_failure(Cause::Program, known, tried, said, now(), jitter)
        }
        None => {
            if is_work(outcome) {
                settings::remove(tx, NOT_STARTED)?;
            }
            return after_probe(tx, agent, before, which, outcome);
        }
    };
    let is_news = known.is_none_or(|known| (known.cause, known.until) != (halt.cause, halt.until));
    settings::keep(tx, KEY, &halt)?;
    match is_news {
        true => events::append_as(tx, agent, None, "halted", Some(&sentence(&halt))),
        false => Ok(()),
    }
}

/// Counts a program that could not be started; returns how many that are since one could.
fn one_more(tx: &Write<'_>) -> Result<u32> {
    let count = settings::read(tx, NOT_STARTED)?
        .unwrap_or(0u32)
        .saturating_add(1);
    settings::keep(tx, NOT_STARTED, &count)?;
    Ok(count)
}

/// Whether the agent CLI has run in an attempt that ended so.
fn is_work(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Landed
        | Outcome::NeedsReview
        | Outcome::NoChange
        | Outcome::AgentFailed
        | Outcome::VerifyRed
        | Outcome::Conflict
        | Outcome::Stalled => true,
        Outcome::RateLimited
        | Outcome::AuthFailed
        | Outcome::InfraFailed
        | Outcome::Released
        | Outcome::Cancelled => false,
    }
}

/// What an outcome means when nothing more was said.
fn implied(outcome: Outcome) -> Option<Trouble> {
    match outcome {
        Outcome::RateLimited => Some(Trouble::Limit(UsageLimit::default())),
        Outcome::AuthFailed => Some(Trouble::Login),
        _ => None,
    }
}

/// The one that tried has ended without trouble: the halt is over, unless it ended before it could
/// know.
fn after_probe(
    tx: &Write<'_>,
    agent: &str,
    halt: Option<Halt>,
    which: (i64, i64),
    outcome: Outcome,
) -> Result<()> {
    let Some(halt) = halt.filter(|halt| halt.probe == Some(which)) else {
        return Ok(());
    };
    match outcome {
        Outcome::Released | Outcome::InfraFailed | Outcome::Cancelled => {
            settings::keep(tx, KEY, &halt.without_probe(now(), 0))
        }
        _ => lift(tx, agent, &halt),
    }
}

/// The service answered the attempt, or the agent CLI did its work: if it is the one that tried, the
/// halt is over.
pub fn served(tx: &Write<'_>, agent: &str, ticket: i64, attempt: i64) -> Result<()> {
    settings::remove(tx, NOT_STARTED)?;
    match of_account(tx)? {
        Some(halt) if halt.probe == Some((ticket, attempt)) => lift(tx, agent, &halt),
        _ => Ok(()),
    }
}

/// Ends the halt because the human says so; returns false when there is none.
pub fn end(tx: &Write<'_>, actor: &Actor) -> Result<bool> {
    match of_account(tx)? {
        None => Ok(false),
        Some(halt) => lift(tx, actor.name(), &halt).map(|()| true),
    }
}

/// What halts, since when and until when, in one sentence.
pub fn sentence(halt: &Halt) -> String {
    let end = match (halt.cause, halt.until, halt.probe) {
        (_, _, Some(_)) => "one agent tries whether it is over".to_owned(),
        (Cause::Limit | Cause::Service | Cause::Program, Some(until), None) => {
            let at = moment::text(until).unwrap_or_default();
            format!("one agent tries again at {at} UTC")
        }
        (Cause::Budget, Some(until), None) => {
            let at = moment::text(until).unwrap_or_default();
            format!(
                "claims go on at {at} UTC, which is midnight for the hub; 'ticket resume' lets them go on today"
            )
        }
        (Cause::Login, Some(_), None) => "the next claim tries again".to_owned(),
        (_, None, None) => {
            "run 'claude' once, or 'claude setup-token', then 'swarm login'".to_owned()
        }
    };
    let what = match halt.cause {
        Cause::Limit => "the account's usage limit is reached",
        Cause::Login => "the agent CLI's login is refused",
        Cause::Service => "the model's service fails",
        Cause::Program => "the agent CLI cannot be started",
        Cause::Budget => "the day's budget is used up",
    };
    format!("{what} ({}); {end}", crate::text::one_line(&halt.said))
}

/// Shortens the account's halt where the clock was set back to `now`. Returns whether it did.
pub fn shorten(tx: &Write<'_>, now: i64) -> Result<bool> {
    let Some(halt) = of_account(tx)?.and_then(|halt| halt.shortened(now)) else {
        return Ok(false);
    };
    settings::keep(tx, KEY, &halt)?;
    Ok(true)
}

fn lift(tx: &Write<'_>, who: &str, halt: &Halt) -> Result<()> {
    settings::remove(tx, KEY)?;
    let detail = match halt.cause {
        Cause::Limit => "the usage limit is over",
        Cause::Login => "the login works again",
        Cause::Service => "the service works again",
        Cause::Program => "the agent CLI starts again",
        Cause::Budget => "the day's budget lasts again",
    };
    events::append_as(tx, who, None, "halt_lifted", Some(detail))
}

impl Store {
    /// What halts the whole swarm, if anything does: the account, else the day's budget.
    pub fn halt(&self) -> Result<Option<Halt>> {
        current(&self.conn)
    }

    /// The credential changed: one claim may try whether its login works.
    pub fn try_login_again(&mut self) -> Result<()> {
        self.write(|tx| match of_account(tx)? {
            Some(halt) if halt.cause == Cause::Login => {
                settings::keep(tx, KEY, &halt.without_probe(now(), 0))
            }
            _ => Ok(()),
        })
    }
}
