//! The report of what agents cost.

use rusqlite::{Connection, named_params};

use super::usage::{SUMS, spent};
use super::{Store, budgets};
use crate::cost::{By, Cost, CostFilter, CostLine, Today};
use crate::error::{Error, Result};
use crate::moment;

/// Adds up what the filter asks for.
pub fn report(conn: &Connection, filter: &CostFilter) -> Result<Cost> {
    let since = filter.since.as_deref().unwrap_or_default();
    if !since.is_empty() && moment::day(since).is_none() {
        return Err(Error::Invalid(format!(
            "'{}' is not a day: write it as 2026-01-31",
            crate::text::one_line(since)
        )));
    }
    let (key, order) = match filter.by {
        By::Ticket => ("coalesce(ticket_id, 'proposals')", DEAREST),
        By::Agent => ("agent", DEAREST),
        By::Day => ("day", "key"),
        By::Model => ("model", DEAREST),
        By::Phase => ("phase", IN_ORDER),
    };
    let title = match filter.by {
        By::Ticket => "(SELECT title FROM tickets WHERE id = usage.ticket_id)",
        _ => "NULL",
    };
    let sql = format!(
        "SELECT CAST({key} AS TEXT) AS key, {title}, {SUMS}
         FROM usage WHERE day >= :since GROUP BY 1 ORDER BY {order}"
    );
    let mut query = conn.prepare(&sql)?;
    let lines = query.query_map(named_params! { ":since": since }, |row| {
        Ok(CostLine {
            key: row.get(0)?,
            title: row.get(1)?,
            spent: spent(row, 2)?,
        })
    })?;
    let sql = format!("SELECT {SUMS} FROM usage WHERE day >= :since");
    Ok(Cost {
        by: filter.by,
        lines: lines.collect::<Result<_, _>>()?,
        total: conn.query_row(&sql, named_params! { ":since": since }, |row| spent(row, 0))?,
        today: today(conn)?,
    })
}

const DEAREST: &str = "sum(cost_microusd) DESC, sum(input_tokens + output_tokens) DESC, key";
const IN_ORDER: &str = "CASE key WHEN 'work' THEN 1 WHEN 'verify-failed' THEN 2
    WHEN 'conflict' THEN 3 WHEN 'bounced' THEN 4 ELSE 5 END";

/// What today cost, and its budget.
pub fn today(conn: &Connection) -> Result<Today> {
    let date = moment::today();
    let sql = format!("SELECT {SUMS} FROM usage WHERE day = :day");
    let spent = conn.query_row(&sql, named_params! { ":day": date }, |row| spent(row, 0))?;
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
}
