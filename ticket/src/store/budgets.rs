//! Budgets: what a ticket and a day may cost. Two settings keep what the claim needs, so that it adds
//! nothing up: the budgets as the hub's configuration has them, and what today cost.
//!
//! The day's budget halts claims until midnight; a ticket's hands the ticket to the human.

use chrono::{Days, Local, NaiveDate, TimeZone};
use rusqlite::{Connection, OptionalExtension, named_params};
use serde::{Deserialize, Serialize};

use super::usage::Spender;
use super::{Store, Write, comments, events, now, settings, tickets};
use crate::actor::Actor;
use crate::comment::NewComment;
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::moment;
use crate::ticket::HUMAN;
use crate::usage::{Allowance, Budget, Budgets, RunUsage};
use crate::usd::Usd;

/// The setting that keeps the budgets.
pub const BUDGETS: &str = "budgets";
/// The setting that keeps what today cost.
pub const DAY: &str = "day";

/// What today cost, where the hub runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// `2030-01-31`.
    date: String,
    /// When it ends, in Unix seconds.
    ends_at: i64,
    /// What agents cost on it, as far as that is known.
    microusd: i64,
    /// Since when its budget has been used up, in Unix seconds.
    over_since: Option<i64>,
    /// The human lets claims go on for the rest of it.
    is_waived: bool,
}

impl Day {
    fn begin(conn: &Connection, date: String) -> Result<Day> {
        let microusd = conn
            .prepare_cached("SELECT coalesce(sum(cost_microusd), 0) FROM usage WHERE day = :day")?
            .query_row(named_params! { ":day": date }, |row| row.get(0))?;
        Ok(Day {
            ends_at: end_of(&date),
            date,
            microusd,
            over_since: None,
            is_waived: false,
        })
    }

    /// The halt that it makes, while that lasts.
    pub fn halt(&self, budgets: &Budgets, now: i64) -> Option<Halt> {
        let since = self.over_since.filter(|_| now < self.ends_at)?;
        let most = budgets.max_usd_per_day.unwrap_or_default();
        let said = format!("{} of {most}", Usd(self.microusd));
        Some(Halt::by_budget(&said, since, self.ends_at))
    }

    /// Whether it still withholds claims, or did until it ended.
    pub fn withholds(&self, now: i64) -> Option<bool> {
        self.over_since.map(|_| now < self.ends_at)
    }

    fn left(&self, budgets: &Budgets) -> Option<i64> {
        let most = budgets.max_usd_per_day.filter(|_| !self.is_waived)?;
        Some((most.0 - self.microusd).max(0))
    }
}

/// The midnight after a day, in Unix seconds; a day from now when there is no telling.
fn end_of(date: &str) -> i64 {
    let next = date
        .parse()
        .ok()
        .and_then(|date: NaiveDate| date.checked_add_days(Days::new(1)))
        .and_then(|next| next.and_hms_opt(0, 0, 0))
        .and_then(|midnight| Local.from_local_datetime(&midnight).earliest());
    next.map_or(now() + 24 * 60 * 60, |moment| moment.timestamp())
}

/// The budgets as they were set last.
pub fn current(conn: &Connection) -> Result<Budgets> {
    Ok(settings::read(conn, BUDGETS)?.unwrap_or_default())
}

/// What today cost, as far as something was spent.
fn day(conn: &Connection) -> Result<Option<Day>> {
    settings::read(conn, DAY)
}

/// What today cost, begun anew at midnight.
fn today(conn: &Connection) -> Result<Day> {
    let date = moment::today();
    match day(conn)? {
        Some(day) if day.date == date => Ok(day),
        _ => Day::begin(conn, date),
    }
}

/// Writes down what runs used, and what follows from it for the budgets: the day's may halt claims.
/// Returns the budget that is used up.
pub fn spend(tx: &Write<'_>, by: Spender<'_>, runs: &[RunUsage]) -> Result<Option<Budget>> {
    if !runs.is_empty() {
        let before = today(tx)?;
        let grown = super::usage::record(tx, by, runs, &before.date)?;
        if grown != 0 {
            let day = Day {
                microusd: before.microusd + grown,
                ..before
            };
            look_at(tx, by.agent, day, &current(tx)?)?;
        }
    }
    over(tx, by.ticket)
}

