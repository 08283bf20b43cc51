//! The write-ahead log: how long it is, and copying it into the database file. SQLite does that by
//! itself in a commit that finds the log long; a hub, whose callers wait for that commit, turns this
//! off and chooses the moments.

use std::time::Duration;

use rusqlite::Row;

use super::{BUSY_TIMEOUT, Store};
use crate::error::Result;

/// What SQLite puts before each page in the log, in bytes.
const FRAME_HEADER: u64 = 24;

/// How much there is in the log, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// In all, since the log last began anew.
    pub length: u64,
    /// Of that, what the database file does not have yet.
    pub pending: u64,
}

/// What came of emptying the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptied {
    /// The database file has everything; the log begins anew.
    Done,
    /// Somebody still reads an older state.
    HeldByReader,
    /// Another connection is copying at this moment.
    Copying,
}

impl Store {
    /// From now on a commit leaves the log as it is: the caller sees to it.
    pub fn checkpoint_by_hand(&mut self) -> Result<()> {
        Ok(self.conn.pragma_update(None, "wal_autocheckpoint", 0)?)
    }

    /// How long the log is.
    pub fn log(&self) -> Result<Log> {
        let (_, length, copied) = self.checkpoint("PRAGMA wal_checkpoint(NOOP)")?;
        let page: u32 = self
            .conn
            .prepare_cached("PRAGMA page_size")?
            .query_row([], |row| row.get(0))?;
        let frame = u64::from(page) + FRAME_HEADER;
        let bytes = |frames: i64| u64::try_from(frames).unwrap_or(0) * frame;
        Ok(Log {
            length: bytes(length),
            pending: bytes(length - copied),
        })
    }

    /// Copies of the log what nobody needs any more. It waits for nobody and nobody waits for it.
    pub fn copy_log(&self) -> Result<()> {
        self.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")?;
        Ok(())
    }

    /// Copies all of the log, so that it begins anew at the start of its file; that keeps its size,
    /// because to write over what is there is cheaper than to make a file longer. Who still reads an
    /// older state is waited for so long, and every writer with it.
    pub fn restart_log(&self, patience: Duration) -> Result<Emptied> {
        self.copy_all("PRAGMA wal_checkpoint(RESTART)", patience)
    }

    /// As [`Store::restart_log`], and cuts the log's file to nothing.
    pub fn empty_log(&self, patience: Duration) -> Result<Emptied> {
        self.copy_all("PRAGMA wal_checkpoint(TRUNCATE)", patience)
    }

    fn copy_all(&self, sql: &str, patience: Duration) -> Result<Emptied> {
        self.conn.busy_timeout(patience)?;
        let emptied = self.checkpoint(sql);
        self.conn.busy_timeout(BUSY_TIMEOUT)?;
        Ok(match emptied? {
            (false, ..) => Emptied::Done,
            (true, -1, _) => Emptied::Copying,
            (true, ..) => Emptied::HeldByReader,
        })
    }

    /// Whether somebody was in the way, the pages in the log, and those of them that were copied.
    fn checkpoint(&self, sql: &str) -> Result<(bool, i64, i64)> {
        let counts = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        Ok(self.conn.prepare_cached(sql)?.query_row([], counts)?)
    }
}
