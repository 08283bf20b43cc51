//! Looks the database over: the file, SQLite's own checks, the schema, and what the queue relies on.
//!
//! All of it is read from one state of the database, on a connection of its own, so that it is no
//! false alarm while others write. A file that cannot be opened gets a diagnosis, too.

mod file;
mod invariants;
mod repair;
mod schema;

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::fulltext::{self, FullText};
use super::{BUSY_TIMEOUT, Store, migrate};
use crate::actor::Actor;
use crate::diagnosis::{Diagnosis, Finding, MAX_EACH, Severity};
use crate::error::{Error, Result};

/// What helps when pages are damaged.
const RESTORE: &str = "Stop everything that uses it, keep a copy of the file, and put back the last backup \
     ('ticket backup'); 'sqlite3 FILE .recover' may save later rows.";
/// What to do about a log that contradicts itself.
const UNTRUE: &str = "The log is never changed. Keep a copy ('ticket backup') and report it.";
/// What mends what can be counted or built anew.
const REPAIR: &str = "'ticket doctor --repair' mends it.";

/// Looks at everything and changes nothing.
pub fn examine(path: &Path) -> Result<Diagnosis> {
    if !path.exists() {
        return Err(Error::NotFound(format!(
            "no ticket database at {}: run 'ticket migrate' to make one, or 'swarm init'",
            path.display()
        )));
    }
    let mut visit = Visit {
        diagnosis: Diagnosis::default(),
    };
    visit.check("file", || Ok(file::findings(path)));
    if let Some(conn) = visit.open(path)
        && visit.look_inside(&conn)
    {
        drop(conn);
        visit.check("full-text", || full_text(path));
    }
    Ok(visit.diagnosis)
}

/// One look at a database.
struct Visit {
    diagnosis: Diagnosis,
}

impl Visit {
    /// Runs one check. When it cannot be run, that is a finding too.
    fn check(&mut self, name: &str, look: impl FnOnce() -> Result<Vec<Finding>>) {
        let found = look().unwrap_or_else(|error| vec![unreadable(name, &error)]);
        for severity in [Severity::Fault, Severity::Note] {
            let of_severity = || found.iter().filter(|f| f.severity == severity);
            let all = &mut self.diagnosis.findings;
            all.extend(of_severity().take(MAX_EACH).cloned());
            if let Some(more) = of_severity().nth(MAX_EACH) {
                all.push(Finding {
                    message: format!("and {} more like these", of_severity().count() - MAX_EACH),
                    ..more.clone()
                });
            }
        }
    }

    /// Opens the file for reading; none when it is no database.
    fn open(&mut self, path: &Path) -> Option<Connection> {
        match connect(path) {
            Ok(conn) => Some(conn),
            Err(error) => {
                self.check("open", || Err(error));
                None
            }
        }
    }

    /// The checks within one state of the database. False when it is not at our version, so that
    /// the rest makes no sense.
    fn look_inside(&mut self, conn: &Connection) -> bool {
        self.check("integrity", || integrity(conn));
        match migrate::version(conn) {
            Ok(Some(migrate::LATEST)) => (),
            Ok(version) => {
                let found = vec![other_version(version)];
                self.check("version", || Ok(found));
                return false;
            }
            Err(error) => {
                self.check("version", || Err(error));
                return false;
            }
        }
        self.check("schema", || schema::findings(conn));
        for (name, look) in invariants::ALL {
            self.check(name, || look(conn));
        }
        let counted = conn.query_row("SELECT count(*) FROM tickets", [], |row| {
            row.get::<_, i64>(0)
        });
        self.diagnosis.tickets = counted.ok().map(i64::unsigned_abs);
        true
    }
}

impl Store {
    /// Mends what can be counted or built anew from the rest, in one transaction; says what it did.
    pub fn repair(&mut self, actor: &Actor) -> Result<Vec<String>> {
        let index = self.repair_full_text()?;
        self.write(|tx| repair::run(tx, actor, index))
    }

    /// The full-text index is no part of the database, and mended first: what is written down about
    /// it is true.
    fn repair_full_text(&mut self) -> Result<Vec<String>> {
        if full_text(&self.path)?.is_empty() {
            return Ok(Vec::new());
        }
        self.index = None;
        let anew = FullText::open(&self.path).and_then(|index| index.make_anew());
        if anew.is_err() {
            fulltext::remove(&self.path);
            FullText::open(&self.path)?.make_anew()?;
        }
        Ok(vec!["Made the full-text index anew.".into()])
    }
}

/// Opens the file and begins to read. Nothing is written, not even the journal mode.
fn connect(path: &Path) -> Result<Connection> {
    let open = |how: OpenFlags| -> Result<Connection> {
        let conn = Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.pragma_update(None, "query_only", true)?;
        conn.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;")?;
        Ok(conn)
    };
    open(OpenFlags::SQLITE_OPEN_READ_WRITE).or_else(|error| match sqlite_code(&error) {
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            open(OpenFlags::SQLITE_OPEN_READ_ONLY)
        }
        _ => Err(error),
    })
}

/// SQLite's own check of every page, index and constraint.
fn integrity(conn: &Connection) -> Result<Vec<Finding>> {
    let mut query = conn.prepare("PRAGMA integrity_check")?;
    let said = query.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for line in said {
        let line = line?;
        let lines = line.lines().filter(|l| *l != "ok" && !l.starts_with("***"));
        for line in lines {
            found.push(Finding::fault(
                "integrity",
                format!("SQLite says: {line}"),
                if is_derived(line) { REPAIR } else { RESTORE },
            ));
        }
    }
    Ok(found)
}

/// Whether SQLite complains of an index, which can be built anew.
fn is_derived(line: &str) -> bool {
    line.contains("missing from index")
        || line.starts_with("wrong # of entries in index")
        || line.starts_with("non-unique entry in index")
}

/// Whether the words of every text, and no others, can be found. No index is none that is wrong: the
/// next search makes it.
fn full_text(database: &Path) -> Result<Vec<Finding>> {
    if !fulltext::beside(database).exists() {
        return Ok(Vec::new());
    }
    let wrong = match FullText::open(database).and_then(|index| index.faults()) {
        Err(error) if fulltext::is_damaged(&error) => {
            vec![format!("the full-text index cannot be read: {error}")]
        }
        wrong => wrong?,
    };
    let found = wrong
        .into_iter()
        .map(|wrong| Finding::fault("full-text", wrong, REPAIR));
    Ok(found.collect())
}

fn other_version(version: Option<i64>) -> Finding {
    match version {
        None => Finding::fault(
            "version",
            "the database holds no tickets yet",
            "'ticket migrate' makes the tables, if this is the right file.",
        ),
        Some(version) => Finding::note(
            "version",
            format!("the database is at version {version}, older than this program's"),
        )
        .remedy("'ticket migrate' upgrades it; then look again."),
    }
}

fn unreadable(check: &str, error: &Error) -> Finding {
    let remedy = match (error, sqlite_code(error)) {
        (Error::NewerSchema { .. }, _) => "Use the newer program.",
        (_, Some(ErrorCode::NotADatabase)) => {
            "Look whether this is the right file; if it is, put back the last backup."
        }
        (_, Some(ErrorCode::DatabaseCorrupt | ErrorCode::TypeMismatch)) => RESTORE,
        _ => "Mend that first, then look again.",
    };
    Finding::fault(
        check,
        format!("this could not be looked at: {error}"),
        remedy,
    )
}

fn sqlite_code(error: &Error) -> Option<ErrorCode> {
    match error {
        Error::Sqlite(error) => error.sqlite_error_code(),
        _ => None,
    }
}
