//! The report of what agents cost. The rows are read once, however many sums are asked for.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::usage::{self, SUMS, spent};
use super::{Store, budgets};
use crate::cost::{By, Cost, CostFilter, CostLine, Today};
use crate::error::{Error, Result};
use crate::moment;
use crate::usage::{Phase, Spent};

/// What stands for a ticket's number in a line about proposal runs.
const PROPOSALS: &str = "proposals";

/// Adds up what the filter asks for.
pub fn report(conn: &Connection, filter: &CostFilter) -> Result<Cost> {
    let mut reports = reports(conn, &[filter.by], filter)?;
    reports
        .pop()
        .ok_or_else(|| Error::Invalid("nothing was asked for".into()))
}

/// A report by each of `by`; of the filter only the rest counts.
fn reports(conn: &Connection, by: &[By], filter: &CostFilter) -> Result<Vec<Cost>> {
    let since = filter.since.as_deref().unwrap_or_default();
    if !since.is_empty() && moment::day(since).is_none() {
        return Err(Error::Invalid(format!(
            "'{}' is not a day: write it as 2026-01-31",
            crate::text::one_line(since)
        )));
    }
    let mut sums: Vec<Sums> = by.iter().map(|by| Sums::new(*by)).collect();
    let mut total = Spent::nothing();
    // Every column costs something in each of very many rows.
    let keys: String = by.iter().map(|by| format!(", {}", column(*by))).collect();
    let mut query = conn.prepare_cached(&format!(
        "SELECT input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
                cost_microusd{keys}
         FROM usage WHERE day >= :since"
    ))?;
    let mut rows = query.query(named_params! { ":since": since })?;
    while let Some(row) = rows.next()? {
        let used = usage::of_row(row, 0)?;
        total.add(&used);
        for (sums, column) in sums.iter_mut().zip(AMOUNTS..) {
            sums.add(row, column, &used)?;
        }
    }
    let today = today(conn)?;
    let most = filter.limit.map_or(usize::MAX, |most| most as usize);
    sums.into_iter()
        .zip(by)
        .map(|(sums, by)| {
            let more = sums.len().saturating_sub(most) as u64;
            let mut lines = sums.lines(most);
            if *by == By::Ticket {
                entitle(conn, &mut lines)?;
            }
            Ok(Cost {
                by: *by,
                lines,
                more,
                total,
                today: today.clone(),
            })
        })
        .collect()
}

/// How many columns come before those that rows are added up by.
const AMOUNTS: usize = 5;

fn column(by: By) -> &'static str {
    match by {
        By::Ticket => "ticket_id",
        By::Agent => "agent",
        By::Day => "day",
        By::Model => "model",
        By::Phase => "phase",
    }
}

/// Sums by something. There are as many tickets as rows, nearly, so their numbers are text only where
/// they are shown.
enum Sums {
    Tickets(HashMap<Option<i64>, Spent>),
    Names(By, HashMap<String, Spent>),
}

impl Sums {
    fn new(by: By) -> Sums {
        match by {
            By::Ticket => Sums::Tickets(HashMap::new()),
            by => Sums::Names(by, HashMap::new()),
        }
    }

    /// Adds a row to what it belongs to, which is in this column.
    fn add(&mut self, row: &Row<'_>, column: usize, used: &Spent) -> Result<()> {
        match self {
            Sums::Tickets(sums) => sums
                .entry(row.get(column)?)
                .or_insert_with(Spent::nothing)
                .add(used),
            Sums::Names(_, sums) => {
                let name = row.get_ref(column)?;
                let name = name.as_str().map_err(rusqlite::Error::from)?;
                match sums.get_mut(name) {
                    Some(sum) => sum.add(used),
                    None => drop(sums.insert(name.to_owned(), *used)),
                }
            }
        }
        Ok(())
    }

    fn len(&self) -> usize {
        match self {
            Sums::Tickets(sums) => sums.len(),
            Sums::Names(_, sums) => sums.len(),
        }
    }

    /// So many of them: the last days and all phases in their order, of the rest the dearest first.
    fn lines(self, most: usize) -> Vec<CostLine> {
        let (by, sums) = match self {
            Sums::Tickets(sums) => {
                let dearest = dearest(sums.into_iter().collect(), most);
                let name = |id: Option<i64>| id.map_or(PROPOSALS.to_owned(), |id| id.to_string());
                return lines(dearest.into_iter().map(|(id, spent)| (name(id), spent)));
            }
            Sums::Names(by, sums) => (by, sums.into_iter().collect::<Vec<_>>()),
        };
        lines(match by {
            By::Day => last_days(sums, most),
            By::Phase => in_their_order(sums, most),
            _ => dearest(sums, most),
        })
    }
}

fn lines(sums: impl IntoIterator<Item = (String, Spent)>) -> Vec<CostLine> {
    let line = |(key, spent)| CostLine {
        key,
        title: None,
        spent,
    };
    sums.into_iter().map(line).collect()
}

/// The dearest first; only so many are put in order.
fn dearest<K: Ord>(mut sums: Vec<(K, Spent)>, most: usize) -> Vec<(K, Spent)> {
    let order = |(a_key, a): &(K, Spent), (b_key, b): &(K, Spent)| {
        let dear = |spent: &Spent| (spent.cost_usd.0, spent.input_tokens + spent.output_tokens);
        dear(b).cmp(&dear(a)).then_with(|| a_key.cmp(b_key))
    };
    if most < sums.len() {
        sums.select_nth_unstable_by(most, order);
        sums.truncate(most);
    }
    sums.sort_unstable_by(order);
    sums
}

fn last_days(mut sums: Vec<(String, Spent)>, most: usize) -> Vec<(String, Spent)> {
    sums.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    sums.split_off(sums.len().saturating_sub(most))
}

fn in_their_order(mut sums: Vec<(String, Spent)>, most: usize) -> Vec<(String, Spent)> {
    let place = |name: &str| Phase::ALL.iter().position(|phase| phase.as_str() == name);
    sums.sort_by_key(|(name, _)| place(name));
    sums.truncate(most);
    sums
}

/// Adds the titles of tickets.
fn entitle(conn: &Connection, lines: &mut [CostLine]) -> Result<()> {
    let mut query = conn.prepare_cached("SELECT title FROM tickets WHERE id = :id")?;
    for line in lines {
        let Ok(id) = line.key.parse::<i64>() else {
            continue;
        };
        line.title = query
            .query_row(named_params! { ":id": id }, |row| row.get(0))
            .optional()?;
    }
    Ok(())
}

/// What today cost, and its budget.
pub fn today(conn: &Connection) -> Result<Today> {
    let date = moment::today();
    let sql = format!("SELECT {SUMS} FROM usage WHERE day = :day");
    let spent = conn
        .prepare_cached(&sql)?
        .query_row(named_params! { ":day": date }, |row| spent(row, 0))?;
    let (budget_usd, left_usd) = budgets::of_today(conn)?;
    Ok(Today {
        date,
        spent,
        budget_usd,
        is_waived: budget_usd.is_some() && left_usd.is_none(),
        left_usd,
    })
}

impl Store {
    /// What today cost, and its budget.
    pub fn today(&self) -> Result<Today> {
        self.read(today)
    }

    /// Reports of what was used since a day, one by each of `by`, of so many lines at most.
    pub fn costs(&self, by: &[By], since: Option<String>, most: u32) -> Result<Vec<Cost>> {
        let filter = CostFilter {
            since,
            limit: Some(most),
            ..CostFilter::default()
        };
        self.read(|conn| reports(conn, by, &filter))
    }
}
