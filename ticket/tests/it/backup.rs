//! Copies of the database that are made while others write: whole, sound, and nothing left behind.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use ticket::comment::NewComment;
use ticket::filter::ClaimFilter;
use ticket::store::{backup, doctor};
use ticket::ticket::NewTicket;
use ticket::{Actor, Queue, Store};

use crate::full;
use crate::support::Fixture;

fn ticket(db: &Path) -> Command {
    let mut command = Command::new(crate::programs::program("ticket"));
    command
        .arg("--db")
        .arg(db)
        .env_remove("TICKET_URL")
        .env_remove("TICKET_TOKEN");
    command
}

fn back_up(f: &Fixture, to: &Path, args: &[&str]) -> Output {
    let mut command = ticket(&f.path);
    command.arg("backup").arg(to).args(args).output().unwrap()
}

fn refusal(out: &Output) -> String {
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    String::from_utf8(out.stderr.clone()).unwrap()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn a_copy_is_the_same_database() {
    let f = full::queue();
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("copy.db");
    let out = back_up(&f, &to, &[]);
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(
        said.starts_with("Backed up 15 tickets to ") && said.ends_with(" kB).\n"),
        "{said}"
    );
    assert_eq!(names(dir.path()), ["copy.db"]);
    let exported = |db: &Path| ticket(db).arg("export").output().unwrap().stdout;
    assert_eq!(exported(&f.path), exported(&to));
    assert_eq!(doctor::examine(&to).unwrap().findings, []);
    let tokens = "SELECT count(*) FROM attempts WHERE token_hash IS NOT NULL";
    let conn = Connection::open(&to).unwrap();
    let kept: i64 = conn.query_row(tokens, [], |row| row.get(0)).unwrap();
    assert!(kept > 0, "a copy has everything, an export does not");
}

#[test]
fn a_copy_is_for_its_owner_and_replaces_nothing_unasked() {
    use std::os::unix::fs::PermissionsExt;
    let f = full::queue();
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("copy.db");
    std::fs::write(&to, "mine").unwrap();
    let said = refusal(&back_up(&f, &to, &[]));
    assert!(said.contains("exists already"), "{said}");
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
    let out = back_up(&f, &to, &["--force", "--format", "json"]);
    let done: ticket::printed::BackedUp = serde_json::from_slice(&out.stdout).unwrap();
    let meta = std::fs::metadata(&to).unwrap();
    assert_eq!((done.tickets, done.bytes), (15, meta.len()));
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_database_itself_is_never_replaced() {
    let f = full::queue();
    let said = refusal(&back_up(&f, &f.path, &["--force"]));
    assert!(said.contains("in use"), "{said}");
    let said = refusal(&back_up(&f, f.path.parent().unwrap(), &["--force"]));
    assert!(said.contains("is a folder"), "{said}");
    assert_eq!(doctor::examine(&f.path).unwrap().findings, []);
}

#[test]
fn a_damaged_database_gives_no_copy() {
    let f = full::queue();
    let dir = tempfile::tempdir().unwrap();
    let damaged = dir.path().join("tickets.db");
    std::fs::File::create_new(&damaged).unwrap();
    backup::copy(&f.path, &damaged).unwrap();
    let conn = Connection::open(&damaged).unwrap();
    conn.execute_batch("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'comments'")
        .unwrap();
    drop(conn);
    let to = tempfile::tempdir().unwrap();
    let out = ticket(&damaged)
        .arg("backup")
        .arg(to.path().join("copy.db"))
        .output()
        .unwrap();
    refusal(&out);
    assert_eq!(names(to.path()), [""; 0], "nothing is left behind");
}

#[test]
fn what_a_killed_one_left_is_cleared_away_by_the_next() {
    let f = full::queue();
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("copy.db");
    let mut cut_off = 0;
    for _ in 0..50 {
        let mut child = ticket(&f.path)
            .arg("backup")
            .arg(&to)
            .arg("--force")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let partial = dir.path().join("copy.db.partial");
        while child.try_wait().unwrap().is_none() && !partial.exists() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        cut_off += usize::from(partial.exists());
    }
    assert!(cut_off > 0, "none was killed in the middle");
    let out = back_up(&f, &to, &["--force"]);
    assert!(out.status.success(), "{out:?}");
    assert_eq!(names(dir.path()), ["copy.db"]);
    assert_eq!(doctor::examine(&to).unwrap().findings, []);
}

#[test]
fn sixteen_writers_lose_nothing_that_was_acknowledged() {
    let f = Fixture::new();
    let dir = tempfile::tempdir().unwrap();
    let acknowledged = Mutex::new(Vec::new());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for n in 0..16 {
            let (path, stop, acknowledged) = (&f.path, &stop, &acknowledged);
            scope.spawn(move || {
                let mut store = Store::open(path).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let id = write(&mut store.session(&Actor::Human), n);
                    acknowledged.lock().unwrap().push(id);
                }
            });
        }
        for n in 0.. {
            let before = acknowledged.lock().unwrap().clone();
            // A disk may be slow: copies are made until every writer had time to write.
            if n >= 8 && before.len() > 16 {
                break;
            }
            let copy = dir.path().join(format!("copy-{n}.db"));
            let out = back_up(&f, &copy, &[]);
            assert!(out.status.success(), "{out:?}");
            holds(&copy, &before);
        }
        stop.store(true, Ordering::Relaxed);
    });
}

fn write(queue: &mut dyn Queue, n: i64) -> i64 {
    let new = NewTicket {
        title: format!("by {n}"),
        labels: vec!["x".into()],
        ..NewTicket::default()
    };
    let id = queue.create(&new).unwrap();
    queue.comment(id, &NewComment::new("said")).unwrap();
    if let Some(claimed) = queue.claim_next("a", &ClaimFilter::default()).unwrap() {
        queue.mark_done(claimed.detail.ticket.id, None).unwrap();
    }
    id
}

/// The copy is sound and has every one of these tickets, with its comment.
fn holds(copy: &PathBuf, ids: &[i64]) {
    let found = doctor::examine(copy).unwrap();
    assert_eq!(found.findings, [], "{}", found.text());
    let conn = Connection::open(copy).unwrap();
    let sound: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    let mut there = conn
        .prepare("SELECT 1 FROM tickets t JOIN comments c ON c.ticket_id = t.id WHERE t.id = ?1")
        .unwrap();
    for id in ids {
        assert!(there.exists([id]).unwrap(), "ticket {id} is missing");
    }
}
