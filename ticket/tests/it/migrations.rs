//! The reference system's databases open, upgrade and keep every row; the schema says what
//! `Status::after` says.

use rusqlite::Connection;
use ticket::filter::{ClaimFilter, Filter, LogFilter};
use ticket::{Actor, Move, Queue, Status, Store};

/// The reference's migrations, as a reference database at that version has them.
const REFERENCE: [&str; 3] = [
    include_str!("../../../migrations/0001_reference.sql"),
    include_str!("../../../migrations/0002_ticket_type.sql"),
    include_str!("../../../migrations/0003_verify_type.sql"),
];

fn reference(path: &std::path::Path, version: usize) {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("CREATE TABLE schema_version (version INTEGER, applied_at TEXT)")
        .unwrap();
    for (n, sql) in REFERENCE.iter().enumerate().take(version) {
        conn.execute_batch(sql).unwrap();
        conn.execute(
            "INSERT INTO schema_version VALUES (?1, datetime('now'))",
            [i64::try_from(n).unwrap() + 1],
        )
        .unwrap();
    }
    conn.execute_batch(
        "INSERT INTO tickets (id, title, status, assigned_to) VALUES
             (1, 'finished', 'done', 'agent-1'), (2, 'running', 'in_progress', 'agent-2'),
             (3, 'odd', 'wontfix', NULL), (7, 'waits', 'open', NULL);
         INSERT INTO blockers VALUES (7, 1), (7, 2), (3, 1);
         INSERT INTO comments (ticket_id, author, body) VALUES (1, 'human', 'well done');
         INSERT INTO activity_log (ticket_id, agent_id, action) VALUES (1, 'agent-1', 'done');",
    )
    .unwrap();
}

#[test]
fn reference_databases_upgrade_with_every_row() {
    for version in 1..=3 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tickets.db");
        reference(&path, version);
        let mut store = Store::open(&path).unwrap();
        let mut queue = store.session(&Actor::Human);
        let all = Filter {
            status: Some("open,in_progress,ready,done".into()),
            ..Default::default()
        };
        let statuses: Vec<(i64, Status)> = queue
            .list(&all)
            .unwrap()
            .into_iter()
            .map(|t| (t.id, t.status))
            .collect();
        assert_eq!(
            statuses,
            [
                (1, Status::Done),
                (2, Status::InProgress),
                (3, Status::Open),
                (7, Status::Open)
            ]
        );
        assert_eq!(queue.show(7).unwrap().blocked_by, [1, 2]);
        assert_eq!(queue.comments(1).unwrap()[0].body, "well done");
        assert_eq!(queue.log(&LogFilter::default()).unwrap().len(), 2);
        let claimed = queue
            .claim_next("a", &ClaimFilter::default())
            .unwrap()
            .unwrap();
        assert_eq!(claimed.detail.ticket.id, 3, "7 still waits for 2");
    }
}

#[test]
fn a_newer_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tickets.db");
    Store::migrate(&path, &mut |_| ()).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute(
            "INSERT INTO schema_version VALUES (99, datetime('now'))",
            [],
        )
        .unwrap();
    let refused = Store::open(&path).err().unwrap().to_string();
    assert!(refused.contains("newer"), "{refused}");
    assert!(Store::migrate(&path, &mut |_| ()).is_err());
}

#[test]
fn what_is_not_a_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tickets.db");
    std::fs::write(
        &path,
        "hello, I am a text file, and a rather long one at that",
    )
    .unwrap();
    assert!(Store::open(&path).is_err());
    assert!(Store::migrate(&path, &mut |_| ()).is_err());
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("hello"));
}

#[test]
fn the_schema_allows_what_status_after_allows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tickets.db");
    Store::migrate(&path, &mut |_| ()).unwrap();
    let conn = Connection::open(&path).unwrap();
    let moves = [
        Move::Claim,
        Move::Release,
        Move::Submit,
        Move::Bounce,
        Move::Finish,
    ];
    let set = |id: i64, status: Status| {
        let resolution = (status == Status::Done).then_some("landed");
        conn.execute(
            "UPDATE tickets SET status = ?2, resolution = ?3 WHERE id = ?1",
            rusqlite::params![id, status.as_str(), resolution],
        )
    };
    for from in Status::ALL {
        for to in Status::ALL {
            conn.execute("INSERT INTO tickets (title) VALUES ('t')", [])
                .unwrap();
            let id = conn.last_insert_rowid();
            set(id, from).unwrap();
            let reachable = from == to || moves.iter().any(|m| from.after(*m) == Ok(to));
            assert_eq!(set(id, to).is_ok(), reachable, "{from} -> {to}");
        }
    }
    assert!(
        conn.execute(
            "INSERT INTO tickets (title, status) VALUES ('t', 'closed')",
            []
        )
        .is_err()
    );
    assert!(
        conn.execute(
            "INSERT INTO tickets (title, status) VALUES ('t', 'done')",
            []
        )
        .is_err(),
        "a done ticket has a resolution"
    );
}
