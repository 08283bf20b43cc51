//! Counts for those who watch the queue from afar. Each reads what an index has, and the activity log
//! is read on from where the last reading ended.

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};

use super::Store;
use super::usage::{SUMS, spent};
use crate::error::Result;
use crate::filter::Filter;
use crate::usage::Spent;

/// How many agents with a backend and a model are told apart; those that used most come first.
const MOST_SPENDERS: u32 = 500;
/// How much of an event's detail is read, in characters: what it means stands at its beginning.
const DETAIL: u32 = 400;

/// What there is at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Census {
    /// How old the oldest unfinished ticket of each status is, in seconds.
    pub oldest: BTreeMap<String, i64>,
    /// Tickets that could be claimed now.
    pub claimable: u64,
    /// Unfinished tickets that wait for another one.
    pub blocked: u64,
    /// Attempts under a lease.
    pub leases: u64,
    /// The landing queue, by state.
    pub landings: BTreeMap<String, u64>,
    /// Messages that wait, by channel.
    pub outbox: BTreeMap<String, u64>,
    /// What was used.
    pub spenders: Vec<Spender>,
}

/// What one agent used with one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Spender {
    /// The agent.
    pub agent: String,
    /// The kind of its agent CLI.
    pub backend: String,
    /// The model; empty when the agent CLI does not name it.
    pub model: String,
    /// What it used.
    pub spent: Spent,
}

/// What a row of the activity log says.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Its number.
    pub id: i64,
    /// What was done.
    pub action: &'a str,
    /// Who did it.
    pub by: &'a str,
    /// The beginning of its detail.
    pub detail: &'a str,
}

impl Store {
    /// Counts what there is.
    pub fn census(&self) -> Result<Census> {
        self.read(|conn| {
            let blocked = Filter {
                blocked: true,
                ..Filter::default()
            };
            let ready = Filter {
                ready: true,
                ..Filter::default()
            };
            Ok(Census {
                oldest: by_word(
                    conn,
                    "SELECT status, unixepoch('now') - min(unixepoch(created_at)) FROM tickets
                     WHERE status <> 'done' GROUP BY status",
                )?,
                claimable: super::tickets::count(conn, &ready)?,
                blocked: super::tickets::count(conn, &blocked)?,
                leases: conn
                    .prepare_cached("SELECT count(*) FROM attempts WHERE ended_at IS NULL")?
                    .query_row([], |row| row.get::<_, i64>(0))?
                    .unsigned_abs(),
                landings: counted(by_word(
                    conn,
                    "SELECT state, count(*) FROM landings
                     WHERE state IN ('queued', 'verifying', 'held') GROUP BY state",
                )?),
                outbox: counted(by_word(
                    conn,
                    "SELECT channel, count(*) FROM outbox WHERE state = 'waiting' GROUP BY channel",
                )?),
                spenders: spenders(conn)?,
            })
        })
    }

    /// Calls `take` with up to `most` rows of the activity log after `after`, oldest first; returns
    /// how many there were.
    pub fn tell(&self, after: i64, most: u32, take: &mut dyn FnMut(Told<'_>)) -> Result<u32> {
        let mut query = self.conn.prepare_cached(
            "SELECT id, action, coalesce(agent_id, ''), coalesce(substr(detail, 1, :length), '')
             FROM activity_log WHERE id > :after ORDER BY id LIMIT :most",
        )?;
        let mut rows =
            query.query(named_params! { ":after": after, ":most": most, ":length": DETAIL })?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let text = |place| {
                row.get_ref(place)
                    .map(|value| value.as_str().unwrap_or_default())
            };
            take(Told {
                id: row.get(0)?,
                action: text(1)?,
                by: text(2)?,
                detail: text(3)?,
            });
            count += 1;
        }
        Ok(count)
    }
}

/// A query's rows of a word and a number.
fn by_word(conn: &Connection, sql: &str) -> Result<BTreeMap<String, i64>> {
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map([], |row| {
        let number: Option<i64> = row.get(1)?;
        Ok((row.get(0)?, number.unwrap_or(0)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn counted(numbers: BTreeMap<String, i64>) -> BTreeMap<String, u64> {
    numbers
        .into_iter()
        .map(|(word, number)| (word, number.unsigned_abs()))
        .collect()
}

fn spenders(conn: &Connection) -> Result<Vec<Spender>> {
    let sql = format!(
        "SELECT agent, backend, model, {SUMS} FROM usage GROUP BY agent, backend, model
         ORDER BY sum(input_tokens + output_tokens) DESC, agent, backend, model LIMIT :most"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(named_params! { ":most": MOST_SPENDERS }, |row| {
        Ok(Spender {
            agent: row.get(0)?,
            backend: row.get(1)?,
            model: row.get(2)?,
            spent: spent(row, 3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
