//! Each kind of damage is planted, and the doctor finds it; what can be mended is mended.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use ticket::diagnosis::{Diagnosis, Severity};
use ticket::filter::ClaimFilter;
use ticket::store::{backup, doctor};
use ticket::ticket::NewTicket;
use ticket::{Actor, Queue, Store};

use crate::full;

/// A copy of the full queue, to be damaged.
struct Patient {
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Patient {
    fn new() -> Patient {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tickets.db");
        File::create_new(&path).unwrap();
        backup::copy(&full::queue().path, &path).unwrap();
        Patient { path, _dir: dir }
    }

    /// Runs SQL that no constraint hinders.
    fn damage(&self, sql: &str) {
        let conn = Connection::open(&self.path).unwrap();
        conn.execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
             PRAGMA writable_schema = ON;",
        )
        .unwrap();
        conn.execute_batch(sql).unwrap();
    }

    fn examine(&self) -> Diagnosis {
        doctor::examine(&self.path).unwrap()
    }

    fn repair(&self) -> Diagnosis {
        let mut store = Store::open(&self.path).unwrap();
        store.session(&Actor::Human).doctor(true).unwrap()
    }

    /// Where a table or index begins in the file.
    fn offset_of(&self, name: &str) -> u64 {
        let conn = Connection::open(&self.path).unwrap();
        let page: u32 = conn
            .query_row(
                "SELECT rootpage FROM sqlite_schema WHERE name = ?1",
                [name],
                |row| row.get(0),
            )
            .unwrap();
        let size: u32 = conn
            .query_row("PRAGMA page_size", [], |row| row.get(0))
            .unwrap();
        u64::from(page - 1) * u64::from(size)
    }

    fn file(&self) -> File {
        OpenOptions::new().write(true).open(&self.path).unwrap()
    }
}

fn faults<'a>(diagnosis: &'a Diagnosis, check: &str) -> Vec<&'a str> {
    let found = diagnosis.findings.iter();
    found
        .filter(|f| f.check == check && f.severity == Severity::Fault)
        .map(|f| f.message.as_str())
        .collect()
}

fn fault<'a>(diagnosis: &'a Diagnosis, check: &str) -> Option<&'a str> {
    faults(diagnosis, check).first().copied()
}

fn must_tell(diagnosis: &Diagnosis, check: &str, words: &str, damage: &str) {
    let told = faults(diagnosis, check);
    assert!(
        told.iter().any(|message| message.contains(words)),
        "{damage}: {}",
        diagnosis.text()
    );
}

/// What can be mended from the rest: the damage, the check that finds it, and its words.
const MENDABLE: [(&str, &str, &str); 11] = [
    (
        "UPDATE tickets SET open_blockers = 5 WHERE id = 9",
        "open-blockers",
        "ticket 9 is said to have 5 open blockers, and has 2",
    ),
    (
        "UPDATE tickets SET open_blockers = 0 WHERE id = 7",
        "open-blockers",
        "ticket 7 is said to have 0 open blockers, and has 1",
    ),
    (
        "UPDATE labels SET rank = 1 WHERE label = 'ui'",
        "label-ranks",
        "a claim by the label ui does not see ticket 7 as it is",
    ),
    (
        "UPDATE tickets SET attempt = 1 WHERE id = 5",
        "attempts",
        "ticket 5 is said to have 1 attempts, and the last one is number 2",
    ),
    (
        "UPDATE attempts SET ended_at = NULL, outcome = NULL WHERE ticket_id = 1",
        "attempts",
        "attempt 1 of ticket 1 has not ended, but the ticket is done",
    ),
    (
        "UPDATE tickets SET status = 'open', assigned_to = NULL WHERE id = 5",
        "attempts",
        "attempt 2 of ticket 5 has not ended, but the ticket is open",
    ),
    (
        "UPDATE tickets SET status = 'open', assigned_to = NULL WHERE id = 3",
        "landings",
        "waits to land, but its ticket 3 is open",
    ),
    (
        "DROP INDEX tickets_claimable",
        "schema",
        "the index tickets_claimable is missing",
    ),
    (
        "DROP TRIGGER tickets_finished",
        "schema",
        "the trigger tickets_finished is missing",
    ),
    (
        "DROP TRIGGER labels_ranked; CREATE TRIGGER labels_ranked
         AFTER UPDATE ON tickets BEGIN SELECT 1; END",
        "schema",
        "the trigger labels_ranked is not what the migrations make",
    ),
    (
        "CREATE TEMP TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'comments_ticket';
         DELETE FROM sqlite_schema WHERE name = 'comments_ticket';
         PRAGMA writable_schema = RESET;
         INSERT INTO comments (ticket_id, author, body) VALUES (1, 'a', 'not in the index');
         PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema SELECT * FROM kept",
        "integrity",
        "missing from index comments_ticket",
    ),
];

