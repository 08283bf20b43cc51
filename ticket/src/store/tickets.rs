//! Rows of the tickets table.

use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{Store, Write, attempts, blockers, comments, events};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::status::{Move, Status};
use crate::ticket::{NewTicket, Resolution, Ticket, TicketDetail, TicketType};

const COLUMNS: &str = "id, title, description, status, type, assigned_to, parent_id, created_by, \
     created_at, updated_at, priority, resolution, not_before, attempt, failures";

/// One ticket.
pub fn get(conn: &Connection, id: i64) -> Result<Ticket> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE id = :id");
    conn.prepare_cached(&sql)?
        .query_row(named_params! { ":id": id }, from_row)
        .optional()?
        .ok_or_else(|| Error::no_ticket(id))
}

/// One ticket with all that hangs on it.
pub fn detail(conn: &Connection, id: i64) -> Result<TicketDetail> {
    Ok(TicketDetail {
        ticket: get(conn, id)?,
        blocked_by: blockers::of(conn, id)?,
        blocks: blockers::dependents_of(conn, id)?,
        children: ids(
            conn,
            "SELECT id FROM tickets WHERE parent_id = :id ORDER BY id",
            id,
        )?,
        comments: comments::of(conn, id)?,
        attempts: attempts::of(conn, id)?,
    })
}

/// Tickets with one of `statuses`, by id.
pub fn list(
    conn: &Connection,
    statuses: &[Status],
    assigned_to: Option<&str>,
) -> Result<Vec<Ticket>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM tickets
         WHERE status IN (SELECT value FROM json_each(:statuses))
           AND (:assigned IS NULL OR assigned_to = :assigned)
         ORDER BY id"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(
        named_params! { ":statuses": words(statuses), ":assigned": assigned_to },
        from_row,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many tickets [`list`] gives.
pub fn count(conn: &Connection, statuses: &[Status], assigned_to: Option<&str>) -> Result<u64> {
    let mut query = conn.prepare_cached(
        "SELECT count(*) FROM tickets
         WHERE status IN (SELECT value FROM json_each(:statuses))
           AND (:assigned IS NULL OR assigned_to = :assigned)",
    )?;
    let number: i64 = query.query_row(
        named_params! { ":statuses": words(statuses), ":assigned": assigned_to },
        |row| row.get(0),
    )?;
    Ok(number.unsigned_abs())
}

/// Inserts a ticket with its blocker relations; returns its id.
pub fn insert(tx: &Write<'_>, actor: &Actor, new: &NewTicket, kind: TicketType) -> Result<i64> {
    if let Some(parent) = new.parent {
        get(tx, parent)?;
    }
    let created_by = actor.signs(new.created_by.as_deref());
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO tickets (title, description, type, assigned_to, parent_id, created_by, priority)
             VALUES (:title, :description, :type, :assign, :parent, :created_by, :priority)
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":title": new.title, ":description": new.description, ":type": kind.as_str(),
                ":assign": new.assign.as_deref().filter(|a| !a.is_empty()), ":parent": new.parent,
                ":created_by": created_by, ":priority": new.priority.unwrap_or(2),
            },
            |row| row.get(0),
        )?;
    for by in &new.blocked_by {
        get(tx, *by)?;
        blockers::insert(tx, id, *by)?;
    }
    for of in &new.block_dependents_of {
        get(tx, *of)?;
        for dependent in blockers::dependents_of(tx, *of)? {
            blockers::must_not_cycle(tx, dependent, id)?;
            blockers::insert(tx, dependent, id)?;
        }
    }
    events::append_as(tx, created_by, Some(id), "created", Some(&new.title))?;
    Ok(id)
}

/// Applies `what` by [`Status::after`]; returns the ticket as it was. The assignee is cleared when
/// the ticket becomes open.
pub fn apply(tx: &Write<'_>, id: i64, what: Move) -> Result<Ticket> {
    let before = get(tx, id)?;
    let status = before.status.after(what)?;
    tx.prepare_cached(
        "UPDATE tickets SET status = :status, updated_at = datetime('now'),
                assigned_to = CASE WHEN :status = 'open' THEN NULL ELSE assigned_to END
         WHERE id = :id",
    )?
    .execute(named_params! { ":id": id, ":status": status.as_str() })?;
    Ok(before)
}

/// Finishes a ticket with its resolution; its dependents are freed by the schema's trigger.
pub fn finish(tx: &Write<'_>, id: i64, resolution: Resolution) -> Result<()> {
    get(tx, id)?.status.after(Move::Finish)?;
    tx.execute(
        "UPDATE tickets SET status = 'done', resolution = :resolution, updated_at = datetime('now')
         WHERE id = :id",
        named_params! { ":id": id, ":resolution": resolution.as_str() },
    )?;
    Ok(())
}

/// Sets the assignee.
pub fn assign(tx: &Write<'_>, id: i64, who: Option<&str>) -> Result<()> {
    tx.execute(
        "UPDATE tickets SET assigned_to = :who, updated_at = datetime('now') WHERE id = :id",
        named_params! { ":id": id, ":who": who },
    )?;
    Ok(())
}

/// Nobody claims the ticket before this moment, in Unix seconds.
pub fn defer(tx: &Write<'_>, id: i64, not_before: i64) -> Result<()> {
    tx.execute(
        "UPDATE tickets SET not_before = :not_before WHERE id = :id",
        named_params! { ":id": id, ":not_before": not_before },
    )?;
    Ok(())
}

/// Ids by a query that takes one `:id`.
pub fn ids(conn: &Connection, sql: &str, id: i64) -> Result<Vec<i64>> {
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map(named_params! { ":id": id }, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Store {
    /// How many tickets have each status; all four are named.
    pub fn status_counts(&self) -> Result<BTreeMap<String, u64>> {
        Status::ALL
            .into_iter()
            .map(|status| {
                let number = count(&self.conn, &[status], None)?;
                Ok((status.as_str().to_owned(), number))
            })
            .collect()
    }

    /// The nearest moment after now, in Unix seconds, at which a deferred ticket may be claimed.
    pub fn next_deferred(&self) -> Result<Option<i64>> {
        let mut query = self.conn.prepare_cached(
            "SELECT min(not_before) FROM tickets
             WHERE status = 'open' AND assigned_to IS NULL AND open_blockers = 0
               AND not_before > :now",
        )?;
        Ok(query.query_row(named_params! { ":now": super::now() }, |row| row.get(0))?)
    }
}

fn words(statuses: &[Status]) -> String {
    let words: Vec<String> = statuses.iter().map(|s| format!("\"{s}\"")).collect();
    format!("[{}]", words.join(","))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Ticket> {
    Ok(Ticket {
        id: row.get("id")?,
        title: row.get("title")?,
        description: row.get("description")?,
        status: parsed(row, "status")?,
        kind: parsed(row, "type")?,
        assigned_to: row.get("assigned_to")?,
        parent_id: row.get("parent_id")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        priority: row.get("priority")?,
        resolution: parsed_or_null(row, "resolution")?,
        not_before: row.get("not_before")?,
        attempt: row.get("attempt")?,
        failures: row.get("failures")?,
    })
}

/// A column that holds one of our words.
pub fn parsed<T: std::str::FromStr<Err = String>>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    row.get::<_, String>(column)?
        .parse()
        .map_err(|e: String| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, e.into()))
}

/// As [`parsed`], for a column that may be NULL.
pub fn parsed_or_null<T: std::str::FromStr<Err = String>>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<T>> {
    match row.get::<_, Option<String>>(column)? {
        None => Ok(None),
        Some(_) => parsed(row, column).map(Some),
    }
}
