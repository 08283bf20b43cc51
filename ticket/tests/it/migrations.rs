//! The reference system's databases open, upgrade and keep every row; the schema says what
//! `Status::after` says.

use rusqlite::Connection;
use ticket::filter::{ClaimFilter, Filter, LogFilter, Search};
use ticket::store::doctor;
use ticket::{Actor, Move, Queue, Status, Store};

/// The reference's migrations, as a reference database at that version has them.
const REFERENCE: [&str; 3] = [
    include_str!("../../../migrations/0001_reference.sql"),
    include_str!("../../../migrations/0002_ticket_type.sql"),
    include_str!("../../../migrations/0003_verify_type.sql"),
];

/// A reference database at that version, without rows, made long ago.
fn begin_reference(path: &std::path::Path, version: usize) {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("CREATE TABLE schema_version (version INTEGER, applied_at TEXT)")
        .unwrap();
    for (n, sql) in REFERENCE.iter().enumerate().take(version) {
        conn.execute_batch(sql).unwrap();
        conn.execute(
            "INSERT INTO schema_version VALUES (?1, '2020-01-01 00:00:00')",
            [i64::try_from(n).unwrap() + 1],
        )
        .unwrap();
    }
}

fn reference(path: &std::path::Path, version: usize) {
    begin_reference(path, version);
    let conn = Connection::open(path).unwrap();
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
        let log = queue.log(&LogFilter::default()).unwrap();
        let actions: Vec<&str> = log.iter().map(|e| e.action.as_str()).collect();
        assert_eq!(actions, ["migrated", "status_mapped", "done"]);
        let claimed = queue
            .claim_next("a", &ClaimFilter::default())
            .unwrap()
            .unwrap();
        assert_eq!(claimed.detail.ticket.id, 3, "7 still waits for 2");
    }
}

/// Rows that a reference database may hold after years: texts of all kinds, NULLs, what points to
/// nothing, unknown words, gaps, and the same said twice.
const STRANGE: &str = r#"
    PRAGMA foreign_keys = OFF;
    INSERT INTO tickets (id, title, description, status, assigned_to, parent_id, created_by,
                         created_at, updated_at) VALUES
        (1, 'plain', NULL, 'open', NULL, NULL, 'human', '2020-01-01 00:00:00', '2020-01-01 00:00:00'),
        (2, '', '', 'done', 'agent-1', NULL, 'human', '2020-01-02 00:00:00', '2020-01-03 00:00:00'),
        (5, 'two' || char(10) || 'lines' || char(27) || '[31m', 'x' || char(0) || 'y', 'wontfix', '',
            1, 'agent 2', '2020-01-02 00:00:00', '2020-01-03 00:00:00'),
        (6, 'Größe 多 🦀 '' " \ %s', hex(zeroblob(150000)), 'IN_PROGRESS', 'human', 5, '',
            'whenever', 'never'),
        (9, 'works', 'text', 'in_progress', 'agent-1', 77, 'human', '2020-01-02 00:00:00',
            '2020-01-03 00:00:00'),
        (10, 'ready', NULL, 'ready', 'agent-2', NULL, 'human', '2020-01-02 00:00:00',
            '2020-01-03 00:00:00'),
        (11, 'deleted', NULL, 'open', NULL, NULL, 'human', '2020-01-02 00:00:00', '2020-01-03 00:00:00');
    DELETE FROM tickets WHERE id = 11;
    INSERT INTO blockers VALUES (1, 2), (1, 5), (9, 99), (98, 1), (10, 9);
    INSERT INTO comments (id, ticket_id, author, body, created_at) VALUES
        (1, 1, 'human', 'twice', '2020-01-01 00:00:00'), (2, 1, 'human', 'twice', '2020-01-01 00:00:00'),
        (4, 2, '', '', '2020-01-01 00:00:00'), (7, 97, 'agent-1', 'of nothing', 'whenever');
    INSERT INTO activity_log (id, ticket_id, agent_id, action, detail, created_at) VALUES
        (1, 1, NULL, 'created', NULL, '2020-01-01 00:00:00'),
        (3, 2, 'agent-1', 'done', 'x', '2020-01-03 00:00:00'),
        (4, 2, 'human', 'unclaimed', NULL, '2020-01-03 00:00:00'),
        (8, 96, 'agent-1', 'claimed', NULL, 'whenever'),
        (9, NULL, NULL, '', NULL, '2020-01-03 00:00:00');
    DELETE FROM activity_log WHERE id = 9;"#;