#[test]
fn what_can_be_counted_or_built_anew_is_found_and_mended() {
    for (damage, check, words) in MENDABLE {
        let patient = Patient::new();
        assert_eq!(patient.examine().findings, []);
        patient.damage(damage);
        must_tell(&patient.examine(), check, words, damage);

        let after = patient.repair();
        assert!(!after.repaired.is_empty(), "{damage}");
        assert_eq!(after.faults(), 0, "{damage}: {}", after.text());
        let again = patient.repair();
        assert_eq!(again.repaired, [""; 0], "{damage}: once is enough");
        let mut store = Store::open(&patient.path).unwrap();
        let log = store
            .session(&Actor::Human)
            .log(&Default::default())
            .unwrap();
        assert_eq!(log[0].action, "repaired", "{damage}");
    }
}

/// What nobody can know any more.
const LOST: [(&str, &str, &str); 18] = [
    (
        "DROP TRIGGER tickets_finished; UPDATE tickets SET resolution = NULL WHERE id = 1",
        "status",
        "ticket 1 is done without a resolution",
    ),
    (
        "UPDATE tickets SET resolution = 'landed' WHERE id = 6",
        "status",
        "ticket 6 is open and has the resolution landed",
    ),
    (
        "UPDATE tickets SET status = 'closed' WHERE id = 6",
        "status",
        "ticket 6 has the unknown status closed",
    ),
    (
        "INSERT INTO blockers VALUES (8, 9)",
        "circles",
        "no ticket of this circle can be claimed: #8 waits for #9 waits for #8",
    ),
    (
        "UPDATE tickets SET parent_id = 8 WHERE id = 7",
        "circles",
        "tickets are parts of each other: #7 is a part of #8 is a part of #7",
    ),
    (
        "INSERT INTO blockers VALUES (9, 99)",
        "references",
        "rows of blockers that point to nothing in tickets: 1",
    ),
    (
        "DELETE FROM tickets WHERE id = 6",
        "references",
        "rows of attempts that point to nothing in tickets: 1",
    ),
    (
        "DELETE FROM attempts WHERE ticket_id = 5 AND number = 1",
        "attempts",
        "ticket 5 has 1 attempts, and the last one is number 2",
    ),
    (
        "UPDATE attempts SET outcome = 'released', ended_at = datetime('now')
         WHERE ticket_id = 5 AND number = 2;
         UPDATE attempts SET outcome = NULL, ended_at = NULL WHERE ticket_id = 5 AND number = 1",
        "attempts",
        "attempt 1 of ticket 5 goes on, but attempt 2 came after it",
    ),
    (
        "UPDATE tickets SET assigned_to = 'z' WHERE id = 5",
        "attempts",
        "attempt 2 of ticket 5 goes on by b, but the ticket is assigned to z",
    ),
    (
        "UPDATE attempts SET outcome = 'landed' WHERE ticket_id = 5 AND number = 2",
        "attempts",
        "has an end without an outcome, or an outcome without an end",
    ),
    (
        "UPDATE landings SET state = 'cancelled' WHERE ticket_id = 4",
        "landings",
        "ticket 4 is ready and attempt 1 goes on, but nothing of it waits to land",
    ),
    (
        "DELETE FROM activity_log WHERE ticket_id = 8 AND action = 'created'",
        "events",
        "tickets of which the log does not say that they were made: 1, the first is #8",
    ),
    (
        "DELETE FROM activity_log WHERE ticket_id = 1 AND action = 'done'",
        "events",
        "tickets of which the log does not say that they were finished: 1, the first is #1",
    ),
    (
        "INSERT INTO activity_log (ticket_id, agent_id, action, detail)
         VALUES (5, 'z', 'claimed', 'attempt 3')",
        "history",
        "ticket 5 was claimed while attempt 2 went on",
    ),
    (
        "DELETE FROM activity_log WHERE id = 10",
        "history",
        "row 11 of the log: the row before it is 9: rows are missing",
    ),
    ("DROP TABLE labels", "schema", "the table labels is missing"),
    (
        "UPDATE tickets SET title = x'00ff' WHERE id = 4",
        "texts",
        "this could not be looked at",
    ),
];

