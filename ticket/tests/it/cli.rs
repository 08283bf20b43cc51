//! The command from outside, on the file: what scripts read and the exit codes they branch on.

use std::path::Path;
use std::process::{Command, Output};

struct Cli {
    dir: tempfile::TempDir,
}

impl Cli {
    fn new() -> Cli {
        let cli = Cli {
            dir: tempfile::tempdir().unwrap(),
        };
        cli.ok(&["migrate"]);
        cli
    }

    fn run(&self, args: &[&str]) -> Output {
        run_in(self.dir.path(), args)
    }

    fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
    }

    fn fails(&self, args: &[&str], code: i32) -> String {
        let out = self.run(args);
        assert_eq!(out.status.code(), Some(code), "{args:?}: {out:?}");
        assert!(out.stdout.is_empty(), "{args:?}: {out:?}");
        String::from_utf8(out.stderr).unwrap()
    }
}

fn run_in(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ticket"))
        .args(args)
        .current_dir(dir)
        .env_remove("TICKET_DB")
        .env_remove("TICKET_URL")
        .env_remove("TICKET_TOKEN")
        .output()
        .unwrap()
}

#[test]
fn the_words_that_scripts_read() {
    let cli = Cli::new();
    assert_eq!(cli.ok(&["list"]), "No tickets found.");
    assert_eq!(cli.ok(&["log"]), "No activity.");
    assert_eq!(cli.ok(&["create", "one"]), "1");
    assert_eq!(cli.ok(&["create", "two", "--blocked-by", "1"]), "2");
    assert_eq!(
        cli.ok(&["update", "1", "--title", "uno"]),
        "Ticket 1 updated."
    );
    assert_eq!(cli.ok(&["count"]), "2");
    assert_eq!(cli.ok(&["comments", "1"]), "No comments.");
    assert_eq!(
        cli.ok(&["comment", "1", "hm"]),
        "Comment added to ticket 1."
    );
    assert!(cli.ok(&["comments", "1"]).ends_with("] human: hm"));
    assert!(
        cli.ok(&["claim-next", "--agent", "a"])
            .starts_with("Ticket #1\n")
    );
    assert!(cli.fails(&["claim-next", "--agent", "b"], 1).is_empty());
    assert_eq!(cli.ok(&["unclaim", "1"]), "Ticket 1 unclaimed.");
    assert_eq!(cli.ok(&["complete", "1"]), "Ticket 1 work complete.");
    assert_eq!(cli.ok(&["mark-done", "1"]), "Ticket 1 done.");
    assert_eq!(cli.ok(&["create", "three"]), "3");
    assert_eq!(
        cli.ok(&["block", "2", "--by", "3"]),
        "Ticket 2 is now blocked by ticket 3."
    );
    assert_eq!(
        cli.ok(&["unblock", "2", "--by", "3"]),
        "Ticket 2 is no longer blocked by ticket 3."
    );
    let header = cli.ok(&["list"]);
    for column in ["ID", "Status", "Type", "Assigned", "Title"] {
        assert!(header.lines().next().unwrap().contains(column));
    }
    assert!(
        cli.ok(&["log", "--limit", "1"])
            .contains("#2 blocker_removed human")
    );
}

#[test]
fn exit_codes_say_what_went_wrong() {
    let cli = Cli::new();
    cli.ok(&["create", "one"]);
    assert!(cli.fails(&["create", " "], 1).contains("cannot be empty"));
    assert!(
        cli.fails(&["create", "x", "--blocked-by", "9"], 1)
            .contains("9")
    );
    assert_eq!(cli.ok(&["count"]), "1", "nothing was created");
    assert!(
        cli.fails(&["update", "1", "--status", "done"], 1)
            .contains("mark-done")
    );
    cli.fails(&["update", "1"], 2);
    cli.fails(&["update", "9", "--title", "x"], 1);
    cli.fails(&["show", "9"], 1);
    cli.fails(&["block", "1", "--by", "1"], 1);
    cli.fails(&["unblock", "1", "--by", "1"], 1);
    cli.fails(&["list", "--status", "closed"], 1);
    cli.fails(&["list", "--colour"], 2);
    cli.fails(&[], 2);
    cli.ok(&["mark-done", "1"]);
    cli.fails(&["unclaim", "1"], 1);
}

#[test]
fn a_text_may_begin_with_a_dash() {
    let cli = Cli::new();
    cli.ok(&[
        "create",
        "- one",
        "--description",
        "-1, 0 or 1",
        "--priority",
        "1",
    ]);
    cli.ok(&["comment", "1", "- done\n- tested", "--author", "me"]);
    cli.ok(&["update", "1", "-d", "--verbose prints more"]);
    assert!(cli.ok(&["comments", "1"]).contains("me: - done"));
    assert!(cli.ok(&["show", "1"]).contains("--verbose prints more"));
    cli.fails(&["create", "--colour"], 2);
    cli.fails(&["comment", "1", "--colour"], 2);
    cli.fails(&["comment", "1", "text", "--colour"], 2);
    assert_eq!(cli.ok(&["count"]), "1");
}

#[test]
fn a_place_without_a_database_names_migrate() {
    let dir = tempfile::tempdir().unwrap();
    let out = run_in(dir.path(), &["list"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&out.stderr).contains("ticket migrate"));
    let out = run_in(dir.path(), &["migrate", "--db", "deep/er/t.db"]);
    assert!(String::from_utf8_lossy(&out.stdout).contains("Database migrated to version 5."));
    let out = run_in(dir.path(), &["--db", "deep/er/t.db", "migrate"]);
    assert!(String::from_utf8_lossy(&out.stdout).contains("Database already at version 5."));
}

#[test]
fn json_has_the_fields_of_the_contract() {
    let cli = Cli::new();
    cli.ok(&["create", "one", "-d", "text"]);
    cli.ok(&["comment", "1", "hm"]);
    let shown: serde_json::Value =
        serde_json::from_str(&cli.ok(&["show", "1", "--format", "json"])).unwrap();
    for field in [
        "id",
        "title",
        "description",
        "status",
        "type",
        "assigned_to",
        "parent_id",
        "created_by",
        "created_at",
        "updated_at",
        "blocked_by",
        "blocks",
        "comments",
    ] {
        assert!(shown.get(field).is_some(), "{field}");
    }
    assert!(shown["assigned_to"].is_null());
    for field in ["id", "ticket_id", "author", "body", "created_at"] {
        assert!(shown["comments"][0].get(field).is_some(), "{field}");
    }
}

#[test]
fn agent_text_cannot_steer_the_terminal() {
    let cli = Cli::new();
    cli.ok(&["create", "one", "-d", "red \u{1b}[31m bell \u{7}"]);
    assert!(!cli.ok(&["show", "1"]).contains('\u{1b}'));
    cli.fails(&["create", "title \u{1b}[2J"], 1);
}
