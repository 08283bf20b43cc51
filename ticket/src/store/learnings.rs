//! What agents and people found out.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::{Store, Write, events};
use crate::error::Result;
use crate::learning::{IN_PROMPT, Learning, LearningFilter, NewLearning, choose};

const COLUMNS: &str = "id, body, category, author, ticket_id, created_at";
/// The most learnings in one answer.
const MAX_ROWS: u32 = 10_000;
/// How many of the newest are looked at for a prompt.
const LOOKED_AT: u32 = 5_000;

/// Keeps a learning, once: what is known already keeps its id.
pub fn add(tx: &Write<'_>, author: &str, ticket: Option<i64>, new: &NewLearning) -> Result<i64> {
    let category = new.category();
    let body = new.body.trim();
    let known: Option<i64> = tx
        .prepare_cached("SELECT id FROM learnings WHERE category = :category AND body = :body")?
        .query_row(
            named_params! { ":category": category, ":body": body },
            |row| row.get(0),
        )
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO learnings (body, category, author, ticket_id)
             VALUES (:body, :category, :author, :ticket) RETURNING id",
        )?
        .query_row(
            named_params! {
                ":body": body, ":category": category, ":author": author, ":ticket": ticket,
            },
            |row| row.get(0),
        )?;
    let detail = format!("{category}: {}", events::first_line(body));
    events::append_as(tx, author, ticket, "learned", Some(&detail))?;
    Ok(id)
}

/// The newest learnings that the filter lets through, oldest first.
pub fn list(conn: &Connection, filter: &LearningFilter) -> Result<Vec<Learning>> {
    let words: Vec<&str> = filter
        .search
        .as_deref()
        .map_or(Vec::new(), |words| words.split_whitespace().collect());
    let sql = format!(
        "SELECT {COLUMNS} FROM learnings
         WHERE id < :before AND (:category IS NULL OR category = :category)
           AND NOT EXISTS (SELECT 1 FROM json_each(:words)
                           WHERE instr(lower(body), lower(value)) = 0)
         ORDER BY id DESC LIMIT :limit"
    );
    let mut query = conn.prepare_cached(&sql)?;
    let rows = query.query_map(
        named_params! {
            ":category": filter.category, ":words": super::json(&words)?,
            ":before": filter.before.unwrap_or(i64::MAX),
            ":limit": filter.limit.unwrap_or(MAX_ROWS).min(MAX_ROWS),
        },
        from_row,
    )?;
    let mut found = rows.collect::<Result<Vec<_>, _>>()?;
    found.reverse();
    Ok(found)
}

impl Store {
    /// The learnings that a prompt about a ticket gets, oldest first, and how many there are beside
    /// them. `about` is what the ticket says; see [`choose`].
    pub fn learnings_for_prompt(&self, about: &str) -> Result<(Vec<Learning>, usize)> {
        let newest = LearningFilter {
            limit: Some(LOOKED_AT),
            ..LearningFilter::default()
        };
        let (chosen, _) = choose(list(&self.conn, &newest)?, about, IN_PROMPT);
        let known: i64 = self
            .conn
            .prepare_cached("SELECT count(*) FROM learnings")?
            .query_row([], |row| row.get(0))?;
        let known = usize::try_from(known).unwrap_or(0);
        let left_out = known.saturating_sub(chosen.len());
        Ok((chosen, left_out))
    }
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Learning> {
    Ok(Learning {
        id: row.get("id")?,
        body: row.get("body")?,
        category: row.get("category")?,
        author: row.get("author")?,
        ticket_id: row.get("ticket_id")?,
        created_at: row.get("created_at")?,
    })
}
