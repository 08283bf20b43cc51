//! The report of what agents cost. The rows are read once, however many sums are asked for.

use std::collections::HashMap;
use std::fmt::Write as _;

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
    let mut sums: Vec<(By, HashMap<String, Spent>)> =
        by.iter().map(|by| (*by, HashMap::new())).collect();
    let mut total = Spent::nothing();
    let mut query = conn.prepare_cached(
        "SELECT ticket_id, agent, day, model, phase, input_tokens, output_tokens,
                cache_read_tokens, cache_write_tokens, cost_microusd
         FROM usage WHERE day >= :since",
    )?;
    let mut rows = query.query(named_params! { ":since": since })?;
    let mut number = String::new();
    while let Some(row) = rows.next()? {
        let used = usage::of_row(row, 5)?;
        total.add(&used);
        for (by, sums) in &mut sums {
            let key = key(*by, row, &mut number)?;
            match sums.get_mut(key) {
                Some(sum) => sum.add(&used),
                None => drop(sums.insert(key.to_owned(), used)),
            }
        }
    }
    let today = today(conn)?;
    sums.into_iter()
        .map(|(by, sums)| {
            let mut lines = in_order(by, sums);
            let most = filter.limit.map_or(lines.len(), |most| most as usize);
            let more = lines.len().saturating_sub(most);
            match by {
                By::Day => drop(lines.drain(..more)),
                _ => lines.truncate(most),
            }
            if by == By::Ticket {
                entitle(conn, &mut lines)?;
            }
            Ok(Cost {
                by,
                lines,
                more: more as u64,
                total,
                today: today.clone(),
            })
        })
        .collect()
}

/// What a row belongs to; `number` is where a ticket's is written.
fn key<'a>(by: By, row: &'a Row<'_>, number: &'a mut String) -> Result<&'a str> {
    let column = match by {
        By::Ticket => {
            number.clear();
            match row.get::<_, Option<i64>>(0)? {
                // Writing to a string does not fail.
                Some(id) => drop(write!(number, "{id}")),
                None => number.push_str(PROPOSALS),
            }
            return Ok(number);
        }
        By::Agent => 1,
        By::Day => 2,
        By::Model => 3,
        By::Phase => 4,
    };
    Ok(row
        .get_ref(column)?
        .as_str()
        .map_err(rusqlite::Error::from)?)
}

/// Days and phases in their order, the rest by cost, the dearest first.
fn in_order(by: By, sums: HashMap<String, Spent>) -> Vec<CostLine> {
    let mut lines: Vec<CostLine> = sums
        .into_iter()
        .map(|(key, spent)| CostLine {
            key,
            title: None,
            spent,
        })
        .collect();
    let phase = |line: &CostLine| {
        Phase::ALL
            .iter()
            .position(|phase| phase.as_str() == line.key)
    };
    match by {
        By::Day => lines.sort_by(|a, b| a.key.cmp(&b.key)),
        By::Phase => lines.sort_by_key(phase),
        By::Ticket | By::Agent | By::Model => lines.sort_by(|a, b| {
            let dear = |line: &CostLine| {
                let spent = &line.spent;
                (spent.cost_usd.0, spent.input_tokens + spent.output_tokens)
            };
            dear(b).cmp(&dear(a)).then_with(|| a.key.cmp(&b.key))
        }),
    }
    lines
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
