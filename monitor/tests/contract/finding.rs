//! Which database is meant, how it is made, and which files are refused.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::place::{Run, binary, program};

/// A folder without any database.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn run(folder: &Path, args: &[&str]) -> Run {
    Run::of(program(folder).args(args), "")
}

/// Makes a database with one ticket of this title.
fn database(folder: &Path, path: &str, title: &str) {
    run(folder, &["--db", path, "migrate"]).ok();
    run(folder, &["--db", path, "create", title]).ok();
}

/// The title of the only ticket that is found.
fn found(command: &mut Command) -> String {
    let out = Run::of(command.args(["show", "1"]), "").ok();
    let title = out.lines().find_map(|l| l.strip_prefix("Title:"));
    title.unwrap().trim().to_owned()
}

#[test]
fn the_nearest_of_four_places_is_meant() {
    let dir = folder();
    let deep = dir.path().join("project/src/deep");
    std::fs::create_dir_all(&deep).unwrap();
    database(&deep, "tickets.db", "here");
    assert_eq!(found(&mut program(&deep)), "here");
    database(dir.path(), ".swarm/tickets/tickets.db", "far up");
    assert_eq!(found(&mut program(&deep)), "far up");
    database(
        &dir.path().join("project"),
        ".swarm/tickets/tickets.db",
        "up",
    );
    assert_eq!(found(&mut program(&deep)), "up");
    database(dir.path(), "by-variable.db", "variable");
    let variable = dir.path().join("by-variable.db");
    assert_eq!(
        found(program(&deep).env("TICKET_DB", &variable)),
        "variable"
    );
    assert_eq!(
        found(program(&deep).env("TICKET_DB", "")),
        "up",
        "an empty one is none"
    );
    database(dir.path(), "by-option.db", "option");
    let option = dir.path().join("by-option.db");
    let mut command = program(&deep);
    command.env("TICKET_DB", &variable).arg("--db").arg(&option);
    assert_eq!(found(&mut command), "option");
    let mut command = program(&deep);
    command.args(["show", "1", "--db"]).arg(&option);
    assert!(
        Run::of(&mut command, "").ok().contains("option"),
        "also behind the command"
    );
}

#[test]
fn without_a_database_every_command_names_migrate() {
    let dir = folder();
    for args in [
        &["create", "x"][..],
        &["update", "1", "--title", "x"],
        &["list"],
        &["show", "1"],
        &["count"],
        &["claim-next", "--agent", "a"],
        &["comment", "1", "x"],
        &["comments", "1"],
        &["complete", "1"],
        &["mark-done", "1"],
        &["unclaim", "1"],
        &["block", "1", "--by", "2"],
        &["unblock", "1", "--by", "2"],
        &["log"],
        &["log", "--follow"],
        &["answer", "1", "x"],
        &["approve", "1"],
        &["reject", "1", "x"],
        &["pass", "1"],
        &["fail", "1", "x"],
        &["attempts", "1"],
        &["diff", "1"],
        &["search", "x"],
        &["learn", "x"],
        &["learnings"],
        &["pause", "x"],
        &["resume"],
        &["paused"],
    ] {
        let said = run(dir.path(), args).fails(1);
        assert!(said.contains("ticket migrate"), "{args:?}: {said}");
    }
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing was made"
    );
    for path in [".swarm/tickets/tickets.db", "no/such/folder/t.db"] {
        let said = run(dir.path(), &["--db", path, "list"]).fails(1);
        assert!(said.contains("ticket migrate"), "{path}: {said}");
        run(dir.path(), &["--db", path, "migrate"]).ok();
        assert_eq!(run(dir.path(), &["--db", path, "count"]).ok(), "0");
    }
    std::fs::write(dir.path().join("empty.db"), "").unwrap();
    let said = run(dir.path(), &["--db", "empty.db", "list"]).fails(1);
    assert!(said.contains("ticket migrate"), "{said}");
}