/// Keeps a day, and halts claims or lets them go on as its budget says.
fn look_at(tx: &Write<'_>, who: &str, day: Day, budgets: &Budgets) -> Result<()> {
    let over_since = match (day.left(budgets), day.over_since) {
        (Some(0), since) => since.or_else(|| Some(now())),
        _ => None,
    };
    let after = Day {
        over_since,
        ..day.clone()
    };
    settings::keep(tx, DAY, &after)?;
    match (day.over_since, over_since) {
        (None, Some(_)) => {
            let said = after
                .halt(budgets, now())
                .map(|halt| super::halts::sentence(&halt));
            events::append_as(tx, who, None, "halted", said.as_deref())
        }
        (Some(_), None) => events::append_as(
            tx,
            who,
            None,
            "halt_lifted",
            Some("the day's budget lasts again"),
        ),
        _ => Ok(()),
    }
}

/// The halt that today's budget makes, if it does.
pub fn halt(conn: &Connection) -> Result<Option<Halt>> {
    let Some(day) = day(conn)? else {
        return Ok(None);
    };
    Ok(day.halt(&current(conn)?, now()))
}

/// A halt of yesterday's budget is over, which only the log still has to hear of.
pub fn after_midnight(tx: &Write<'_>, who: &str, day: Day) -> Result<()> {
    let over = Day {
        over_since: None,
        ..day
    };
    settings::keep(tx, DAY, &over)?;
    let detail = Some("a new day has a budget of its own");
    events::append_as(tx, who, None, "halt_lifted", detail)
}

/// Begins today anew where a later day was begun by a clock that was ahead. Returns whether it did.
pub fn return_to_today(tx: &Write<'_>, now: i64) -> Result<bool> {
    let date = moment::day_of(now);
    let Some(later) = day(tx)?.filter(|day| day.date > date) else {
        return Ok(false);
    };
    let today = Day {
        over_since: later.over_since.map(|since| since.min(now)),
        ..Day::begin(tx, date)?
    };
    look_at(tx, Actor::Hub.name(), today, &current(tx)?)?;
    Ok(true)
}

/// The human lets claims go on for the rest of the day; false when its budget did not halt them.
pub fn waive(tx: &Write<'_>, actor: &Actor) -> Result<bool> {
    let day = today(tx)?;
    if day.over_since.is_none() {
        return Ok(false);
    }
    let waived = Day {
        over_since: None,
        is_waived: true,
        ..day
    };
    settings::keep(tx, DAY, &waived)?;
    let detail = Some("the day's budget counts no more until midnight");
    events::append(tx, actor, None, "halt_lifted", detail)?;
    Ok(true)
}

/// Counts anew what today cost, after rows of it came from elsewhere. Only what is spent from now on
/// can halt claims.
pub fn count_anew(tx: &Write<'_>) -> Result<bool> {
    let Some(known) = day(tx)? else {
        return Ok(false);
    };
    let counted = Day {
        microusd: Day::begin(tx, known.date.clone())?.microusd,
        ..known.clone()
    };
    if counted == known {
        return Ok(false);
    }
    settings::keep(tx, DAY, &counted)?;
    Ok(true)
}

/// Today's cost as it is kept and as its rows have it, in millionths of a dollar, when they differ.
pub fn miscounted(conn: &Connection) -> Result<Option<(i64, i64)>> {
    let Some(known) = day(conn)? else {
        return Ok(None);
    };
    let counted = Day::begin(conn, known.date.clone())?.microusd;
    Ok((counted != known.microusd).then_some((known.microusd, counted)))
}

/// The budget that is used up, if one is: the ticket's, else the day's.
fn over(conn: &Connection, ticket: Option<i64>) -> Result<Option<Budget>> {
    if let Some(ticket) = ticket
        && exhausted(conn, ticket)?.is_some()
    {
        return Ok(Some(Budget::Ticket));
    }
    Ok(halt(conn)?.map(|_| Budget::Day))
}

/// What may still be spent, on a ticket or on a proposal.
fn allowance(conn: &Connection, ticket: Option<i64>) -> Result<Option<Allowance>> {
    let budgets = current(conn)?;
    let of_day = today(conn)?.left(&budgets);
    let of_ticket = match ticket {
        Some(id) => {
            let ticket = tickets::get(conn, id)?;
            let most = ticket.max_budget_usd.or(budgets.max_usd_per_ticket);
            most.map(|most| (most.0 - ticket.spent_usd.0).max(0))
        }
        None => None,
    };
    let both = [(of_ticket, Budget::Ticket), (of_day, Budget::Day)];
    let least = both
        .into_iter()
        .filter_map(|(left, budget)| Some((left?, budget)))
        .min_by_key(|(left, _)| *left);
    Ok(least.map(|(left, budget)| Allowance {
        microusd: left.unsigned_abs(),
        budget,
    }))
}

