//! `swarm pull`: fast-forward, and nothing of the human's is lost or run.

use std::fs;

use serde_json::{Value, json};

use crate::support::Place;

const FILES: [(&str, &str); 3] = [
    ("a.txt", "1\n"),
    ("dir/b.txt", "1\n"),
    (".gitignore", "*.log\n"),
];

#[test]
fn what_landed_comes_into_the_tree() {
    let place = Place::with_project(&FILES);
    assert!(place.swarm("pull").ok().contains("is up to date"));
    place.land(&[
        ("a.txt", Some("2\n")),
        ("dir/b.txt", None),
        ("new/c.txt", Some("3\n")),
    ]);
    let head = place.land(&[("link@", Some("a.txt"))]);
    let out = place.swarm("pull").ok();
    assert!(out.contains("'trunk' moved by 2 commits"), "{out}");
    assert_eq!(place.git("rev-parse HEAD").trim(), head);
    assert_eq!(place.git("status --porcelain"), "");
    assert_eq!(place.read("a.txt"), "2\n");
    assert_eq!(place.read("new/c.txt"), "3\n");
    assert_eq!(place.read("link"), "2\n");
    assert!(!place.root().join("dir").exists());
    assert_eq!(place.git("rev-parse swarm/trunk").trim(), head);
}

#[test]
fn changes_elsewhere_stay_as_they_are() {
    let place = Place::with_project(&FILES);
    place.write(&[
        ("dir/b.txt", "mine\n"),
        ("lying.txt", "mine\n"),
        ("staged.txt", "mine\n"),
    ]);
    place.git("add staged.txt");
    place.land(&[("a.txt", Some("2\n"))]);
    place.swarm("pull").ok();
    let status = place.git("status --porcelain");
    assert_eq!(status, " M dir/b.txt\nA  staged.txt\n?? lying.txt\n");
    assert_eq!(place.read("a.txt"), "2\n");
    assert_eq!(place.read("dir/b.txt"), "mine\n");
}

#[test]
fn nothing_of_the_humans_is_overwritten() {
    type Landed = (&'static str, Option<&'static str>);
    let table: [(&str, &str, bool, Landed); 9] = [
        ("a.txt", "mine\n", false, ("a.txt", Some("2\n"))),
        ("a.txt", "mine\n", true, ("a.txt", Some("2\n"))),
        ("a.txt", "mine\n", false, ("a.txt", None)),
        ("new.txt", "untracked\n", false, ("new.txt", Some("2\n"))),
        ("out.log", "ignored\n", false, ("out.log", Some("2\n"))),
        ("new.txt", "staged\n", true, ("new.txt", Some("2\n"))),
        (
            "new/mine.txt",
            "a folder\n",
            false,
            ("new", Some("a file\n")),
        ),
        (
            "new",
            "a file\n",
            false,
            ("new/c.txt", Some("in a folder\n")),
        ),
        (
            "dir.log/mine.txt",
            "ignored\n",
            false,
            ("dir.log", Some("a file\n")),
        ),
    ];
    for (name, text, staged, landed) in table {
        let place = Place::with_project(&FILES);
        let before = place.git("rev-parse HEAD");
        place.write(&[(name, text)]);
        if staged {
            place.git(&format!("add -f {name}"));
        }
        let status = place.git("status --porcelain --ignored");
        place.land(&[landed, ("other.txt", Some("x\n"))]);
        place.swarm("pull").refused(&[]);
        assert_eq!(place.read(name), text, "{name}");
        assert_eq!(place.git("rev-parse HEAD"), before, "{name}");
        assert_eq!(place.git("status --porcelain --ignored"), status, "{name}");
    }
}

#[test]
fn a_file_that_the_human_deleted_is_a_change_too() {
    let place = Place::with_project(&FILES);
    fs::remove_file(place.root().join("a.txt")).unwrap();
    place.land(&[("a.txt", Some("2\n"))]);
    place
        .swarm("pull")
        .refused(&["would be overwritten: a.txt", "Commit or move"]);
}

#[test]
fn a_diverged_branch_is_left_alone() {
    let place = Place::with_project(&FILES);
    place.git("commit --allow-empty -m Mine");
    assert!(place.swarm("pull").ok().contains("1 commit of yours"));
    place.land(&[("a.txt", Some("2\n"))]);
    place
        .swarm("pull")
        .refused(&["1 commits of yours", "git rebase swarm/trunk"]);
    place.git("rebase swarm/trunk");
    assert_eq!(place.read("a.txt"), "2\n");
}

