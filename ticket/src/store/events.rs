//! The activity log: append-only, and the cursor of the event stream.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{Store, Write, json};
use crate::actor::Actor;
use crate::error::Result;
use crate::event::Event;

pub(super) const COLUMNS: &str = "id, ticket_id, agent_id, action, detail, created_at";

/// Appends one row, in the transaction of the change that it tells of.
pub fn append(
    tx: &Write<'_>,
    actor: &Actor,
    ticket: Option<i64>,
    action: &str,
    detail: Option<&str>,
) -> Result<()> {
    append_as(tx, actor.name(), ticket, action, detail)
}

/// As [`append`], in the name of an agent.
pub fn append_as(
    tx: &Write<'_>,
    agent: &str,
    ticket: Option<i64>,
    action: &str,
    detail: Option<&str>,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO activity_log (ticket_id, agent_id, action, detail)
         VALUES (:ticket, :agent, :action, :detail)",
    )?
    .execute(named_params! {
        ":ticket": ticket, ":agent": agent, ":action": action, ":detail": detail,
    })?;
    Ok(())
}

/// Calls `take` with every row, oldest first.
pub fn each(conn: &Connection, take: &mut dyn FnMut(&mut Event)) -> Result<()> {
    let mut query = conn.prepare(&format!("SELECT {COLUMNS} FROM activity_log ORDER BY id"))?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        take(&mut from_row(row)?);
    }
    Ok(())
}

/// The number of the newest row about a ticket: its version. 0 when there is none.
pub fn last_of(conn: &Connection, ticket: i64) -> Result<i64> {
    let mut query = conn.prepare_cached(
        "SELECT coalesce(max(id), 0) FROM activity_log WHERE ticket_id = :ticket",
    )?;
    Ok(query.query_row(named_params! { ":ticket": ticket }, |row| row.get(0))?)
}

/// The rows with one of these actions that are not older than `since`, oldest first.
pub fn since(conn: &Connection, since: &str, actions: &[&str]) -> Result<Vec<Event>> {
    let mut query = conn.prepare(&format!(
        "SELECT {COLUMNS} FROM activity_log
         WHERE id >= :first AND action IN (SELECT value FROM json_each(:actions)) ORDER BY id"
    ))?;
    let (first, actions) = (first_since(conn, since)?, json(actions)?);
    let rows = query.query_map(
        named_params! { ":first": first, ":actions": actions },
        from_row,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first row of the log that is not older than `since`. Rows are numbered by time, so a few looks
/// find it in a log of any length.
pub fn first_since(conn: &Connection, since: &str) -> Result<i64> {
    // Both at once from one SELECT would read every row.
    let bounds = "SELECT coalesce((SELECT min(id) FROM activity_log), 0),
                         coalesce((SELECT max(id) FROM activity_log), 0) + 1";
    let (mut low, mut high): (i64, i64) =
        conn.query_row(bounds, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut query =
        conn.prepare("SELECT id, created_at FROM activity_log WHERE id >= ?1 ORDER BY id LIMIT 1")?;
    while low < high {
        let middle = low + (high - low) / 2;
        let row: Option<(i64, String)> = query
            .query_row([middle], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match row {
            Some((id, at)) if *at < *since => low = id + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

impl Store {
    /// Writes down something that concerns no row: an agent started, a breaker opened.
    pub fn note(
        &mut self,
        actor: &Actor,
        ticket: Option<i64>,
        action: &str,
        detail: Option<&str>,
    ) -> Result<()> {
        self.write(|tx| append(tx, actor, ticket, action, detail))
    }

    /// Up to `limit` rows after the cursor, oldest first.
    pub fn events_after(&self, cursor: i64, limit: u32) -> Result<Vec<Event>> {
        self.later_events(cursor, limit, None)
    }

    /// Up to `limit` rows after the cursor, of all or of one ticket, oldest first.
    pub fn later_events(&self, after: i64, limit: u32, ticket: Option<i64>) -> Result<Vec<Event>> {
        self.events(ticket, "id > :cursor ORDER BY id", after, limit)
    }

    /// The newest `limit` rows, of all or of one ticket, newest first.
    pub fn latest_events(&self, limit: u32, ticket: Option<i64>) -> Result<Vec<Event>> {
        self.earlier_events(i64::MAX, limit, ticket)
    }

    /// Up to `limit` rows before the cursor, of all or of one ticket, newest first.
    pub fn earlier_events(
        &self,
        before: i64,
        limit: u32,
        ticket: Option<i64>,
    ) -> Result<Vec<Event>> {
        self.events(ticket, "id < :cursor ORDER BY id DESC", before, limit)
    }

    fn events(
        &self,
        ticket: Option<i64>,
        range: &str,
        cursor: i64,
        limit: u32,
    ) -> Result<Vec<Event>> {
        let only = match ticket {
            Some(_) => "ticket_id = :ticket",
            None => ":ticket IS NULL",
        };
        let sql =
            format!("SELECT {COLUMNS} FROM activity_log WHERE {only} AND {range} LIMIT :limit");
        let mut query = self.conn.prepare_cached(&sql)?;
        let rows = query.query_map(
            named_params! { ":cursor": cursor, ":limit": limit, ":ticket": ticket },
            from_row,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The newest row with one of these actions that concerns no ticket.
    pub fn last_event_of(&self, actions: &[&str]) -> Result<Option<Event>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM activity_log
             WHERE ticket_id IS NULL AND action IN (SELECT value FROM json_each(:actions))
             ORDER BY id DESC LIMIT 1"
        );
        let actions = json(actions)?;
        let mut query = self.conn.prepare_cached(&sql)?;
        let last = query.query_row(named_params! { ":actions": actions }, from_row);
        Ok(last.optional()?)
    }

    /// The number of the newest row; 0 when there is none.
    pub fn last_event_id(&self) -> Result<i64> {
        let mut query = self
            .conn
            .prepare_cached("SELECT coalesce(max(id), 0) FROM activity_log")?;
        Ok(query.query_row([], |row| row.get(0))?)
    }
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: row.get("id")?,
        ticket_id: row.get("ticket_id")?,
        agent_id: row.get("agent_id")?,
        action: row.get("action")?,
        detail: row.get("detail")?,
        created_at: row.get("created_at")?,
    })
}

/// The beginning of a text, as the detail of an event.
pub(super) fn first_line(body: &str) -> String {
    body.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(120)
        .collect()
}