/// Today's budget, and what is left of it where it counts.
pub fn of_today(conn: &Connection) -> Result<(Option<Usd>, Option<Usd>)> {
    let budgets = current(conn)?;
    let left = today(conn)?.left(&budgets).map(Usd);
    Ok((budgets.max_usd_per_day, left))
}

/// What a ticket cost and might have cost, when it cost as much as it may.
fn exhausted(conn: &Connection, ticket: i64) -> Result<Option<(Usd, Usd)>> {
    let budgets = current(conn)?;
    let found: Option<(i64, Option<i64>)> = conn
        .prepare_cached(
            "SELECT spent_microusd, max_budget_microusd FROM tickets
             WHERE id = :id AND spent_microusd > 0",
        )?
        .query_row(named_params! { ":id": ticket }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(found.and_then(|(spent, own)| {
        let most = own.map(Usd).or(budgets.max_usd_per_ticket)?;
        (spent >= most.0).then_some((Usd(spent), most))
    }))
}

/// Refuses to give agents a ticket back that has used up its budget.
pub fn must_have_some_left(conn: &Connection, ticket: i64) -> Result<()> {
    match exhausted(conn, ticket)? {
        None => Ok(()),
        Some((spent, most)) => Err(Error::Refused(format!(
            "ticket {ticket} has cost {spent} of its budget of {most}: raise that first, with \
             'ticket update {ticket} --max-budget-usd N'"
        ))),
    }
}

/// Hands a ticket to the human that agents could claim and that has used up its budget.
pub fn hand_over(tx: &Write<'_>, id: i64) -> Result<()> {
    let is_free = "SELECT 1 FROM tickets
         WHERE id = :id AND status = 'open' AND assigned_to IS NULL";
    if !tx
        .prepare_cached(is_free)?
        .exists(named_params! { ":id": id })?
    {
        return Ok(());
    }
    let Some((spent, most)) = exhausted(tx, id)? else {
        return Ok(());
    };
    let attempts: i64 = tx
        .prepare_cached("SELECT count(*) FROM attempts WHERE ticket_id = :id")?
        .query_row(named_params! { ":id": id }, |row| row.get(0))?;
    let twice = Usd(most.0.saturating_mul(2));
    let question = format!(
        "The budget is used up: {spent} of {most}, in {attempts} attempt{}. May it cost more? \
         'ticket update {id} --max-budget-usd {}' and then 'ticket unclaim {id}' let agents go on, \
         from what is kept; a comment first helps them. 'ticket diff {id}' shows what there is, \
         'ticket attempts {id}' what each attempt cost.",
        if attempts == 1 { "" } else { "s" },
        twice.dollars(),
    );
    tickets::assign(tx, id, Some(HUMAN))?;
    let comment = NewComment::new(&question);
    comments::add(tx, &Actor::Hub, id, Actor::Hub.name(), &comment)?;
    let detail = format!("its budget is used up: {spent} of {most}");
    events::append(tx, &Actor::Hub, Some(id), "quarantined", Some(&detail))
}

impl Store {
    /// Sets the budgets that count from now on: tickets that are over theirs go to the human, and the
    /// day's halt begins or ends as it says.
    pub fn set_budgets(&mut self, budgets: &Budgets) -> Result<()> {
        if current(&self.conn)? == *budgets {
            return Ok(());
        }
        self.write(|tx| {
            settings::keep(tx, BUDGETS, budgets)?;
            look_at(tx, Actor::Hub.name(), today(tx)?, budgets)?;
            let mut query = tx.prepare(
                "SELECT id FROM tickets
                 WHERE status = 'open' AND assigned_to IS NULL AND spent_microusd > 0 ORDER BY id",
            )?;
            let spent = query.query_map([], |row| row.get(0))?;
            for id in spent.collect::<Result<Vec<i64>, _>>()? {
                hand_over(tx, id)?;
            }
            Ok(())
        })
    }

    /// The budgets as they were set last.
    pub fn budgets(&self) -> Result<Budgets> {
        current(&self.conn)
    }

    /// What an attempt at a ticket, or a proposal run, may still spend; none for any amount.
    pub fn allowance(&self, ticket: Option<i64>) -> Result<Option<Allowance>> {
        allowance(&self.conn, ticket)
    }
}