/// Every row of a table with these columns, as text that tells types apart.
fn rows(path: &std::path::Path, table: &str, columns: &str) -> Vec<String> {
    let quoted: Vec<String> = columns
        .split(", ")
        .map(|column| format!("quote({column})"))
        .collect();
    let sql = format!(
        "SELECT {} FROM {table} ORDER BY rowid",
        quoted.join(" || '|' || ")
    );
    let conn = Connection::open(path).unwrap();
    let mut query = conn.prepare(&sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

const TABLES: [(&str, &str); 4] = [
    (
        "tickets",
        "id, title, description, assigned_to, parent_id, created_by, created_at, updated_at",
    ),
    ("blockers", "ticket_id, blocked_by"),
    ("comments", "id, ticket_id, author, body, created_at"),
    (
        "activity_log",
        "id, ticket_id, agent_id, action, detail, created_at",
    ),
];

#[test]
fn whatever_a_reference_database_holds_is_kept_and_no_fault() {
    for version in 1..=3 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tickets.db");
        begin_reference(&path, version);
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(STRANGE).unwrap();
        if version > 1 {
            conn.execute("UPDATE tickets SET type = 'question' WHERE id = 2", [])
                .unwrap();
        }
        drop(conn);
        let before = TABLES.map(|(table, columns)| rows(&path, table, columns));
        Store::migrate(&path, &mut |_| ()).unwrap();
        for ((table, columns), before) in TABLES.iter().zip(before) {
            let after = rows(&path, table, columns);
            assert_eq!(
                after[..before.len()],
                before,
                "{table} of version {version}"
            );
        }
        let statuses = rows(&path, "tickets", "id, status, resolution, open_blockers");
        let resolution = if version > 1 { "answered" } else { "landed" };
        assert_eq!(
            statuses,
            [
                "1|'open'|NULL|1",
                &format!("2|'done'|'{resolution}'|0"),
                "5|'open'|NULL|0",
                "6|'open'|NULL|0",
                "9|'in_progress'|NULL|0",
                "10|'ready'|NULL|1",
            ]
        );
        let found = doctor::examine(&path).unwrap();
        assert_eq!(found.faults(), 0, "version {version}: {}", found.text());
        let told = |words: &str| found.findings.iter().any(|f| f.message.contains(words));
        for words in [
            "ticket 5 was an unknown word: wontfix became open",
            "ticket 6 was an unknown word: IN_PROGRESS became open",
            "rows of blockers that point to nothing in tickets: 2",
            "rows of comments that point to nothing in tickets: 1",
            "rows of tickets that point to nothing in tickets: 1",
            "the log does not say that they were made: 5, the first is #2",
            "the log tells 1 times of ticket 96",
            "ticket 9 is in progress, but no attempt goes on",
            "ticket 2: title: the title cannot be empty",
            "ticket 6: description: ",
            "event 8: created_at: 'whenever' is not a time",
        ] {
            assert!(told(words), "{words}: {}", found.text());
        }
        goes_on_from_here(&path);
    }
}

/// What is done after the upgrade is judged by today's rules, and obeys them.
fn goes_on_from_here(path: &std::path::Path) {
    let mut store = Store::open(path).unwrap();
    let mut queue = store.session(&Actor::Human);
    queue.mark_done(5, None).unwrap();
    queue.unclaim(9).unwrap();
    let claimed = queue.claim_next("a", &ClaimFilter::default()).unwrap();
    assert_eq!(claimed.unwrap().detail.ticket.id, 1);
    queue.mark_done(1, None).unwrap();
    queue
        .search(&Search {
            words: "Große".into(),
            ..Default::default()
        })
        .unwrap();
    let found = doctor::examine(path).unwrap();
    assert_eq!(found.faults(), 0, "{}", found.text());
}

#[test]
fn an_upgraded_database_can_be_taken_along_when_its_texts_are_mended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tickets.db");
    reference(&path, 3);
    let mut store = Store::open(&path).unwrap();
    let export = |store: &mut Store| {
        let mut out = Vec::new();
        store.session(&Actor::Human).export(&mut out).unwrap();
        out
    };
    let exported = export(&mut store);
    let other = dir.path().join("other.db");
    Store::migrate(&other, &mut |_| ()).unwrap();
    let mut other_store = Store::open(&other).unwrap();
    let lines = std::io::Cursor::new(exported.clone());
    other_store
        .session(&Actor::Human)
        .import(Box::new(lines))
        .unwrap();
    assert_eq!(export(&mut other_store), exported);
    assert_eq!(
        doctor::examine(&other).unwrap(),
        doctor::examine(&path).unwrap()
    );
    assert_eq!(doctor::examine(&other).unwrap().faults(), 0);
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