#[test]
fn what_nobody_can_know_any_more_is_found_and_left_as_it_is() {
    for (damage, check, words) in LOST {
        let patient = Patient::new();
        patient.damage(damage);
        must_tell(&patient.examine(), check, words, damage);
        let after = patient.repair();
        assert!(fault(&after, check).is_some(), "{damage}: {}", after.text());
    }
}

#[test]
fn a_damaged_page_is_found() {
    for name in ["tickets", "comments", "tickets_claimable", "blockers"] {
        let patient = Patient::new();
        let at = patient.offset_of(name);
        patient.file().write_all_at(&[0xA5; 2048], at).unwrap();
        let found = patient.examine();
        assert!(
            fault(&found, "integrity").is_some(),
            "{name}: {}",
            found.text()
        );
    }
}

#[test]
fn a_file_that_was_cut_off_is_found() {
    let patient = Patient::new();
    let length = std::fs::metadata(&patient.path).unwrap().len();
    for part in [length / 2, 4096 * 3 + 100, 200] {
        patient.file().set_len(part).unwrap();
        let found = patient.examine();
        assert!(found.faults() > 0, "{part}: {}", found.text());
    }
}

#[test]
fn a_file_that_is_no_database_gets_a_diagnosis_too() {
    let patient = Patient::new();
    std::fs::write(&patient.path, vec![b'x'; 20_000]).unwrap();
    assert!(fault(&patient.examine(), "open").is_some());
    std::fs::write(&patient.path, "").unwrap();
    assert!(
        fault(&patient.examine(), "version")
            .unwrap()
            .contains("no tickets")
    );

    let patient = Patient::new();
    patient.damage("INSERT INTO schema_version VALUES (99, datetime('now'))");
    assert!(
        fault(&patient.examine(), "version")
            .unwrap()
            .contains("newer")
    );
    assert!(doctor::examine(&patient.path.with_extension("none")).is_err());
}

#[test]
fn a_file_that_anybody_may_write_is_found() {
    use std::os::unix::fs::PermissionsExt;
    let patient = Patient::new();
    let mode = |mode| std::fs::set_permissions(&patient.path, PermissionsExt::from_mode(mode));
    mode(0o666).unwrap();
    assert!(
        fault(&patient.examine(), "file")
            .unwrap()
            .contains("everybody")
    );
    mode(0o600).unwrap();
    assert_eq!(patient.examine().findings, []);
}

#[test]
fn unusual_things_are_notes() {
    for (damage, check, words) in [
        (
            "UPDATE attempts SET ended_at = datetime('now'), outcome = 'released'
             WHERE ticket_id = 5 AND number = 2",
            "status",
            "ticket 5 is in progress, but no attempt goes on",
        ),
        (
            "UPDATE tickets SET assigned_to = '' WHERE id = 6",
            "status",
            "ticket 6 is assigned to a name without letters",
        ),
        (
            "UPDATE tickets SET title = 'two' || char(10) || 'lines' WHERE id = 6",
            "texts",
            "ticket 6: title: the title has a control character",
        ),
        (
            "CREATE TRIGGER spy AFTER INSERT ON comments BEGIN SELECT 1; END",
            "schema",
            "the trigger spy is none of ours",
        ),
    ] {
        let patient = Patient::new();
        patient.damage(damage);
        let found = patient.examine();
        assert_eq!(found.faults(), 0, "{damage}: {}", found.text());
        let note = found.findings.iter().find(|f| f.check == check);
        let note = note.unwrap_or_else(|| panic!("{damage}"));
        assert!(note.message.contains(words), "{damage}: {}", note.message);
    }
}

