//! An upgrade that is killed at every statement leaves the old version or the new one with every
//! row, and the next opener finishes it.

use std::ffi::{c_char, c_int};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::{Signal, raise};
use rusqlite::Connection;
use rusqlite::auto_extension::{init_auto_extension, register_auto_extension};
use rusqlite::ffi;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use ticket::Store;

use super::audit::sound;

/// The reference's migrations, as a reference database at that version has them.
const REFERENCE: [&str; 3] = [
    include_str!("../../../migrations/0001_reference.sql"),
    include_str!("../../../migrations/0002_ticket_type.sql"),
    include_str!("../../../migrations/0003_verify_type.sql"),
];

/// Rows in every table.
const ROWS: &str = "
    INSERT INTO tickets (id, title, status, assigned_to, parent_id) VALUES
        (1, 'finished', 'done', 'agent-1', NULL), (2, 'running', 'in_progress', 'agent-2', 1),
        (3, 'odd', 'wontfix', NULL, NULL), (7, 'waits', 'open', NULL, 2);
    INSERT INTO blockers VALUES (7, 1), (7, 2), (3, 1);
    INSERT INTO comments (ticket_id, author, body) VALUES (1, 'human', 'well done');
    INSERT INTO activity_log (ticket_id, agent_id, action) VALUES (1, 'agent-1', 'done');";

#[test]
fn an_upgrade_killed_at_every_statement_begins_or_ends_whole() {
    // The four are independent of each other, and each spends its time on starting processes.
    std::thread::scope(|scope| {
        for version in 0..=REFERENCE.len() {
            scope.spawn(move || kill_at_every_statement(version));
        }
    });
}

/// From a reference database at `version`; 0 is no database at all.
fn kill_at_every_statement(version: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut unfinished = 0;
    for at in 1.. {
        let place = dir.path().join(at.to_string());
        std::fs::create_dir(&place).unwrap();
        let database = place.join("tickets.db");
        if version > 0 {
            reference(&database, version);
        }
        let survived = upgrade_until(at, &place);
        let reached = look(&database, version);
        Store::migrate(&database, &mut |_| ()).unwrap();
        let latest = look(&database, version);
        assert!(
            reached == latest || reached == version,
            "version {reached} is neither"
        );
        unfinished += usize::from(reached == version);
        drop(sound(&database));
        std::fs::remove_dir_all(&place).unwrap();
        if survived {
            assert_eq!(reached, latest, "nothing was left to do");
            println!(
                "from version {version}: killed {at} times, {unfinished} of them before the commit"
            );
            break;
        }
    }
    assert!(
        unfinished > 20,
        "only {unfinished} kills came before the commit"
    );
}

/// Starts the upgrade in a process that kills itself before its statement `at`; returns whether it
/// came to its end because there is no such statement.
fn upgrade_until(at: usize, place: &Path) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "worker::plays_its_role", "--nocapture"])
        .env("STRESS_ROLE", "migrate")
        .env("STRESS_DIR", place)
        .env("STRESS_KILL_AT", at.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(
        status.success() || status.signal() == Some(Signal::SIGKILL as i32),
        "it ended with {status}"
    );
    status.success()
}

fn reference(path: &Path, version: usize) {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("CREATE TABLE schema_version (version INTEGER, applied_at TEXT)")
        .unwrap();
    for (n, sql) in (1..).zip(&REFERENCE[..version]) {
        conn.execute_batch(sql).unwrap();
        conn.execute(
            "INSERT INTO schema_version VALUES (?1, datetime('now'))",
            [n],
        )
        .unwrap();
    }
    conn.execute_batch(ROWS).unwrap();
}

/// The version of the file. Every row that it began with must be there.
fn look(path: &Path, began: usize) -> usize {
    let conn = Connection::open(path).unwrap();
    let number = |sql: &str| -> Option<i64> { conn.query_row(sql, [], |row| row.get(0)).unwrap() };
    let known = "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'";
    let version = match number(known) {
        Some(0) => 0,
        _ => number("SELECT max(version) FROM schema_version").unwrap_or(0),
    };
    if began > 0 {
        for (what, expect) in [
            ("SELECT sum(id) FROM tickets", 13),
            (
                "SELECT sum(ticket_id * 10 + blocked_by) FROM blockers",
                31 + 71 + 72,
            ),
            ("SELECT count(*) FROM comments WHERE body = 'well done'", 1),
            ("SELECT count(*) FROM activity_log WHERE action = 'done'", 1),
        ] {
            assert_eq!(number(what), Some(expect), "{what}");
        }
    }
    usize::try_from(version).unwrap()
}

// --- Inside the process ------------------------------------------------------------------------

/// How many statements are still allowed.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Upgrades the database with every statement counted.
pub fn open(database: &Path) {
    let at: usize = std::env::var("STRESS_KILL_AT").unwrap().parse().unwrap();
    LEFT.store(at, Ordering::Relaxed);
    #[allow(
        unsafe_code,
        reason = "SQLite calls it for each connection that is opened"
    )]
    // SAFETY: it opens and closes nothing, and is registered before any connection exists.
    unsafe {
        register_auto_extension(count_statements).unwrap();
    }
    Store::migrate(database, &mut |_| ()).unwrap();
}

#[allow(unsafe_code, reason = "the signature that SQLite asks for")]
unsafe extern "C" fn count_statements(
    db: *mut ffi::sqlite3,
    message: *mut *mut c_char,
    _: *const ffi::sqlite3_api_routines,
) -> c_int {
    // SAFETY: the arguments are those that SQLite gave.
    unsafe { init_auto_extension(db, message, trace) }
}

fn trace(mut conn: Connection) -> rusqlite::Result<()> {
    let die = |_: TraceEvent<'_>| {
        if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
            let _ = raise(Signal::SIGKILL);
        }
    };
    conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(die))
}
