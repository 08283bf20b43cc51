//! Small facts that outlive the hub, by key.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::{Store, Write};
use crate::error::Result;

/// The value of `key`, if it was ever set.
pub fn get(conn: &Connection, key: &str) -> Result<Option<String>> {
    let mut query = conn.prepare_cached("SELECT value FROM settings WHERE key = :key")?;
    Ok(query
        .query_row(named_params! { ":key": key }, |row| row.get(0))
        .optional()?)
}

/// Sets `key`.
pub fn set(tx: &Write<'_>, key: &str, value: &str) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO settings (key, value) VALUES (:key, :value)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute(named_params! { ":key": key, ":value": value })?;
    Ok(())
}

/// Forgets `key`; returns false when it was not set.
pub fn remove(tx: &Write<'_>, key: &str) -> Result<bool> {
    let removed = tx.execute(
        "DELETE FROM settings WHERE key = :key",
        named_params! { ":key": key },
    )?;
    Ok(removed > 0)
}

impl Store {
    /// The value of `key`, if it was ever set.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        get(&self.conn, key)
    }

    /// Sets `key`.
    pub fn set_setting(&mut self, key: &str, value: &str) -> Result<()> {
        self.write(|tx| set(tx, key, value))
    }
}
