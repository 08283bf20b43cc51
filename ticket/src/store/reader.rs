//! A connection that only reads. It never waits for a writer and no writer waits for it; a
//! checkpoint waits for the state it looks at, so `work` should not take long.

use std::path::Path;

use super::Store;
use crate::error::Result;

/// An open database that cannot be written through this connection.
pub struct Reader(Store);

impl Reader {
    /// Opens an existing database.
    pub fn open(path: &Path) -> Result<Reader> {
        let store = Store::open(path)?;
        store.conn.pragma_update(None, "query_only", true)?;
        Ok(Reader(store))
    }

    /// Runs `work` on one state of the database, the newest that was committed when it begins. A
    /// write inside is an error.
    pub fn read<T>(&mut self, work: impl FnOnce(&mut Store) -> Result<T>) -> Result<T> {
        self.0.conn.execute_batch("BEGIN")?;
        let reading = Reading(&mut self.0);
        work(reading.0)
    }
}

/// Ends a read, also when it panics.
struct Reading<'a>(&'a mut Store);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.conn.execute_batch("ROLLBACK") {
            debug_assert!(false, "a read could not be ended: {error}");
        }
    }
}
