//! A copy of the database while others write: SQLite reads one state of it and writes a compact file.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{BUSY_TIMEOUT, migrate};
use crate::error::{Error, Result};

/// Writes a copy of the database to `to`, an empty file. No writer waits for it.
pub fn copy(database: &Path, to: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(database, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    let name = to.to_str().ok_or_else(|| {
        Error::Invalid(format!(
            "{} is not UTF-8: choose another file",
            to.display()
        ))
    })?;
    match conn.execute("VACUUM INTO ?1", [name]) {
        Err(e) if e.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            Err(Error::Database(to.to_owned(), e))
        }
        copied => Ok(copied.map(drop)?),
    }
}

/// Looks whether `file` is a sound copy of this version's making; returns how many tickets it has.
pub fn check(file: &Path) -> Result<u64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags)?;
    let said: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return Err(Error::Refused(format!(
            "the copy is damaged ({said}), and was not kept: run 'ticket doctor'"
        )));
    }
    let version = migrate::version(&conn)?;
    if version != Some(migrate::LATEST) {
        return Err(Error::Refused(format!(
            "the copy is at version {}, not {}, and was not kept",
            version.unwrap_or(0),
            migrate::LATEST
        )));
    }
    let tickets: i64 = conn.query_row("SELECT count(*) FROM tickets", [], |row| row.get(0))?;
    Ok(tickets.unsigned_abs())
}
