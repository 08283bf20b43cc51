//! Small facts that outlive the hub, by key.

use rusqlite::{Connection, OptionalExtension, named_params};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Store, Write};
use crate::error::{Error, Result};

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

/// What [`keep`] wrote under `key`, if it ever did.
pub fn read<T: DeserializeOwned>(conn: &Connection, key: &str) -> Result<Option<T>> {
    get(conn, key)?.map(|text| parse(key, &text)).transpose()
}

/// What [`keep`] wrote under `key`, from its text.
pub fn parse<T: DeserializeOwned>(key: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|e| Error::Unavailable(format!("the setting '{key}' cannot be read: {e}")))
}

/// Sets `key` to more than a word.
pub fn keep<T: Serialize>(tx: &Write<'_>, key: &str, value: &T) -> Result<()> {
    let text = serde_json::to_string(value)
        .map_err(|e| Error::Invalid(format!("the setting '{key}' cannot be written: {e}")))?;
    set(tx, key, &text)
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
