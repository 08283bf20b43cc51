//! What waits for the person in charge, and whether agents have anything to do.

use rusqlite::{Connection, named_params};

use super::{Store, tickets};
use crate::error::Result;
use crate::waiting::Waiting;

/// How many are listed at most.
const MOST: u32 = 500;
/// How much of a text is read, in characters.
const DETAIL: u32 = 2000;
/// How many of the latest landings tell whether main is sound.
const LANDINGS: u32 = 50;

/// What agents could do at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Todo {
    /// Attempts and proposals under way, work that waits to land, tickets that may be claimed now or
    /// later.
    pub for_agents: bool,
    /// Tickets that are not done, counted up to 1000.
    pub unfinished: i64,
}

impl Store {
    /// What waits for the human, the oldest first; 500 at most.
    pub fn waiting(&self) -> Result<Vec<Waiting>> {
        self.read(all)
    }

    /// Whether there is anything left that agents could do.
    pub fn todo(&self) -> Result<Todo> {
        let for_agents = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM tickets WHERE status = 'open' AND assigned_to IS NULL
                                AND open_blockers = 0)
                     OR EXISTS (SELECT 1 FROM attempts WHERE ended_at IS NULL)
                     OR EXISTS (SELECT 1 FROM landings WHERE state IN ('queued', 'verifying'))",
            )?
            .query_row([], |row| row.get(0))?;
        let unfinished = self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM (SELECT 1 FROM tickets WHERE status <> 'done' LIMIT 1000)",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(Todo {
            for_agents,
            unfinished,
        })
    }

    /// The tickets whose work the gate refused since something last landed, each once, the newest
    /// first.
    pub fn refused_in_a_row(&self) -> Result<Vec<i64>> {
        let mut query = self.conn.prepare_cached(
            "SELECT state, ticket_id FROM landings
             WHERE state = 'landed' OR (state = 'bounced' AND log_tail IS NOT NULL)
             ORDER BY id DESC LIMIT :most",
        )?;
        let rows = query.query_map(named_params! { ":most": LANDINGS }, |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })?;
        let mut refused = Vec::new();
        for row in rows {
            let (state, ticket) = row?;
            if state == "landed" {
                break;
            }
            if !refused.contains(&ticket) {
                refused.push(ticket);
            }
        }
        Ok(refused)
    }
}

/// See [`Store::waiting`].
pub fn all(conn: &Connection) -> Result<Vec<Waiting>> {
    let mut found = held(conn)?;
    found.extend(assigned(conn)?);
    found.sort_by(|a, b| (&a.since, a.ticket).cmp(&(&b.since, b.ticket)));
    Ok(found)
}

fn held(conn: &Connection) -> Result<Vec<Waiting>> {
    let mut query = conn.prepare_cached(
        "SELECT t.id, t.title, 'held', t.created_by, l.reason, l.submitted_at,
                (SELECT max(id) FROM activity_log WHERE ticket_id = t.id)
         FROM landings l INDEXED BY landings_live JOIN tickets t ON t.id = l.ticket_id
         WHERE l.state IN ('queued', 'verifying', 'held') AND l.state = 'held'
         ORDER BY l.id LIMIT :most",
    )?;
    let rows = query.query_map(named_params! { ":most": MOST }, from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn assigned(conn: &Connection) -> Result<Vec<Waiting>> {
    let mut query = conn.prepare_cached(
        "SELECT t.id, t.title,
                CASE WHEN n.outcome IS NOT NULL THEN 'no-change' WHEN t.type <> 'task' THEN t.type
                     WHEN q.id IS NULL THEN 'work' ELSE 'quarantine' END,
                t.created_by,
                CASE WHEN n.outcome IS NOT NULL THEN n.reason
                     WHEN q.id IS NULL THEN substr(t.description, 1, :detail)
                     ELSE (SELECT a.outcome || ': ' || coalesce(a.reason, '') FROM attempts a
                           WHERE a.ticket_id = t.id AND a.ended_at IS NOT NULL
                           ORDER BY a.number DESC LIMIT 1) END,
                coalesce(n.ended_at, q.created_at, t.created_at),
                (SELECT max(id) FROM activity_log WHERE ticket_id = t.id)
         FROM tickets t
         LEFT JOIN attempts n ON t.status = 'ready' AND n.outcome = 'no-change'
                             AND n.ticket_id = t.id
                             AND n.number = (SELECT max(number) FROM attempts
                                             WHERE ticket_id = t.id)
         LEFT JOIN activity_log q ON q.id = (SELECT max(id) FROM activity_log
                                             WHERE ticket_id = t.id AND action = 'quarantined')
         WHERE t.status <> 'done' AND t.assigned_to = 'human' AND t.open_blockers = 0
           AND NOT EXISTS (SELECT 1 FROM landings l WHERE l.ticket_id = t.id
                           AND l.state IN ('queued', 'verifying', 'held'))
         ORDER BY t.id LIMIT :most",
    )?;
    let rows = query.query_map(named_params! { ":most": MOST, ":detail": DETAIL }, from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        ticket: row.get(0)?,
        title: row.get(1)?,
        wanted: tickets::parsed(row, 2)?,
        created_by: row.get(3)?,
        detail: row.get(4)?,
        since: row.get(5)?,
        version: row.get::<_, Option<i64>>(6)?.unwrap_or_default(),
    })
}
