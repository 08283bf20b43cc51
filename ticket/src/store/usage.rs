//! What agents used: a row for each model of each run and day, and each ticket's sum of money. A
//! report takes the place of what was known of its run; what it says beyond that is today's.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, named_params};

use super::Write;
use crate::error::{Error, Result};
use crate::usage::{MAX_RUNS, RunUsage, Spent, Usage};
use crate::usd::Usd;

/// Who used something.
#[derive(Clone, Copy, Debug)]
pub struct Spender<'a> {
    /// The agent.
    pub agent: &'a str,
    /// The ticket; none for a proposal run.
    pub ticket: Option<i64>,
    /// The number of the attempt or of the proposal run.
    pub number: i64,
}

/// Tokens and money as they are added up: a difference may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amount {
    tokens: [i64; 4],
    cost: Option<i64>,
}

impl Amount {
    fn of(usage: Usage) -> Amount {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Amount {
            tokens: [
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
            ]
            .map(signed),
            cost: usage.cost_microusd.map(signed),
        }
    }

    fn minus(mut self, other: Amount) -> Amount {
        for (own, other) in self.tokens.iter_mut().zip(other.tokens) {
            *own -= other;
        }
        self.cost = self.cost.map(|cost| cost - other.cost.unwrap_or(0));
        self
    }
}

/// A run's row of one model and day.
struct Known {
    model: String,
    day: String,
    is_last: bool,
    amount: Amount,
}

/// Writes down what these runs used by now; `day` is today where the hub runs. Returns by how many
/// millionths of a dollar today's known cost grew.
pub fn record(tx: &Write<'_>, by: Spender<'_>, runs: &[RunUsage], day: &str) -> Result<i64> {
    let mut grown = 0;
    for run in runs {
        if !(1..=MAX_RUNS).contains(&run.run) {
            return Err(Error::Invalid(format!(
                "run {} is out of range: 1 to {MAX_RUNS}",
                run.run
            )));
        }
        grown += record_one(tx, by, &run.clone().capped(), day)?;
    }
    if let Some(ticket) = by.ticket.filter(|_| grown != 0) {
        tx.prepare_cached(
            "UPDATE tickets SET spent_microusd = spent_microusd + :grown WHERE id = :ticket",
        )?
        .execute(named_params! { ":ticket": ticket, ":grown": grown })?;
    }
    Ok(grown)
}

fn record_one(tx: &Write<'_>, by: Spender<'_>, run: &RunUsage, day: &str) -> Result<i64> {
    let known = known(tx, by, run.run)?;
    if !run.is_last && known.iter().any(|row| row.is_last) {
        return Ok(0);
    }
    let mut today: BTreeMap<&str, Amount> = known
        .iter()
        .map(|row| {
            (
                row.model.as_str(),
                Amount {
                    cost: Some(0),
                    ..Amount::default()
                },
            )
        })
        .collect();
    for model in &run.models {
        today.insert(&model.model, Amount::of(model.usage));
    }
    for row in known.iter().filter(|row| row.day != day) {
        if let Some(amount) = today.get_mut(row.model.as_str()) {
            *amount = amount.minus(row.amount);
        }
    }
    let mut grown = 0;
    for (model, amount) in today {
        let before = known
            .iter()
            .find(|row| row.model == model && row.day == day)
            .map(|row| row.amount);
        let nothing = Amount {
            cost: Some(0),
            ..Amount::default()
        };
        if before.is_none() && amount == nothing {
            continue;
        }
        let cost_before = before.and_then(|before| before.cost);
        grown += amount.cost.unwrap_or(0) - cost_before.unwrap_or(0);
        set(tx, by, run, (model, day), amount)?;
    }
    Ok(grown)
}