#[test]
fn many_findings_of_one_kind_are_told_in_part() {
    let patient = Patient::new();
    let more = NewTicket {
        title: "t".into(),
        ..NewTicket::default()
    };
    let mut store = Store::open(&patient.path).unwrap();
    let more = vec![more; 100];
    store.session(&Actor::Human).create_all(&more).unwrap();
    patient.damage("UPDATE tickets SET open_blockers = open_blockers + 1");
    let found = patient.examine();
    let told: Vec<_> = found
        .findings
        .iter()
        .filter(|f| f.check == "open-blockers")
        .collect();
    assert_eq!(told.len(), ticket::diagnosis::MAX_EACH + 1);
    assert!(told.last().unwrap().message.starts_with("and "));
    assert_eq!(patient.repair().faults(), 0);
}

#[test]
fn the_command_says_it_and_its_exit_code_tells_faults() {
    let patient = Patient::new();
    let run = |args: &[&str]| {
        let out = Command::new(crate::programs::program("ticket"))
            .arg("--db")
            .arg(&patient.path)
            .args(args)
            .env_remove("TICKET_URL")
            .output()
            .unwrap();
        (
            out.status.code(),
            String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap(),
        )
    };
    let (code, said) = run(&["doctor"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("Nothing is wrong."), "{said}");

    patient.damage("UPDATE tickets SET open_blockers = 7 WHERE id = 6");
    let (code, said) = run(&["doctor", "--format", "json"]);
    assert_eq!(code, Some(1), "{said}");
    let found: Diagnosis = serde_json::from_str(&said).unwrap();
    assert_eq!(found.faults(), 1);
    let (code, said) = run(&["doctor", "--repair"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("Repaired: Counted the open blockers of tickets anew: 1."));

    std::fs::write(&patient.path, vec![b'x'; 20_000]).unwrap();
    let (code, said) = run(&["doctor", "--repair"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("Fault (open)") && said.contains("Fault (repair)"),
        "{said}"
    );
    std::fs::remove_file(&patient.path).unwrap();
    let (code, said) = run(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("ticket migrate"), "{said}");
}

#[test]
fn sixteen_writers_are_no_false_alarm() {
    let f = full::queue();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for n in 0..16 {
            let (path, stop) = (f.path.clone(), &stop);
            scope.spawn(move || {
                let mut store = Store::open(&path).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    work(&mut store.session(&Actor::Human), n);
                }
            });
        }
        for _ in 0..20 {
            let found = doctor::examine(&f.path).unwrap();
            assert_eq!(found.faults(), 0, "{}", found.text());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// A bit of everything that moves counters, texts and attempts.
fn work(queue: &mut dyn Queue, n: i64) {
    let new = |title: &str, blocked_by: Vec<i64>, parent| NewTicket {
        title: title.into(),
        labels: vec![format!("l{n}")],
        blocked_by,
        parent,
        wait_for_children: parent.is_none(),
        ..NewTicket::default()
    };
    let parent = queue.create(&new("a parent", vec![], None)).unwrap();
    let child = queue.create(&new("a child", vec![], Some(parent))).unwrap();
    queue
        .create(&new("waits", vec![parent], Some(child)))
        .unwrap();
    if let Some(claimed) = queue.claim_next("a", &ClaimFilter::default()).unwrap() {
        queue.complete(claimed.detail.ticket.id).unwrap();
    }
    queue.mark_done(child, None).unwrap();
    queue.answer(child, "late").unwrap_err();
}
