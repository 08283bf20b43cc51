//! Comments.

use rusqlite::{Connection, Row, named_params};

use super::{Write, events};
use crate::actor::Actor;
use crate::error::Result;
use crate::ticket::{Comment, check_text};

/// Adds a comment and its event row.
pub fn add(tx: &Write<'_>, actor: &Actor, ticket: i64, author: &str, body: &str) -> Result<()> {
    check_text("comment", body)?;
    tx.execute(
        "INSERT INTO comments (ticket_id, author, body) VALUES (:ticket, :author, :body)",
        named_params! { ":ticket": ticket, ":author": author, ":body": body },
    )?;
    let event_by = match actor {
        Actor::Human => author,
        _ => actor.name(),
    };
    events::append_as(
        tx,
        event_by,
        Some(ticket),
        "commented",
        Some(&first_line(body)),
    )
}

/// The comments of a ticket, oldest first.
pub fn of(conn: &Connection, ticket: i64) -> Result<Vec<Comment>> {
    let mut query = conn.prepare_cached(
        "SELECT id, ticket_id, author, body, created_at FROM comments
         WHERE ticket_id = :ticket ORDER BY id",
    )?;
    let rows = query.query_map(named_params! { ":ticket": ticket }, from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Comment> {
    Ok(Comment {
        id: row.get("id")?,
        ticket_id: row.get("ticket_id")?,
        author: row.get("author")?,
        body: row.get("body")?,
        created_at: row.get("created_at")?,
    })
}

fn first_line(body: &str) -> String {
    body.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(120)
        .collect()
}
