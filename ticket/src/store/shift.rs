//! The rows of a shift report.

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};

use super::{Store, Write, events, now, settings, tickets, waiting};
use crate::actor::Actor;
use crate::error::Result;
use crate::moment;
use crate::shift::{FailedAttempt, HUB_BACK, Landed, NAMED, Shift, TURNS, interruptions};

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

    /// The hub is started although nobody stopped the last one.
    pub fn note_hub_back(&mut self) -> Result<()> {
        let why = "the last one had ended without being told to";
        self.note(&Actor::Hub, None, HUB_BACK, Some(why))
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
            let first = events::first_since(conn, &since)?;
            let (landed_count, landed) = landed(conn, first, &since)?;
            let (failed_counts, failed) = failed(conn, first, &since)?;
            let back = events::since(conn, &since, &[HUB_BACK])?;
            let latest = back.iter().rev().take(NAMED);
            Ok(Shift {
                hub_restart_count: back.len() as u64,
                hub_restarts: latest.map(|event| event.created_at.clone()).collect(),
                until: moment::text(now()).unwrap_or_default(),
                landed_count,
                landed,
                failed_counts,
                failed,
                waiting: waiting::all(conn)?,
                interruptions: interruptions(&events::since(conn, &since, &TURNS)?),
                since,
            })
        })
    }
}

/// The tickets of which the log tells from this row on: what ended since is among what they had.
const TOUCHED: &str = "SELECT DISTINCT ticket_id FROM activity_log NOT INDEXED
                       WHERE id >= :first AND ticket_id IS NOT NULL";

/// How many landed, and the latest of them.
fn landed(conn: &Connection, first: i64, since: &str) -> Result<(u64, Vec<Landed>)> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT l.ticket_id, l.candidate, l.finished_at, l.id
         FROM ({TOUCHED}) e CROSS JOIN landings l ON l.ticket_id = e.ticket_id
         WHERE l.state = 'landed' AND l.finished_at >= :since"
    ))?;
    let rows = query.query_map(named_params! { ":first": first, ":since": since }, |row| {
        let landed = Landed {
            ticket: row.get(0)?,
            title: String::new(),
            commit: row.get(1)?,
            at: row.get(2)?,
        };
        Ok((landed, row.get::<_, i64>(3)?))
    })?;
    let mut rows: Vec<(Landed, i64)> = rows.collect::<Result<_, _>>()?;
    let number = rows.len() as u64;
    rows.sort_by(|(a, first), (b, second)| (&b.at, second).cmp(&(&a.at, first)));
    let latest = rows.into_iter().take(NAMED).map(|(landed, _)| {
        let title = tickets::title(conn, landed.ticket)?;
        Ok(Landed { title, ..landed })
    });
    Ok((number, latest.collect::<Result<_>>()?))
}

/// How many attempts ended as neither success nor somebody's wish, by outcome, and the latest of them.
fn failed(
    conn: &Connection,
    first: i64,
    since: &str,
) -> Result<(BTreeMap<String, u64>, Vec<FailedAttempt>)> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT a.ticket_id, a.number, a.outcome, a.reason, a.ended_at
         FROM ({TOUCHED}) e CROSS JOIN attempts a ON a.ticket_id = e.ticket_id
         WHERE a.outcome NOT IN ('landed', 'needs-review', 'no-change', 'released', 'cancelled')
           AND a.ended_at >= :since"
    ))?;
    let rows = query.query_map(named_params! { ":first": first, ":since": since }, |row| {
        Ok(FailedAttempt {
            ticket: row.get(0)?,
            title: String::new(),
            attempt: row.get(1)?,
            outcome: tickets::parsed(row, 2)?,
            reason: row.get(3)?,
            at: row.get(4)?,
        })
    })?;
    let mut all: Vec<FailedAttempt> = rows.collect::<Result<_, _>>()?;
    let mut counts = BTreeMap::new();
    for attempt in &all {
        *counts
            .entry(attempt.outcome.as_str().to_owned())
            .or_insert(0) += 1;
    }
    all.sort_by(|a, b| (&b.at, b.ticket, b.attempt).cmp(&(&a.at, a.ticket, a.attempt)));
    all.truncate(NAMED);
    for attempt in &mut all {
        attempt.title = tickets::title(conn, attempt.ticket)?;
    }
    Ok((counts, all))
}
