//! What must hold afterwards, looked at from outside: git by its own program, the database as a file.

use std::collections::BTreeMap;

use rusqlite::{Connection, OpenFlags};

use crate::support::swarm::Swarm;

/// The trailer of a commit that names its ticket, one line for each commit of main.
const TRAILERS: &str = "--format=%(trailers:key=Swarm-Ticket,valueonly,separator=%x2C)";

/// verify.sh passes on every commit of main, each in a fresh container. The swarm must run.
pub fn main_is_green(swarm: &Swarm) {
    swarm.swarm(&["verify", "--all"]);
}

/// The same on so many commits, evenly spread, the newest among them.
pub fn some_of_main_is_green(swarm: &Swarm, most: usize) {
    let all = swarm.repository(&["rev-list", "--first-parent", "refs/heads/main"]);
    let all: Vec<&str> = all.lines().collect();
    let some = all.iter().step_by(all.len().div_ceil(most).max(1));
    let words: Vec<&str> = ["verify"].into_iter().chain(some.copied()).collect();
    swarm.swarm(&words);
}

/// Every ticket that landed is on main once, and was said to have landed once. The swarm must be
/// stopped.
pub fn once_each(swarm: &Swarm) {
    let landed = count("SELECT id FROM tickets WHERE resolution = 'landed'", swarm);
    let trailers = swarm.repository(&["log", TRAILERS, "refs/heads/main"]);
    let on_main = tally(trailers.lines().filter_map(|line| line.trim().parse().ok()));
    assert_eq!(on_main, landed, "tickets on main, and tickets that landed");
    let told = "SELECT ticket_id FROM activity_log WHERE action = 'landed'";
    assert_eq!(count(told, swarm), landed, "'landed' in the log");
    let done = "SELECT ticket_id FROM activity_log WHERE action = 'done' AND detail = 'landed'";
    assert_eq!(count(done, swarm), landed, "'done' in the log");
    let won = "SELECT ticket_id FROM attempts WHERE outcome = 'landed'";
    assert_eq!(count(won, swarm), landed, "attempts that landed");
    assert!(landed.values().all(|times| *times == 1));
    let other = "SELECT id FROM tickets WHERE status <> 'done' OR (type = 'task' AND resolution <> 'landed')";
    assert_eq!(count(other, swarm), BTreeMap::new(), "tickets not landed");
}

/// No attempt and no landing goes on, both files are sound, no lock, branch or candidate is left.
pub fn nothing_left_over(swarm: &Swarm) {
    let live = "SELECT ticket_id FROM attempts WHERE ended_at IS NULL";
    assert_eq!(count(live, swarm), BTreeMap::new(), "live attempts");
    let live = "SELECT ticket_id FROM landings WHERE state IN ('queued', 'verifying', 'held')";
    assert_eq!(count(live, swarm), BTreeMap::new(), "live landings");
    let database = database(swarm);
    let words: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a database");
    assert_eq!(words, "ok");
    let broken = database
        .prepare("PRAGMA foreign_key_check")
        .and_then(|mut query| query.exists([]));
    assert!(!broken.expect("a database"), "foreign keys lead nowhere");

    swarm.repository(&["fsck", "--full", "--strict", "--no-dangling"]);
    let refs = ["refs/heads/ticket", "refs/candidates"];
    let refs = swarm.repository(&[&["for-each-ref"], refs.as_slice()].concat());
    assert_eq!(refs, "", "refs of what is over");
    let locks = locks(&swarm.folder().join("repo.git"));
    assert_eq!(locks, Vec::<String>::new(), "lock files");
}

/// What an attempt handed in or what was saved of it lies under refs/attempts.
pub fn work_is_kept(swarm: &Swarm) {
    let submitted = "SELECT ticket_id, attempt, commit_id FROM landings";
    let saved = "SELECT ticket_id, number, snapshot FROM attempts WHERE snapshot IS NOT NULL";
    for sql in [submitted, saved] {
        for (ticket, attempt, commit) in rows(sql, swarm) {
            let kept = format!("refs/attempts/{ticket}/{attempt}");
            swarm.repository(&["merge-base", "--is-ancestor", &commit, &kept]);
        }
    }
}

fn database(swarm: &Swarm) -> Connection {
    let file = swarm.folder().join("tickets/tickets.db");
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database")
}

/// How often each number comes in what `sql` finds.
fn count(sql: &str, swarm: &Swarm) -> BTreeMap<i64, u32> {
    let database = database(swarm);
    let mut query = database.prepare(sql).expect(sql);
    let numbers = query.query_map([], |row| row.get(0)).expect(sql);
    tally(numbers.map(|number| number.expect(sql)))
}

fn rows(sql: &str, swarm: &Swarm) -> Vec<(i64, i64, String)> {
    let database = database(swarm);
    let mut query = database.prepare(sql).expect(sql);
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.expect(sql).map(|row| row.expect(sql)).collect()
}

fn tally(numbers: impl Iterator<Item = i64>) -> BTreeMap<i64, u32> {
    let mut times = BTreeMap::new();
    for number in numbers {
        *times.entry(number).or_default() += 1;
    }
    times
}

fn locks(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("a file").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => locks(&path),
            false => vec![path.display().to_string()],
        })
        .filter(|path| path.ends_with(".lock"))
        .collect()
}
