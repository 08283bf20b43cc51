//! A project whose `.swarm` was made by the reference system: `swarm init` takes it over.

use std::fs;

use rusqlite::Connection;
use swarm::{Config, Project};

use crate::support::Place;

/// The reference's schema at its last version.
const SCHEMA: [&str; 3] = [
    include_str!("../../../migrations/0001_reference.sql"),
    include_str!("../../../migrations/0002_ticket_type.sql"),
    include_str!("../../../migrations/0003_verify_type.sql"),
];
const TICKETS: &str = "
    CREATE TABLE schema_version (version INTEGER NOT NULL, applied_at TEXT);
    INSERT INTO schema_version VALUES (1, '2025-01-01'), (2, '2025-01-01'), (3, '2025-01-01');
    INSERT INTO tickets (id, title, status, type) VALUES
        (1, 'Add a till', 'done', 'task'), (2, 'Print receipts', 'open', 'task'),
        (3, 'Which printer?', 'open', 'question');
    UPDATE tickets SET assigned_to = 'human' WHERE id = 3;
    INSERT INTO blockers VALUES (2, 3);
    INSERT INTO comments (ticket_id, author, body) VALUES (2, 'agent-1', 'Waits for the printer.');
";
const CONFIG: &str = r#"{"agents": 5, "ntfy_topic": "tills", "allowed_tools": "Bash,Edit", "max_turns": 50, "monitor_port": 3100, "verify_retries": 2}"#;

/// A repository that the reference system worked on.
fn place() -> Place {
    let place = Place::with_repository(&[("app.py", "x = 1\n"), ("verify.sh", "exit 0\n")]);
    fs::create_dir_all(place.root().join(".swarm/tickets")).unwrap();
    place.write(&[(".swarm/config.json", CONFIG)]);
    let database = Connection::open(place.root().join(".swarm/tickets/tickets.db")).unwrap();
    database
        .execute_batch(&(SCHEMA.join("\n") + TICKETS))
        .unwrap();
    place.git("clone -q --bare . .swarm/repo.git");
    let bare = place.root().join(".swarm/repo.git");
    place.git_in(&bare, "branch ticket/2 trunk");
    place
}

#[test]
fn settings_and_tickets_are_taken_over() {
    let place = place();
    let text = place.swarm("init . --no-interview").ok();
    assert!(text.contains("Took over 3 tickets"), "{text}");
    assert!(text.contains("Took over the settings"), "{text}");
    assert!(text.contains("max_turns has no effect"), "{text}");
    assert!(text.contains("Your verify.sh is the gate."), "{text}");
    assert!(!text.contains("asks the agents to describe"), "{text}");

    let project = Project::open(&place.root()).unwrap();
    let config = Config::load(&project).unwrap();
    assert_eq!((config.agents.count, config.monitor.port), (5, 3100));
    assert_eq!(config.verify.retries, 2);
    assert_eq!(config.notify.ntfy.as_deref(), Some("https://ntfy.sh/tills"));
    assert_eq!(config.project.branch, "trunk");

    let out = place.swarm("status --json").ok();
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["tickets"]["open"], 2);
    assert_eq!(status["tickets"]["done"], 1);
    let database = Connection::open(place.root().join(".swarm/tickets/tickets.db")).unwrap();
    let one = |query: &str| -> String { database.query_row(query, [], |row| row.get(0)).unwrap() };
    assert_eq!(
        one("SELECT body FROM comments WHERE ticket_id = 2"),
        "Waits for the printer."
    );
    assert_eq!(
        one("SELECT CAST(blocked_by AS TEXT) FROM blockers WHERE ticket_id = 2"),
        "3"
    );

    let bare = place.root().join(".swarm/repo.git");
    place.assert_in_step();
    assert_eq!(
        place.git_in(&bare, "rev-parse refs/reference/ticket/2"),
        place.git("rev-parse trunk~1")
    );
    for name in ["config.json", "tickets.db", "repo.git"] {
        assert!(
            place.root().join(".swarm/reference").join(name).exists(),
            "{name}"
        );
    }
    assert_eq!(place.read(".swarm/reference/config.json"), CONFIG);
    place.swarm("regenerate").ok();
    place.swarm("pull").ok();
}

#[test]
fn work_that_was_not_pulled_yet_is_not_left_behind() {
    let place = place();
    let bare = place.root().join(".swarm/repo.git");
    let landed = place.git_in(&bare, "commit-tree -p trunk -m Landed trunk^{tree}");
    place.git_in(
        &bare,
        &format!("update-ref refs/heads/trunk {}", landed.trim()),
    );
    place.swarm("init . --no-interview").refused(&[
        "has work that 'trunk' here does not have",
        "git fetch .swarm/repo.git trunk",
    ]);
    assert!(!place.root().join(".swarm/id").exists());
    assert_eq!(place.git("log --format=%s"), "First\n");
    place.git("fetch -q .swarm/repo.git trunk");
    place.git("merge -q FETCH_HEAD");
    place.swarm("init . --no-interview").ok();
    assert_eq!(
        place.git("log --format=%s -2"),
        "Add what swarm needs\nLanded\n"
    );
}

#[test]
fn what_cannot_be_read_stops_it_before_anything_is_written() {
    let place = place();
    place.write(&[(".swarm/config.json", "{\"agents\": \"many\"}")]);
    place
        .swarm("init . --no-interview")
        .ended_with(7, &["config.json", "agents"]);
    place.write(&[(".swarm/config.json", "{")]);
    place
        .swarm("init . --no-interview")
        .ended_with(7, &["config.json"]);
    place.write(&[(".swarm/config.json", CONFIG)]);
    let database = Connection::open(place.root().join(".swarm/tickets/tickets.db")).unwrap();
    database
        .execute("UPDATE schema_version SET version = version + 900", [])
        .unwrap();
    drop(database);
    place.swarm("init . --no-interview").refused(&["newer"]);
    assert!(!place.root().join(".swarm/id").exists());
    assert!(!place.root().join(".swarm/reference").exists());
    assert_eq!(place.git("log --format=%s"), "First\n");
}