#[test]
fn migrate_makes_folders_and_says_what_it_applied() {
    let dir = folder();
    let args = ["--db", "deep/er/t.db", "migrate"];
    let said = run(dir.path(), &args).ok();
    let lines: Vec<&str> = said.lines().collect();
    let (last, applied) = lines.split_last().unwrap();
    let version = applied.len();
    assert!(version >= 5, "{said}");
    for (n, line) in applied.iter().enumerate() {
        assert!(
            line.starts_with(&format!("Applied migration {}: ", n + 1)),
            "{line}"
        );
    }
    assert_eq!(*last, format!("Database migrated to version {version}."));
    let already = format!("Database already at version {version}.");
    assert_eq!(run(dir.path(), &args).ok(), already);
    assert_eq!(
        run(dir.path(), &["migrate", "--db", "deep/er/t.db"]).ok(),
        already
    );
    let json = run(dir.path(), &["--db", "t.db", "migrate", "--format", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["version"], version);
    assert_eq!(json["applied"].as_array().unwrap().len(), version);
}

/// The reference system's migrations.
const REFERENCE: [&str; 3] = [
    include_str!("../../../migrations/0001_reference.sql"),
    include_str!("../../../migrations/0002_ticket_type.sql"),
    include_str!("../../../migrations/0003_verify_type.sql"),
];

#[test]
fn the_reference_systems_databases_open_and_keep_every_row() {
    for version in 1..=3 {
        let dir = folder();
        let file = rusqlite::Connection::open(dir.path().join("tickets.db")).unwrap();
        file.execute_batch("CREATE TABLE schema_version (version INTEGER, applied_at TEXT)")
            .unwrap();
        for (n, sql) in REFERENCE.iter().enumerate().take(version) {
            file.execute_batch(sql).unwrap();
            file.execute(
                "INSERT INTO schema_version VALUES (?1, datetime('now'))",
                [(n + 1) as i64],
            )
            .unwrap();
        }
        file.execute_batch(
            "INSERT INTO tickets (id, title, status, assigned_to) VALUES
               (1, 'finished', 'done', 'a'), (2, 'odd', 'wontfix', NULL), (7, 'waits', 'open', NULL);
             INSERT INTO blockers VALUES (7, 1), (7, 2);
             INSERT INTO comments (ticket_id, author, body) VALUES (7, 'human', 'said');
             INSERT INTO activity_log (ticket_id, agent_id, action) VALUES (1, 'a', 'done');",
        )
        .unwrap();
        drop(file);
        assert_eq!(
            run(dir.path(), &["count"]).ok(),
            "2",
            "an unknown status reads as open"
        );
        let shown = run(dir.path(), &["show", "7"]).ok();
        assert!(
            shown.contains("Blocked by:  #1, #2") && shown.contains("human: said"),
            "{shown}"
        );
        assert!(run(dir.path(), &["log"]).ok().contains("#1 done a"));
        assert_eq!(run(dir.path(), &["create", "next"]).ok(), "8");
        assert!(
            run(dir.path(), &["migrate"])
                .ok()
                .starts_with("Database already at version")
        );
    }
}

#[test]
fn a_newer_database_is_refused() {
    let dir = folder();
    database(dir.path(), "tickets.db", "one");
    let file = rusqlite::Connection::open(dir.path().join("tickets.db")).unwrap();
    file.execute(
        "INSERT INTO schema_version VALUES (99, datetime('now'))",
        [],
    )
    .unwrap();
    drop(file);
    for args in [&["list"][..], &["create", "x"], &["migrate"]] {
        let said = run(dir.path(), args).fails(1);
        assert!(said.contains("99") && said.contains("newer"), "{said}");
    }
}

#[test]
fn what_is_no_database_is_refused_by_name() {
    let dir = folder();
    let text = "I am a text, and longer than the header of a database, as texts tend to be.";
    std::fs::write(dir.path().join("text.db"), text).unwrap();
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    for command in ["list", "migrate"] {
        let said = run(dir.path(), &["--db", "text.db", command]).fails(1);
        assert_eq!(said, "ticket: text.db: the file is not a ticket database");
        let said = run(dir.path(), &["--db", "folder", command]).fails(1);
        assert!(
            said.starts_with("ticket: folder is a folder: name the database file"),
            "{said}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(dir.path().join("text.db")).unwrap(),
        text
    );
    let said = run(dir.path(), &["--db", "text.db/t.db", "migrate"]).fails(1);
    assert!(said.contains("text.db"), "{said}");
}

/// Runs the program as somebody who may not write what we own.
fn as_nobody(folder: &Path, args: &[&str]) -> Run {
    const NOBODY: u32 = 65534;
    let program_there = folder.join("ticket");
    // Copied by another process: a file that one of our threads holds open for writing while
    // another one forks is busy for whoever wants to run it.
    let copied = Command::new("cp")
        .args([&binary(), &program_there])
        .status();
    assert!(copied.unwrap().success());
    let mut command = Command::new(program_there);
    command.args(args).current_dir(folder).env_clear();
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    Run::of(&mut command, "")
}

#[test]
fn what_may_not_be_written_is_refused() {
    let dir = folder();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(dir.path(), 0o777);
    database(dir.path(), "tickets.db", "one");
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        mode(&entry.unwrap().path(), 0o666);
    }
    mode(&dir.path().join("tickets.db"), 0o444);
    let said = as_nobody(dir.path(), &["create", "x"]).fails(1);
    assert_eq!(said, "ticket: tickets.db: the database file is read-only");
    assert!(
        as_nobody(dir.path(), &["list"]).ok().contains("one"),
        "it can still be read"
    );
    mode(&dir.path().join("tickets.db"), 0);
    let said = as_nobody(dir.path(), &["list"]).fails(1);
    assert!(
        said.contains("tickets.db: the database cannot be opened"),
        "{said}"
    );
    mode(&dir.path().join("tickets.db"), 0o644);
    assert_eq!(run(dir.path(), &["count"]).ok(), "1", "nothing was written");
}
