//! Counts for those who watch the queue from afar. Each reads what an index has, and the activity log
//! is read on from where the last reading ended.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, named_params};

use super::{Store, usage};
use crate::error::Result;
use crate::filter::Filter;
use crate::status::Status;
use crate::usage::Spent;

/// How many agents with a backend and a model are told apart; those that used most come first.
const MOST_SPENDERS: usize = 500;
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
            let ready = Filter {
                ready: true,
                ..Filter::default()
            };
            let (oldest, blocked) = unfinished(conn)?;
            Ok(Census {
                oldest,
                claimable: super::tickets::count(conn, &ready)?,
                blocked,
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
            })
        })
    }

    /// What agents used since the database began, those that used most first.
    pub fn spenders(&self) -> Result<Vec<Spender>> {
        self.read(spenders)
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

/// The age of the oldest unfinished ticket of each status, in seconds, and how many wait for another
/// ticket: read together, once.
fn unfinished(conn: &Connection) -> Result<(BTreeMap<String, i64>, u64)> {
    let statuses = [Status::Open, Status::InProgress, Status::Ready];
    let ages = statuses.map(|status| {
        format!("unixepoch('now') - unixepoch(min(created_at) FILTER (WHERE status = '{status}'))")
    });
    let sql = format!(
        "SELECT {}, coalesce(sum(open_blockers > 0), 0) FROM tickets WHERE status <> 'done'",
        ages.join(", ")
    );
    let mut query = conn.prepare_cached(&sql)?;
    Ok(query.query_row([], |row| {
        let mut oldest = BTreeMap::new();
        for (column, status) in statuses.iter().enumerate() {
            if let Some(age) = row.get::<_, Option<i64>>(column)? {
                oldest.insert(status.as_str().to_owned(), age);
            }
        }
        Ok((oldest, row.get::<_, i64>(statuses.len())?.unsigned_abs()))
    })?)
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
    let mut query = conn.prepare_cached(
        "SELECT agent, backend, model, input_tokens, output_tokens, cache_read_tokens,
                cache_write_tokens, cost_microusd FROM usage",
    )?;
    let mut rows = query.query([])?;
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut spenders: Vec<Spender> = Vec::new();
    let mut names = String::new();
    while let Some(row) = rows.next()? {
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        let (agent, backend, model) = (text(0)?, text(1)?, text(2)?);
        names.clear();
        for name in [agent, backend, model] {
            names.push_str(name);
            names.push('\0');
        }
        let used = usage::of_row(row, 3)?;
        if let Some(place) = places.get(names.as_str()) {
            spenders[*place].spent.add(&used);
            continue;
        }
        places.insert(names.clone(), spenders.len());
        spenders.push(Spender {
            agent: agent.to_owned(),
            backend: backend.to_owned(),
            model: model.to_owned(),
            spent: used,
        });
    }
    let used = |spender: &Spender| spender.spent.input_tokens + spender.spent.output_tokens;
    spenders.sort_by(|a, b| {
        let names = |s: &Spender| (s.agent.clone(), s.backend.clone(), s.model.clone());
        used(b).cmp(&used(a)).then_with(|| names(a).cmp(&names(b)))
    });
    spenders.truncate(MOST_SPENDERS);
    Ok(spenders)
}
