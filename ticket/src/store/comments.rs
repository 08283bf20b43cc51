//! Comments.

use rusqlite::{Connection, Row, named_params};

use super::{Write, events, tickets};
use crate::actor::Actor;
use crate::comment::{Comment, NewComment};
use crate::error::{Error, Result};

/// Adds a comment and its event row; returns its id.
pub fn add(
    tx: &Write<'_>,
    actor: &Actor,
    ticket: i64,
    author: &str,
    new: &NewComment,
) -> Result<i64> {
    new.check()?;
    tickets::check_name("--author", author)?;
    if let Some(other) = new.reply_to {
        let here = tx
            .prepare_cached("SELECT 1 FROM comments WHERE id = :id AND ticket_id = :ticket")?
            .exists(named_params! { ":id": other, ":ticket": ticket })?;
        if !here {
            return Err(Error::NotFound(format!(
                "ticket {ticket} has no comment {other}: 'ticket comments {ticket} --ids' shows them"
            )));
        }
    }
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO comments (ticket_id, author, body, reply_to)
             VALUES (:ticket, :author, :body, :reply_to) RETURNING id",
        )?
        .query_row(
            named_params! {
                ":ticket": ticket, ":author": author, ":body": new.body, ":reply_to": new.reply_to,
            },
            |row| row.get(0),
        )?;
    let event_by = match actor {
        Actor::Human => author,
        _ => actor.name(),
    };
    let detail = events::first_line(&new.body);
    events::append_as(tx, event_by, Some(ticket), "commented", Some(&detail))?;
    Ok(id)
}

/// The comments of a ticket, oldest first.
pub fn of(conn: &Connection, ticket: i64) -> Result<Vec<Comment>> {
    let mut query = conn.prepare_cached(
        "SELECT id, ticket_id, author, body, created_at, reply_to FROM comments
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
        reply_to: row.get("reply_to")?,
    })
}