fn set(
    tx: &Write<'_>,
    by: Spender<'_>,
    run: &RunUsage,
    (model, day): (&str, &str),
    amount: Amount,
) -> Result<()> {
    let [input, output, cache_read, cache_write] = amount.tokens;
    tx.prepare_cached(
        "INSERT INTO usage (ticket_id, attempt, run, model, day, agent, backend, phase, input_tokens,
             output_tokens, cache_read_tokens, cache_write_tokens, cost_microusd, is_last)
         VALUES (:ticket, :number, :run, :model, :day, :agent, :backend, :phase, :input, :output,
             :cache_read, :cache_write, :cost, :is_last)
         ON CONFLICT (coalesce(ticket_id, 0), attempt, run, model, day) DO UPDATE SET
             backend = excluded.backend, phase = excluded.phase,
             input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
             cache_read_tokens = excluded.cache_read_tokens,
             cache_write_tokens = excluded.cache_write_tokens,
             cost_microusd = excluded.cost_microusd, is_last = excluded.is_last,
             updated_at = datetime('now')",
    )?
    .execute(named_params! {
        ":ticket": by.ticket, ":number": by.number, ":run": run.run, ":model": model, ":day": day,
        ":agent": by.agent, ":backend": run.backend, ":phase": run.phase.as_str(),
        ":input": input, ":output": output, ":cache_read": cache_read, ":cache_write": cache_write,
        ":cost": amount.cost, ":is_last": run.is_last,
    })?;
    Ok(())
}

fn known(conn: &Connection, by: Spender<'_>, run: i64) -> Result<Vec<Known>> {
    let mut query = conn.prepare_cached(
        "SELECT model, day, is_last, input_tokens, output_tokens, cache_read_tokens,
                cache_write_tokens, cost_microusd
         FROM usage WHERE coalesce(ticket_id, 0) = :ticket AND attempt = :number AND run = :run",
    )?;
    let rows = query.query_map(
        named_params! { ":ticket": by.ticket.unwrap_or(0), ":number": by.number, ":run": run },
        |row| {
            Ok(Known {
                model: row.get(0)?,
                day: row.get(1)?,
                is_last: row.get(2)?,
                amount: amount(row, 3)?,
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What each attempt at a ticket used, by its number.
pub fn by_attempt(conn: &Connection, ticket: i64) -> Result<Vec<(i64, Spent)>> {
    let sql = format!(
        "SELECT attempt, {SUMS} FROM usage WHERE coalesce(ticket_id, 0) = :ticket GROUP BY attempt"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(named_params! { ":ticket": ticket }, |row| {
        Ok((row.get(0)?, spent(row, 1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What [`spent`] reads, in its order.
pub const SUMS: &str = "coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
    coalesce(sum(cache_read_tokens), 0), coalesce(sum(cache_write_tokens), 0),
    coalesce(sum(cost_microusd), 0), count(*) = count(cost_microusd)";

/// The sums of some rows, from this column on.
pub fn spent(row: &Row<'_>, from: usize) -> rusqlite::Result<Spent> {
    Ok(Spent {
        input_tokens: row.get(from)?,
        output_tokens: row.get(from + 1)?,
        cache_read_tokens: row.get(from + 2)?,
        cache_write_tokens: row.get(from + 3)?,
        cost_usd: Usd(row.get(from + 4)?),
        is_cost_known: row.get(from + 5)?,
    })
}

/// One row's tokens and money, from this column on.
pub fn of_row(row: &Row<'_>, from: usize) -> rusqlite::Result<Spent> {
    let cost: Option<i64> = row.get(from + 4)?;
    Ok(Spent {
        input_tokens: row.get(from)?,
        output_tokens: row.get(from + 1)?,
        cache_read_tokens: row.get(from + 2)?,
        cache_write_tokens: row.get(from + 3)?,
        cost_usd: Usd(cost.unwrap_or(0)),
        is_cost_known: cost.is_some(),
    })
}

fn amount(row: &Row<'_>, from: usize) -> rusqlite::Result<Amount> {
    Ok(Amount {
        tokens: [
            row.get(from)?,
            row.get(from + 1)?,
            row.get(from + 2)?,
            row.get(from + 3)?,
        ],
        cost: row.get(from + 4)?,
    })
}
