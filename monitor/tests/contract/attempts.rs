//! Who had a ticket, how it ended, and what it changed.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::place::{Place, is_time};

on_every_door!(
    show_tells_who_had_it_and_how_it_ended,
    a_kept_tree_is_named,
    a_diff_is_what_the_attempt_made_of_main,
    a_diff_without_a_tree_says_so,
);

fn show_tells_who_had_it_and_how_it_ended(place: &Place) {
    place.create(&["one"]);
    place.ok(&["claim-next", "--agent", "agent-1"]);
    let shown = place.ok(&["show", "1"]);
    assert!(
        shown.contains("\nAttempts (1):\n  1 agent-1: under way, claimed\n"),
        "{shown}"
    );
    assert!(shown.contains(", last heard of at 2"), "{shown}");
    assert!(shown.ends_with(", lease 1 d"), "{shown}");
    place.ok(&["unclaim", "1"]);
    place.ok(&["claim-next", "--agent", "agent-2"]);
    place.ok(&["complete", "1"]);
    let attempts = place.json(&["attempts", "1"]);
    let told: Vec<_> = attempts
        .as_array()
        .unwrap()
        .iter()
        .map(|a| {
            (
                a["number"].clone(),
                a["agent"].clone(),
                a["outcome"].clone(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (json!(1), json!("agent-1"), json!("released")),
            (json!(2), json!("agent-2"), json!("needs-review"))
        ]
    );
    for time in ["started_at", "heartbeat_at", "ended_at"] {
        assert!(is_time(attempts[0][time].as_str().unwrap()), "{time}");
    }
    assert_eq!(place.show(1)["attempts"], attempts);
    let text = place.ok(&["attempts", "1"]);
    assert!(
        text.starts_with("1 agent-1: released, released by human\n  from 2"),
        "{text}"
    );
    assert!(
        text.contains("\n2 agent-2: needs-review, completed by hand\n"),
        "{text}"
    );
}

/// Two attempts: the first left its tree in a snapshot, the second in its branch.
fn two_attempts(place: &Place) -> String {
    place.create(&["one"]);
    place.ok(&["claim-next", "--agent", "a"]);
    let snapshot = commit(place, "refs/attempts/1/1", "first.txt", "red \x1b[31m\n");
    place.ok(&["unclaim", "1"]);
    place.ok(&["claim-next", "--agent", "b"]);
    commit(place, "refs/heads/ticket/1/2", "second.txt", "two\n");
    let database = rusqlite::Connection::open(place.project.database()).unwrap();
    database
        .execute(
            "UPDATE attempts SET snapshot = ?1 WHERE number = 1",
            [&snapshot],
        )
        .unwrap();
    snapshot
}

/// A commit with one file on top of main, at this reference.
fn commit(place: &Place, reference: &str, file: &str, text: &str) -> String {
    let git = git2::Repository::open_bare(place.project.repository()).unwrap();
    git.set_head("refs/heads/main").unwrap();
    let main = git
        .find_reference("refs/heads/main")
        .unwrap()
        .peel_to_commit()
        .unwrap();
    let blob = git.blob(text.as_bytes()).unwrap();
    let mut tree = git.treebuilder(Some(&main.tree().unwrap())).unwrap();
    tree.insert(file, blob, 0o100_644).unwrap();
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let who = git2::Signature::now("a", "a@example.org").unwrap();
    git.commit(Some(reference), &who, &who, "work", &tree, &[&main])
        .unwrap()
        .to_string()
}

fn a_kept_tree_is_named(place: &Place) {
    let snapshot = two_attempts(place);
    let kept = format!("kept in refs/attempts/1/1 ({})", &snapshot[..10]);
    for command in ["show", "attempts"] {
        assert!(place.ok(&[command, "1"]).contains(&kept), "{command}");
    }
    assert_eq!(
        place.json(&["attempts", "1"])[0]["snapshot"],
        json!(snapshot)
    );
}

fn a_diff_is_what_the_attempt_made_of_main(place: &Place) {
    two_attempts(place);
    let latest = place.ok(&["diff", "1"]);
    assert!(
        latest.starts_with("diff --git a/second.txt b/second.txt\n"),
        "{latest}"
    );
    assert!(latest.ends_with("+two"), "{latest}");
    let first = place.ok(&["diff", "1", "--attempt", "1"]);
    assert!(
        first.ends_with("+red \x1b[31m"),
        "into a pipe it goes as it is: {first:?}"
    );
    assert_eq!(
        place.json(&["diff", "1"])["diff"],
        json!(format!("{latest}\n"))
    );
    let coloured = on_a_terminal(place.program().args(["diff", "1", "--attempt", "1"]));
    assert!(
        coloured.contains("\x1b[32m+red [31m\x1b[0m"),
        "{coloured:?}"
    );
    let plain = on_a_terminal(place.program().args(["diff", "1"]).env("NO_COLOR", "1"));
    assert!(
        plain.contains("+two") && !plain.contains('\x1b'),
        "{plain:?}"
    );
}

/// What the program writes when its output is a terminal.
fn on_a_terminal(command: &mut Command) -> String {
    let terminal = nix::pty::openpty(None, None).unwrap();
    command.env("TERM", "xterm").stdout(terminal.slave);
    let mut child = command.spawn().unwrap();
    // The command keeps its end of the terminal open, and the reading would never end.
    command.stdout(Stdio::null());
    let mut seen = Vec::new();
    // Linux tells the end of a terminal by an error.
    let _ = File::from(terminal.master).read_to_end(&mut seen);
    assert!(child.wait().unwrap().success());
    String::from_utf8(seen).unwrap()
}

fn a_diff_without_a_tree_says_so(place: &Place) {
    place.create(&["one"]);
    assert_eq!(
        place.fails(&["diff", "1"], 1),
        "ticket: ticket 1 has no attempt yet"
    );
    place.ok(&["claim-next", "--agent", "a"]);
    let said = place.fails(&["diff", "1"], 1);
    assert_eq!(said, "ticket: attempt 1 of ticket 1 has left no tree yet");
}
