//! Small facts that outlive the hub, by key.

use rusqlite::{OptionalExtension, named_params};

use super::Store;
use crate::error::Result;

impl Store {
    /// The value of `key`, if it was ever set.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        let mut query = self
            .conn
            .prepare_cached("SELECT value FROM settings WHERE key = :key")?;
        Ok(query
            .query_row(named_params! { ":key": key }, |row| row.get(0))
            .optional()?)
    }

    /// Sets `key`.
    pub fn set_setting(&mut self, key: &str, value: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO settings (key, value) VALUES (:key, :value)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                named_params! { ":key": key, ":value": value },
            )?;
            Ok(())
        })
    }
}
