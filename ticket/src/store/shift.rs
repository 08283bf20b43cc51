//! The rows of a shift report.

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};

use super::{Store, Write, events, now, settings, tickets, waiting};
use crate::error::Result;
use crate::moment;
use crate::shift::{FailedAttempt, Landed, NAMED, Shift, TURNS, interruptions};

/// The setting that says when the swarm was last started, in Unix seconds.
const STARTED: &str = "started_at";
/// A report of a swarm of which that is not known begins so long ago, in seconds.
const DEFAULT_SECONDS: i64 = 24 * 60 * 60;

/// A swarm that was started by a clock that was ahead was started now at the latest: what happened
/// since is not left out of its report.
pub fn not_started_after(tx: &Write<'_>, now: i64) -> Result<()> {
    let started = settings::get(tx, STARTED)?.and_then(|text| text.parse::<i64>().ok());
    match started.filter(|started| *started > now) {
        Some(_) => settings::set(tx, STARTED, &now.to_string()),
        None => Ok(()),
    }
}

impl Store {
    /// The swarm is started now, by a human.
    pub fn set_started(&mut self) -> Result<()> {
        self.write(|tx| settings::set(tx, STARTED, &now().to_string()))
    }

    /// What happened since that moment, in Unix seconds; since the last start when none is given.
    pub fn shift(&self, since: Option<i64>) -> Result<Shift> {
        self.read(|conn| {
            let since = match since {
                Some(since) => since,
                None => settings::get(conn, STARTED)?
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(now() - DEFAULT_SECONDS),
            };
            let since = moment::text(since.max(0)).unwrap_or_default();
            let (landed_count, landed) = landed(conn, &since)?;
            let failed = failed(conn, &since)?;
            Ok(Shift {
                until: moment::text(now()).unwrap_or_default(),
                landed_count,
                landed,
                failed_counts: failed_counts(conn, &since)?,
                failed,
                waiting: waiting::all(conn)?,
                interruptions: interruptions(&events::since(conn, &since, &TURNS)?),
                since,
            })
        })
    }
}

fn landed(conn: &Connection, since: &str) -> Result<(u64, Vec<Landed>)> {
    let number: i64 = conn.query_row(
        "SELECT count(*) FROM landings WHERE state = 'landed' AND finished_at >= :since",
        named_params! { ":since": since },
        |row| row.get(0),
    )?;
    let mut query = conn.prepare(
        "SELECT l.ticket_id, t.title, l.candidate, l.finished_at
         FROM landings l JOIN tickets t ON t.id = l.ticket_id
         WHERE l.state = 'landed' AND l.finished_at >= :since
         ORDER BY l.finished_at DESC, l.id DESC LIMIT :named",
    )?;
    let rows = query.query_map(named_params! { ":since": since, ":named": NAMED }, |row| {
        Ok(Landed {
            ticket: row.get(0)?,
            title: row.get(1)?,
            commit: row.get(2)?,
            at: row.get(3)?,
        })
    })?;
    Ok((number.unsigned_abs(), rows.collect::<Result<_, _>>()?))
}

/// What is neither success nor somebody's wish.
const FAILED: &str =
    "outcome NOT IN ('landed', 'needs-review', 'no-change', 'released', 'cancelled')
                      AND ended_at >= :since";

fn failed_counts(conn: &Connection, since: &str) -> Result<BTreeMap<String, u64>> {
    let mut query = conn.prepare(&format!(
        "SELECT outcome, count(*) FROM attempts WHERE {FAILED} GROUP BY outcome"
    ))?;
    let rows = query.query_map(named_params! { ":since": since }, |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn failed(conn: &Connection, since: &str) -> Result<Vec<FailedAttempt>> {
    let mut query = conn.prepare(&format!(
        "SELECT a.ticket_id, t.title, a.number, a.outcome, a.reason, a.ended_at
         FROM attempts a JOIN tickets t ON t.id = a.ticket_id WHERE {FAILED}
         ORDER BY a.ended_at DESC, a.ticket_id DESC, a.number DESC LIMIT :named"
    ))?;
    let rows = query.query_map(named_params! { ":since": since, ":named": NAMED }, |row| {
        Ok(FailedAttempt {
            ticket: row.get(0)?,
            title: row.get(1)?,
            attempt: row.get(2)?,
            outcome: tickets::parsed(row, 3)?,
            reason: row.get(4)?,
            at: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
