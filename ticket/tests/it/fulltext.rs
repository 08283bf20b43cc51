//! The full-text index follows the tickets, whoever writes them and whatever happens to its file.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use rusqlite::Connection;
use ticket::comment::NewComment;
use ticket::diagnosis::Severity;
use ticket::store::{backup, doctor};
use ticket::ticket::TicketChange;
use ticket::{Actor, Store};

use crate::knowledge::found;
use crate::support::Fixture;

/// The index's file, beside the database.
fn index(f: &Fixture) -> PathBuf {
    f.path.with_file_name("tickets.db-search")
}

#[test]
fn what_another_process_wrote_is_found() {
    let mut f = Fixture::new();
    let id = f.ticket("first words", &[]);
    assert_eq!(found(&mut f, "words"), [id]);

    let mut other = Store::open(&f.path).unwrap();
    let mut session = other.session(&Actor::Human);
    let change = TicketChange {
        title: Some("second thoughts".into()),
        ..TicketChange::default()
    };
    ticket::Queue::update(&mut session, id, &change).unwrap();
    ticket::Queue::comment(&mut session, id, &NewComment::new("a remark")).unwrap();
    Connection::open(&f.path)
        .unwrap()
        .execute("INSERT INTO tickets (title) VALUES ('by hand')", [])
        .unwrap();

    assert_eq!(found(&mut f, "words"), [0; 0]);
    assert_eq!(found(&mut f, "thoughts"), [id]);
    assert_eq!(found(&mut f, "remark"), [id]);
    assert_eq!(found(&mut f, "hand"), [id + 1]);
}

#[test]
fn an_index_that_is_lost_or_damaged_is_made_anew() {
    let mut f = Fixture::new();
    let id = f.ticket("some words", &[]);
    assert_eq!(found(&mut f, "words"), [id]);
    let path = index(&f);
    let damages: [&dyn Fn(); 4] = [
        &|| std::fs::remove_file(&path).unwrap(),
        &|| std::fs::write(&path, vec![b'x'; 20_000]).unwrap(),
        &|| {
            let file = Connection::open(&path).unwrap();
            file.execute_batch("DROP TABLE reached").unwrap();
        },
        &|| {
            let file = Connection::open(&path).unwrap();
            file.execute_batch(
                "UPDATE tickets_fts_data SET block = x'ffffffffffffffff' WHERE id > 10",
            )
            .unwrap();
        },
    ];
    for (n, damage) in damages.iter().enumerate() {
        // The kept connection is closed with its store.
        f.store = Store::open(&f.path).unwrap();
        damage();
        for end in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
        assert_eq!(found(&mut f, "words"), [id], "damage {n}");
    }
}

#[test]
fn the_index_of_another_history_does_not_serve() {
    let mut f = Fixture::new();
    f.ticket("kept words", &[]);
    let copy = f.path.with_file_name("copy.db");
    std::fs::File::create_new(&copy).unwrap();
    backup::copy(&f.path, &copy).unwrap();
    let lost = f.ticket("lost words", &[]);
    assert_eq!(found(&mut f, "lost"), [lost]);

    // The backup is put back, and goes on with another ticket of the same number.
    drop(std::mem::replace(&mut f.store, Store::open(&copy).unwrap()));
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", f.path.display()));
    }
    std::fs::copy(&copy, &f.path).unwrap();
    f.store = Store::open(&f.path).unwrap();
    assert_eq!(found(&mut f, "lost"), [0; 0]);
    assert_eq!(f.ticket("found words", &[]), lost);
    assert_eq!(found(&mut f, "found"), [lost]);
    assert_eq!(found(&mut f, "words"), [lost, lost - 1]);
}

#[test]
fn the_index_is_as_private_as_the_database() {
    let mut f = Fixture::new();
    std::fs::set_permissions(&f.path, PermissionsExt::from_mode(0o600)).unwrap();
    f.ticket("secret words", &[]);
    found(&mut f, "words");
    let mode = std::fs::metadata(index(&f)).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn without_a_place_for_it_the_index_is_made_in_memory() {
    let mut f = Fixture::new();
    let first = f.ticket("some words", &[]);
    std::fs::create_dir(index(&f)).unwrap();
    assert_eq!(found(&mut f, "words"), [first]);
    let second = f.ticket("more words", &[]);
    assert_eq!(found(&mut f, "words"), [second, first]);
}

#[test]
fn the_doctor_finds_and_mends_an_index_that_says_something_else() {
    let mut f = Fixture::new();
    let id = f.ticket("some words", &[]);
    f.human(|q| q.comment(id, &NewComment::new("a remark")))
        .unwrap();
    for (file, damage, told) in [
        (
            f.path.clone(),
            "UPDATE tickets SET title = 'others'",
            "the index tickets_fts does not agree with 1 texts",
        ),
        (
            index(&f),
            "DELETE FROM comments_fts",
            "the index comments_fts does not agree with 1 texts",
        ),
        (
            index(&f),
            "UPDATE tickets_fts_content SET c0 = 'not indexed'",
            "the index tickets_fts is damaged",
        ),
        (
            index(&f),
            "DROP TABLE comments_fts",
            "the full-text index cannot be read",
        ),
    ] {
        f.store = Store::open(&f.path).unwrap();
        found(&mut f, "words");
        assert_eq!(doctor::examine(&f.path).unwrap().findings, []);
        Connection::open(&file)
            .unwrap()
            .execute_batch(damage)
            .unwrap();
        let sick = doctor::examine(&f.path).unwrap();
        let said = sick
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Fault && finding.message.contains(told));
        assert!(said, "{damage}: {}", sick.text());
        let after = f.human(|q| q.doctor(true)).unwrap();
        assert_eq!(
            after.repaired,
            ["Made the full-text index anew."],
            "{damage}"
        );
        assert_eq!(after.faults(), 0, "{damage}: {}", after.text());
    }
    assert_eq!(found(&mut f, "others remark"), [0; 0]);
    assert_eq!(found(&mut f, "others"), [id]);
    assert_eq!(found(&mut f, "remark"), [id]);
}