#[test]
fn with_another_branch_checked_out_only_the_branch_moves() {
    let place = Place::with_project(&FILES);
    place.git("checkout -q -b mine");
    let head = place.land(&[("a.txt", Some("2\n"))]);
    assert!(place.swarm("pull").ok().contains("no file changed"));
    assert_eq!(place.git("rev-parse trunk").trim(), head);
    assert_eq!(place.read("a.txt"), "1\n");
    assert_eq!(place.git("status --porcelain"), "");
}

#[test]
fn a_branch_in_another_work_tree_does_not_move() {
    let place = Place::with_project(&FILES);
    place.git("checkout -q -b mine");
    place.git("worktree add -q ../other trunk");
    place.land(&[("a.txt", Some("2\n"))]);
    place.swarm("pull").refused(&["'trunk' is checked out in"]);
}

#[test]
fn a_tree_that_leads_out_is_not_pulled() {
    for (name, text) in [("evil@", "/etc/passwd"), ("dir/evil@", "../../up")] {
        let place = Place::with_project(&FILES);
        let before = place.git("rev-parse HEAD");
        place.land(&[(name, Some(text)), ("a.txt", Some("2\n"))]);
        place.swarm("pull").refused(&["a link out of the tree"]);
        assert_eq!(place.git("rev-parse HEAD"), before);
        assert_eq!(place.read("a.txt"), "1\n");
    }
}

#[test]
fn a_link_of_the_humans_is_not_written_through() {
    let place = Place::with_project(&FILES);
    let outside = tempfile::tempdir().unwrap();
    fs::remove_dir_all(place.root().join("dir")).unwrap();
    std::os::unix::fs::symlink(outside.path(), place.root().join("dir")).unwrap();
    place.land(&[("dir/b.txt", Some("2\n")), ("dir/c.txt", Some("2\n"))]);
    place.swarm("pull").refused(&[]);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn the_humans_commits_are_taken_over_while_no_hub_runs() {
    let place = Place::with_project(&FILES);
    let project = swarm::Project::open(&place.root()).unwrap();
    let bare = place.root().join(".swarm/repo.git");
    assert_eq!(swarm::bare::take(&project, "trunk").unwrap(), 0);
    place.write(&[("verify.sh", "make test\n")]);
    place.git("commit -qam Mine");
    place.git("commit -q --allow-empty -m More");
    assert_eq!(swarm::bare::take(&project, "trunk").unwrap(), 2);
    place.assert_in_step();

    // What is behind or beside the swarm's branch is nothing to take.
    let landed = place.land(&[("a.txt", Some("2\n"))]);
    assert_eq!(swarm::bare::take(&project, "trunk").unwrap(), 0);
    place.git("commit -q --allow-empty -m Beside");
    assert_eq!(swarm::bare::take(&project, "trunk").unwrap(), 0);
    assert_eq!(place.git_in(&bare, "rev-parse trunk").trim(), landed);
}

#[test]
fn what_a_pull_did_is_told_to_programs() {
    let place = Place::with_project(&FILES);
    let pull = |more: &str| {
        let said = place.swarm(&format!("pull --json{more}"));
        let document: Value = serde_json::from_str(&said.out).unwrap();
        (said.code, document)
    };
    assert_eq!(
        pull(""),
        (0, json!({ "branch": "trunk", "result": "up-to-date" }))
    );
    let from = place.git("rev-parse HEAD").trim().to_owned();
    let to = place.land(&[(".envrc", Some("x\n"))]);
    let (code, held) = pull("");
    assert_eq!(code, 1);
    assert_eq!(
        (&held["result"], &held["from"], &held["to"]),
        (&json!("held"), &json!(from), &json!(to))
    );
    assert_eq!(held["findings"][0]["path"], ".envrc");
    let moved = json!({
        "branch": "trunk",
        "result": "moved",
        "from": from,
        "to": to,
        "commits": 1,
        "checked_out": true,
    });
    assert_eq!(pull(" --allow"), (0, moved));
    place.git("commit --allow-empty -m Mine");
    let ahead = json!({ "branch": "trunk", "result": "ahead", "commits": 1 });
    assert_eq!(pull(""), (0, ahead));
}
