//! Whether a database is sound, and its log agrees with what the workers were told.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rusqlite::Connection;
use ticket::Store;
use ticket::history::History;

use super::worker::{Scene, Told};

/// How many rows of the log are read at once.
const PAGE: u32 = 5_000;

/// Panics with the first thing that is wrong. Returns how many rows the log has.
pub fn audit(scene: &Scene) -> i64 {
    let told = scene.told();
    let all = || told.iter().flat_map(|(_, told)| told);
    let mut history = History::default();
    for told in all() {
        if let Told::Of(acknowledged) = told {
            history.expect(acknowledged.clone());
        }
    }
    let conn = sound(&scene.database());
    let comments = column(&conn, "SELECT id FROM comments");
    let blockers = pairs(&conn);
    for told in all() {
        match told {
            Told::Commented(id) => assert!(comments.contains(id), "comment {id} is lost"),
            Told::Blocked(id, by) => {
                assert!(
                    blockers.contains(&(*id, *by)),
                    "{id} no longer waits for {by}"
                );
            }
            Told::Ready | Told::Of(_) => (),
        }
    }
    read_log(&scene.database(), &mut history)
}

/// Opens the file past the store and looks at everything that must hold in every moment.
pub fn sound(database: &Path) -> Connection {
    let conn = Connection::open(database).unwrap();
    let integrity: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
    let broken = column(&conn, "SELECT rowid FROM pragma_foreign_key_check");
    assert!(broken.is_empty(), "rows that point nowhere: {broken:?}");
    let miscounted = column(
        &conn,
        "SELECT id FROM tickets t WHERE open_blockers <>
           (SELECT count(*) FROM blockers b JOIN tickets o ON o.id = b.blocked_by
            WHERE b.ticket_id = t.id AND o.status <> 'done')
           + t.wait_for_children *
             (SELECT count(*) FROM tickets c WHERE c.parent_id = t.id AND c.status <> 'done')",
    );
    assert!(miscounted.is_empty(), "open blockers of {miscounted:?}");
    let orphans = column(
        &conn,
        "SELECT a.ticket_id FROM attempts a JOIN tickets t ON t.id = a.ticket_id
         WHERE a.ended_at IS NULL AND t.status IN ('open', 'done')",
    );
    assert!(
        orphans.is_empty(),
        "attempts that go on without {orphans:?}"
    );
    no_circles(&pairs(&conn));
    conn
}

/// Reads the whole log; returns its length.
pub fn read_log(database: &Path, history: &mut History) -> i64 {
    let store = Store::open(database).unwrap();
    let mut cursor = 0;
    loop {
        let page = store.events_after(cursor, PAGE).unwrap();
        let Some(last) = page.last() else { break };
        cursor = last.id;
        page.iter().for_each(|event| history.observe(event));
    }
    let findings: Vec<String> = history.findings().iter().map(ToString::to_string).collect();
    assert!(
        findings.is_empty(),
        "{} findings: {:#?}",
        findings.len(),
        &findings[..findings.len().min(20)]
    );
    cursor
}

fn column(conn: &Connection, sql: &str) -> HashSet<i64> {
    let mut query = conn.prepare(sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(|row| row.unwrap()).collect()
}

fn pairs(conn: &Connection) -> HashSet<(i64, i64)> {
    let mut query = conn
        .prepare("SELECT ticket_id, blocked_by FROM blockers")
        .unwrap();
    let rows = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(|row| row.unwrap()).collect()
}

/// Takes away whoever waits for nobody, again and again: in the end nobody is left.
fn no_circles(blockers: &HashSet<(i64, i64)>) {
    let mut waits_for: HashMap<i64, usize> = HashMap::new();
    let mut frees: HashMap<i64, Vec<i64>> = HashMap::new();
    for (id, by) in blockers {
        *waits_for.entry(*id).or_default() += 1;
        waits_for.entry(*by).or_default();
        frees.entry(*by).or_default().push(*id);
    }
    let mut free: Vec<i64> = Vec::new();
    free.extend(waits_for.iter().filter(|(_, n)| **n == 0).map(|(id, _)| id));
    let mut seen = 0;
    while let Some(id) = free.pop() {
        seen += 1;
        for next in frees.remove(&id).unwrap_or_default() {
            let left = waits_for.get_mut(&next).unwrap();
            *left -= 1;
            if *left == 0 {
                free.push(next);
            }
        }
    }
    assert_eq!(seen, waits_for.len(), "some tickets wait for each other");
}
