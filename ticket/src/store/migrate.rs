//! Brings a database to the newest schema: all pending migrations and their version rows in one
//! transaction, so that a kill leaves the old schema or the new one and nothing between.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

/// Numbered, additive, never edited once released. 1 to 3 are the reference system's.
const MIGRATIONS: [(&str, &str); 12] = [
    (
        "reference",
        include_str!("../../../migrations/0001_reference.sql"),
    ),
    (
        "ticket_type",
        include_str!("../../../migrations/0002_ticket_type.sql"),
    ),
    (
        "verify_type",
        include_str!("../../../migrations/0003_verify_type.sql"),
    ),
    ("queue", include_str!("../../../migrations/0004_queue.sql")),
    (
        "search_and_labels",
        include_str!("../../../migrations/0005_search_and_labels.sql"),
    ),
    (
        "outbox",
        include_str!("../../../migrations/0006_outbox.sql"),
    ),
    ("usage", include_str!("../../../migrations/0007_usage.sql")),
    (
        "proposals",
        include_str!("../../../migrations/0008_proposals.sql"),
    ),
    (
        "lean_claims",
        include_str!("../../../migrations/0009_lean_claims.sql"),
    ),
    (
        "replies",
        include_str!("../../../migrations/0010_replies.sql"),
    ),
    ("clock", include_str!("../../../migrations/0011_clock.sql")),
    (
        "lean_schema",
        include_str!("../../../migrations/0012_lean_schema.sql"),
    ),
];

/// The version that this program works with.
pub const LATEST: i64 = MIGRATIONS.len() as i64;

/// The newest version that is the reference system's own.
const REFERENCE: i64 = 3;

/// The version of the open database; none when it is empty. A newer one is an error.
pub fn version(conn: &Connection) -> Result<Option<i64>> {
    let newest = conn.query_row("SELECT max(version) FROM schema_version", [], |row| {
        row.get(0)
    });
    let found: Option<i64> = match newest {
        Ok(found) => found,
        // The question that costs something is asked only when the other has no answer.
        Err(_) if !has_versions(conn)? => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match found {
        Some(found) if found > LATEST => Err(Error::NewerSchema {
            found,
            known: LATEST,
        }),
        other => Ok(other.filter(|v| *v > 0)),
    }
}

fn has_versions(conn: &Connection) -> Result<bool> {
    let named = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'";
    Ok(conn.prepare(named)?.exists([])?)
}

/// Applies what is missing; returns the version reached.
pub fn run(conn: &mut Connection, say: &mut dyn FnMut(&str)) -> Result<i64> {
    // Tables are rebuilt: references must not be followed meanwhile. The pragma does nothing inside
    // a transaction, so it is set around it, and the references are checked before the commit.
    conn.pragma_update(None, "foreign_keys", false)?;
    let outcome = apply(conn, say);
    conn.pragma_update(None, "foreign_keys", true)?;
    outcome
}

fn apply(conn: &mut Connection, say: &mut dyn FnMut(&str)) -> Result<i64> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&tx)?.unwrap_or(0);
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_version (
             version    INTEGER PRIMARY KEY,
             applied_at TEXT NOT NULL DEFAULT (datetime('now'))
         );",
    )?;
    for (number, (name, sql)) in (1..).zip(MIGRATIONS).filter(|(n, _)| *n > from) {
        tx.execute_batch(sql)?;
        tx.execute(
            "INSERT INTO schema_version (version, applied_at) VALUES (?1, datetime('now'))",
            [number],
        )?;
        say(&format!("Applied migration {number}: {name}"));
    }
    if (1..=REFERENCE).contains(&from) {
        // What that system did not write down or did not check, `ticket doctor` forgives.
        tx.execute(
            "INSERT INTO activity_log (agent_id, action, detail) VALUES ('migration', 'migrated', ?1)",
            [format!("from version {from} of the reference system")],
        )?;
    }
    let broken: i64 = tx.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
        row.get(0)
    })?;
    if from == 0 && broken > 0 {
        return Err(Error::Refused(format!(
            "{broken} rows would point to missing tickets: nothing was changed"
        )));
    }
    tx.commit()?;
    Ok(LATEST)
}
