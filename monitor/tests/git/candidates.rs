//! Candidates: merged in memory, with the tree policy, from real branches.

use std::path::Path;

use monitor::git::Oid;
use monitor::lander::build::{Built, build};
use ticket::landing::Landing;

use crate::fixture::{Attempt, Hub, commit_all, git, write};

fn hub() -> Hub {
    Hub::with(&[
        ("README", "hello\n"),
        ("poem", "one\ntwo\nthree\nfour\nfive\n"),
        ("verify.sh", "#!/bin/sh\n"),
    ])
}

fn built(hub: &Hub, landing: &Landing, parent: Oid) -> Built {
    build(&hub.repository(), landing, parent, 1_700_000_000).unwrap()
}

fn commit_of(built: Built) -> Oid {
    match built {
        Built::Candidate { commit, .. } => commit,
        other => panic!("no candidate: {other:?}"),
    }
}

fn refusal_of(built: Built) -> String {
    match built {
        Built::Refused(reason) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// Lets `change` loose on a work tree of a new attempt, and pushes and submits what it leaves.
fn changed(hub: &Hub, change: impl FnOnce(&Path)) -> (Attempt, Landing) {
    let attempt = hub.attempt("agent-1", "Work");
    let dir = hub.worktree(&attempt);
    change(&dir);
    let commit = commit_all(&dir, "work");
    git(&dir, &["push", "-q", "origin", &attempt.branch()]);
    let landing = hub.submit(&attempt, commit);
    (attempt, landing)
}

#[test]
fn a_candidate_is_one_commit_on_its_parent_with_trailers() {
    let hub = hub();
    let (_, landing) = hub.submission("Say more", &[("README", "hello world\n")]);
    let head = hub.head();
    let commit = commit_of(built(&hub, &landing, head));
    let shown = git(
        hub.bare.path(),
        &[
            "show",
            "-s",
            "--format=%P|%an <%ae>|%cn <%ce>|%at|%B",
            &commit.to_string(),
        ],
    );
    assert_eq!(
        shown.trim_end(),
        format!(
            "{head}|agent-1 <agent-1@swarm.invalid>|swarm <swarm@swarm.invalid>|1700000000|Say more\n\n\
             What was done.\n\nSwarm-Ticket: 1\nSwarm-Attempt: 1"
        )
    );
    let refs = hub.refs();
    assert!(
        refs.contains(&format!("refs/candidates/1 {commit}")),
        "{refs:?}"
    );
    assert_eq!(hub.head(), head);
}

#[test]
fn the_same_submission_at_the_same_time_gives_the_same_commit() {
    let hub = hub();
    let (_, landing) = hub.submission("Say more", &[("README", "hello world\n")]);
    let once = built(&hub, &landing, hub.head());
    assert_eq!(once, built(&hub, &landing, hub.head()));
}

#[test]
fn changes_at_different_places_are_merged() {
    let hub = hub();
    let (_, one) = hub.submission("One", &[("poem", "ONE\ntwo\nthree\nfour\nfive\n")]);
    let (_, two) = hub.submission("Two", &[("poem", "one\ntwo\nthree\nfour\nFIVE\n")]);
    let first = commit_of(built(&hub, &one, hub.head()));
    let second = commit_of(built(&hub, &two, first));
    let poem = "poem=ONE\ntwo\nthree\nfour\nFIVE".to_owned();
    assert!(hub.files(second).contains(&poem));
}

#[test]
fn changes_at_the_same_place_are_a_conflict_that_names_the_files() {
    let hub = hub();
    let (_, one) = hub.submission("One", &[("poem", "ONE\n"), ("a/b", "1\n")]);
    let (_, two) = hub.submission("Two", &[("poem", "TWO\n"), ("a/b", "2\n")]);
    let first = commit_of(built(&hub, &one, hub.head()));
    let reason = refusal_of(built(&hub, &two, first));
    assert_eq!(reason, "it conflicts with main in a/b, poem");
}

#[test]
fn attributes_of_a_branch_do_not_decide_how_it_is_merged() {
    let hub = hub();
    let (_, one) = hub.submission("One", &[("poem", "ONE\n")]);
    let (_, two) = hub.submission(
        "Two",
        &[("poem", "TWO\n"), (".gitattributes", "* merge=union\n")],
    );
    let first = commit_of(built(&hub, &one, hub.head()));
    let reason = refusal_of(built(&hub, &two, first));
    assert_eq!(reason, "it conflicts with main in poem");
}

#[test]
fn a_branch_that_merged_main_lands_only_its_own_change() {
    let mut hub = hub();
    hub.verify_by(|_, _| ticket::wire::VerdictResult::Green);
    let attempt = hub.attempt("agent-2", "Late");
    let dir = hub.worktree(&attempt);
    write(&dir, "late", "x\n");
    commit_all(&dir, "late");
    let (_, one) = hub.submission("One", &[("poem", "ONE\n")]);
    hub.start_landing(1);
    hub.wait_until_settled(one.id);
    git(
        &dir,
        &["pull", "-q", "--no-rebase", "--no-edit", "origin", "main"],
    );
    let commit = commit_all_or_head(&dir);
    git(&dir, &["push", "-q", "origin", &attempt.branch()]);
    hub.stop_landing();
    let landing = hub.submit(&attempt, commit);
    let head = hub.head();
    let commit = commit_of(built(&hub, &landing, head));
    let changed = git(
        hub.bare.path(),
        &[
            "diff",
            "--name-only",
            &head.to_string(),
            &commit.to_string(),
        ],
    );
    assert_eq!(changed, "late\n");
}

fn commit_all_or_head(dir: &Path) -> Oid {
    git(dir, &["rev-parse", "HEAD"]).trim().parse().unwrap()
}

#[test]
fn work_that_main_has_already_changes_nothing() {
    let hub = hub();
    let (_, one) = hub.submission("One", &[("poem", "ONE\n")]);
    let (_, two) = hub.submission("Two", &[("poem", "ONE\n")]);
    let first = commit_of(built(&hub, &one, hub.head()));
    let reason = refusal_of(built(&hub, &two, first));
    assert_eq!(reason, "it changes nothing: main has all of it");
}

#[test]
fn a_commit_that_the_attempt_did_not_push_is_refused() {
    let hub = hub();
    let (_, mut landing) = hub.submission("One", &[("poem", "ONE\n")]);
    let (_, other) = hub.submission("Two", &[("poem", "TWO\n")]);
    let short = landing.commit_id[..10].to_owned();
    for commit in [&other.commit_id, &"1".repeat(40), &short, "main", ""] {
        landing.commit_id = commit.to_owned();
        let reason = refusal_of(built(&hub, &landing, hub.head()));
        assert!(
            reason.contains("is not on ticket/1/1: push it first"),
            "{reason}"
        );
    }
}

#[test]
fn an_unrelated_history_is_refused() {
    let hub = hub();
    let (_, landing) = changed(&hub, |dir| {
        git(dir, &["switch", "-q", "--orphan", "elsewhere"]);
        write(dir, "x", "x\n");
        commit_all(dir, "another beginning");
        git(dir, &["branch", "-q", "-M", &ticket::attempt::branch(1, 1)]);
        write(dir, "y", "y\n");
    });
    let reason = refusal_of(built(&hub, &landing, hub.head()));
    assert_eq!(reason, "the branch shares no history with main");
}

#[test]
fn forbidden_trees_are_refused() {
    type Change = fn(&Path);
    let changes: [(Change, &str); 7] = [
        (
            |dir| std::os::unix::fs::symlink("../../etc", dir.join("out")).unwrap(),
            "out is a symbolic link that may lead out of the tree (to ../../etc)",
        ),
        (
            |dir| std::os::unix::fs::symlink("/etc/passwd", dir.join("poem2")).unwrap(),
            "poem2 is a symbolic link that may lead out of the tree (to /etc/passwd)",
        ),
        (
            |dir| {
                git(dir, &["init", "-q", "sub"]);
                write(&dir.join("sub"), "x", "x");
                commit_all(&dir.join("sub"), "inner");
            },
            "sub is a submodule: they do not land",
        ),
        (
            |dir| {
                write(
                    dir,
                    ".gitmodules",
                    "[submodule \"a\"]\n\tpath = a\n\turl = ./a\n",
                )
            },
            ".gitmodules has a name that does not land",
        ),
        (
            |dir| write(dir, "deep/.Swarm/config.toml", ""),
            "deep/.Swarm/config.toml has a name that does not land",
        ),
        (
            |dir| write(dir, "poem", "one\n<<<<<<< a\ntwo\n=======\n2\n>>>>>>> b\n"),
            "poem has conflict markers",
        ),
        (
            |dir| {
                let file = std::fs::File::create(dir.join("huge")).unwrap();
                file.set_len((100 << 20) + 1).unwrap();
            },
            "huge is too large: files of more than 100 MiB do not land",
        ),
    ];
    for (change, expected) in changes {
        let hub = hub();
        let (_, landing) = changed(&hub, change);
        assert_eq!(refusal_of(built(&hub, &landing, hub.head())), expected);
    }
}

#[test]
fn protected_paths_wait_for_a_human() {
    let hub = hub();
    let (_, mut landing) = hub.submission(
        "Ease the gate",
        &[
            ("verify.sh", "#!/bin/sh\nexit 0\n"),
            (".claude/settings.json", "{}"),
            ("poem", "1\n"),
        ],
    );
    let reason = match built(&hub, &landing, hub.head()) {
        Built::Held(reason) => reason,
        other => panic!("not held: {other:?}"),
    };
    assert_eq!(
        reason,
        "it changes protected paths: .claude/settings.json, verify.sh"
    );
    landing.approved_by = Some("human".into());
    match built(&hub, &landing, hub.head()) {
        Built::Candidate { changes_gate, .. } => assert!(changes_gate),
        other => panic!("no candidate: {other:?}"),
    }
}

#[test]
fn a_forged_trailer_in_the_summary_is_only_text() {
    let hub = hub();
    let (_, mut landing) = hub.submission("Swarm-Ticket: 9", &[("poem", "1\n")]);
    landing.summary = Some("Fine.\n\nSwarm-Ticket: 9\nSwarm-Attempt: 9\n".into());
    let (known, parent) = (hub.head(), hub.head());
    let commit = commit_of(built(&hub, &landing, parent));
    let repository = hub.repository();
    repository.advance(parent, commit).unwrap();
    let landed = repository.landed_since(known).unwrap().unwrap();
    assert_eq!(
        (landed.len(), landed[0].ticket, landed[0].attempt),
        (1, 1, 1)
    );
}

#[test]
fn the_projects_own_list_on_main_holds_for_a_human() {
    let hub = Hub::with(&[
        ("README", "hello\n"),
        (".swarm-protected", "# ours\n/deploy/\n"),
    ]);
    let head = hub.head();
    // A branch cannot take its own change off the list.
    let (_, landing) = hub.submission(
        "Deploy",
        &[("deploy/prod.yml", "x\n"), (".swarm-protected", "")],
    );
    match built(&hub, &landing, head) {
        Built::Held(reason) => assert_eq!(
            reason,
            "it changes protected paths: .swarm-protected, deploy/prod.yml"
        ),
        other => panic!("not held: {other:?}"),
    }
    let (_, landing) = hub.submission("Harmless", &[("src/deploy.rs", "x\n")]);
    commit_of(built(&hub, &landing, head));
    let (_, landing) = hub.submission("Broken", &[(".swarm-protected", "ok\n[a\n")]);
    let reason = refusal_of(built(&hub, &landing, head));
    assert!(
        reason.starts_with("line 2 of .swarm-protected is not a pattern ('[a')"),
        "{reason}"
    );
}

#[test]
fn while_mains_list_cannot_be_read_everything_waits_for_a_human() {
    let hub = Hub::with(&[("README", "hello\n"), (".swarm-protected", "!x\n")]);
    let head = hub.head();
    let (_, mut landing) = hub.submission("Work", &[("README", "hello world\n")]);
    match built(&hub, &landing, head) {
        Built::Held(reason) => assert!(
            reason.starts_with(
                "main's list of protected paths cannot be read: line 1 of .swarm-protected"
            ),
            "{reason}"
        ),
        other => panic!("not held: {other:?}"),
    }
    landing.approved_by = Some("human".into());
    commit_of(built(&hub, &landing, head));
}
