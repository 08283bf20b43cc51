//! What a push may do, tried with the real client.

use std::path::Path;

use ticket::attempt::Outcome;
use ticket::wire::{EndAttempt, Role};
use ticket::{Actor, Queue};

use crate::fixture::{Attempt, Hub, commit_all, git, try_git, write};

fn hub() -> (Hub, Attempt) {
    let hub = Hub::with(&[("README", "hello\n")]);
    let attempt = hub.attempt("agent-1", "Work");
    (hub, attempt)
}

/// Pushes `refspecs`, which must fail and change nothing; returns what the client prints.
fn refused(hub: &Hub, dir: &Path, refspecs: &[&str]) -> String {
    let (refs, objects) = (hub.refs(), hub.objects());
    let output = try_git(dir, &[&["push", "origin"], refspecs].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{refspecs:?} was taken: {said}");
    assert_eq!(hub.refs(), refs, "{refspecs:?} moved refs");
    assert_eq!(hub.objects(), objects, "{refspecs:?} stored something");
    said
}

#[test]
fn an_attempt_pushes_its_branch_again_and_again() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    for n in 0..3 {
        write(&dir, "file", &format!("{n}\n"));
        let commit = commit_all(&dir, "work");
        git(&dir, &["push", "-q", "origin", &attempt.branch()]);
        let head = hub
            .repository()
            .attempt_head(attempt.ticket, attempt.number);
        assert_eq!(head.unwrap(), Some(commit));
    }
}

#[test]
fn a_large_push_comes_through_in_chunks() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    git(&dir, &["config", "http.postBuffer", "65536"]);
    write(&dir, "noise", &noise(1 << 20));
    let commit = commit_all(&dir, "work");
    git(&dir, &["push", "-q", "origin", &attempt.branch()]);
    assert_eq!(
        hub.repository().find_commit(&attempt.branch()),
        Some(commit)
    );
}

#[test]
fn every_other_ref_is_refused_with_a_reason() {
    let (hub, attempt) = hub();
    let other = hub.attempt("agent-2", "Other work");
    let other_dir = hub.worktree(&other);
    commit_something(&other_dir);
    git(&other_dir, &["push", "-q", "origin", &other.branch()]);
    let dir = hub.worktree(&attempt);
    commit_something(&dir);
    git(&dir, &["push", "-q", "origin", &attempt.branch()]);
    commit_something(&dir);
    git(&dir, &["tag", "v1"]);
    let own = attempt.branch();
    for (refspec, line) in [
        (
            "HEAD:main",
            "! [remote rejected] HEAD -> main (an agent pushes its own branch only: ticket/1/1)",
        ),
        (
            "+HEAD:main",
            "! [remote rejected] HEAD -> main (an agent pushes its own",
        ),
        (
            "+HEAD:ticket/2/1",
            "HEAD -> ticket/2/1 (this token is for ticket 1, not for ticket 2)",
        ),
        (
            "HEAD:refs/heads/ticket/1/2",
            "HEAD -> ticket/1/2 (this token is for attempt 1, not for 2)",
        ),
        (
            "HEAD:refs/heads/ticket/9/1",
            "(this token is for ticket 1, not for ticket 9)",
        ),
        (
            "HEAD:refs/heads/new",
            "HEAD -> new (an agent pushes its own branch only",
        ),
        (
            "HEAD:refs/attempts/1/1",
            "HEAD -> refs/attempts/1/1 (an agent pushes its own",
        ),
        (
            "HEAD:refs/candidates/1",
            "HEAD -> refs/candidates/1 (an agent pushes its own",
        ),
        ("v1", "v1 -> v1 (an agent pushes its own branch only"),
        (
            &format!(":{own}"),
            "ticket/1/1 (an attempt's branch is never deleted by a push)",
        ),
        (":main", "main (an agent pushes its own branch only"),
    ] {
        let said = refused(&hub, &dir, &[refspec]);
        assert!(said.contains(line), "{refspec}: {said}");
    }
}

#[test]
fn one_bad_ref_spoils_the_whole_push() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    commit_something(&dir);
    let own = format!("HEAD:{}", attempt.branch());
    let said = refused(&hub, &dir, &[&own, "HEAD:main"]);
    assert!(
        said.contains("ticket/1/1 (nothing of this push was taken"),
        "{said}"
    );
    assert!(
        said.contains("main (an agent pushes its own branch only"),
        "{said}"
    );
}

#[test]
fn an_attempts_branch_only_goes_forward() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    commit_something(&dir);
    git(&dir, &["push", "-q", "origin", &attempt.branch()]);
    git(&dir, &["commit", "-q", "--amend", "-m", "another"]);
    let refs = hub.refs();
    let force = format!("+{}", attempt.branch());
    let output = try_git(&dir, &["push", "origin", &force]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("! [remote rejected] ticket/1/1 -> ticket/1/1 (non-fast-forward)"),
        "{said}"
    );
    assert_eq!(hub.refs(), refs);
}

#[test]
fn an_attempt_that_is_over_pushes_nothing() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    commit_something(&dir);
    end(&hub, &attempt, false);
    // Its token is worth nothing any more, so that git asks for another.
    let said = refused(&hub, &dir, &[&attempt.branch()]);
    assert!(
        said.contains("Authentication failed") || said.contains("could not read"),
        "{said}"
    );
}

#[test]
fn an_attempt_that_was_ended_from_outside_still_hands_in_its_tree() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    commit_something(&dir);
    let ticket = attempt.ticket;
    hub.store(move |store| store.session(&Actor::Human).unclaim(ticket));
    git(&dir, &["push", "-q", "origin", &attempt.branch()]);
    end(&hub, &attempt, false);
    commit_something(&dir);
    refused(&hub, &dir, &[&attempt.branch()]);
}

#[test]
fn a_newer_attempt_shuts_out_the_older_one() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    commit_something(&dir);
    end(&hub, &attempt, false);
    let next = hub.claim("agent-2");
    assert_eq!((next.ticket, next.number), (attempt.ticket, 2));
    refused(&hub, &dir, &[&attempt.branch()]);
    let header = format!("Authorization: Bearer {}", next.token);
    git(&dir, &["config", "http.extraHeader", &header]);
    let said = refused(&hub, &dir, &[&attempt.branch()]);
    assert!(
        said.contains("this token is for attempt 2, not for 1"),
        "{said}"
    );
}

#[test]
fn runners_verifiers_and_the_human_do_not_push() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    commit_something(&dir);
    let worker = hub.enroll("agent-9", Role::Worker);
    let verifier = hub.enroll("verifier-1", Role::Verifier);
    for (token, address, reason) in [
        (
            worker.as_str(),
            &hub.agents,
            "this token may fetch and not push",
        ),
        (&verifier, &hub.agents, "this token may fetch and not push"),
        (
            crate::fixture::HUMAN,
            &hub.human,
            "only the lander moves branches here",
        ),
    ] {
        git(
            &dir,
            &[
                "config",
                "http.extraHeader",
                &format!("Authorization: Bearer {token}"),
            ],
        );
        git(&dir, &["remote", "set-url", "origin", address]);
        for refspec in ["HEAD:main", &attempt.branch()] {
            let said = refused(&hub, &dir, &[refspec]);
            assert!(said.contains(reason), "{said}");
        }
    }
}

#[test]
fn the_token_is_taken_as_a_password_too() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    let commit = commit_something(&dir);
    git(&dir, &["config", "--unset", "http.extraHeader"]);
    let said = refused(&hub, &dir, &[&attempt.branch()]);
    assert!(said.contains("could not read Username"), "{said}");
    let address = hub
        .agents
        .replace("://", &format!("://agent:{}@", attempt.token));
    git(&dir, &["push", "-q", &address, &attempt.branch()]);
    assert_eq!(
        hub.repository().find_commit(&attempt.branch()),
        Some(commit)
    );
}

#[test]
fn a_push_that_is_too_large_is_refused_with_a_reason() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    for (size, buffer) in [(3 << 20, "65536"), (4 << 20, "100000000")] {
        git(&dir, &["config", "http.postBuffer", buffer]);
        write(&dir, "noise", &noise(size));
        commit_all(&dir, "too much");
        let said = refused(&hub, &dir, &[&attempt.branch()]);
        assert!(said.contains("pack exceeds maximum allowed size"), "{said}");
        assert!(said.contains("[remote rejected]"), "{said}");
    }
}

#[test]
fn broken_objects_are_refused() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    write(&dir, "x", "x");
    let blob = git(&dir, &["hash-object", "-w", "x"]);
    // A tree with a `.git` in it, as no git makes it.
    let mut tree = b"100644 .git\0".to_vec();
    tree.extend(git2::Oid::from_str(blob.trim()).unwrap().as_bytes());
    std::fs::write(dir.join("tree"), tree).unwrap();
    let tree = git(
        &dir,
        &["hash-object", "-w", "-t", "tree", "--literally", "tree"],
    );
    let commit = git(
        &dir,
        &["commit-tree", "-p", "HEAD", "-m", "evil", tree.trim()],
    );
    let said = refused(
        &hub,
        &dir,
        &[&format!(
            "{}:refs/heads/{}",
            commit.trim(),
            attempt.branch()
        )],
    );
    assert!(
        said.contains("hasDotgit") && said.contains("[remote rejected]"),
        "{said}"
    );
}

#[test]
fn hooks_in_the_repository_do_not_run() {
    let (hub, attempt) = hub();
    let marker = hub.dir.path().join("ran");
    for hook in [
        "pre-receive",
        "update",
        "post-receive",
        "post-update",
        "reference-transaction",
    ] {
        let path = hub.bare.path().join("hooks").join(hook);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\ntouch '{}'\n", marker.display())).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
    }
    hub.push(&attempt, &[("file", "x\n")]);
    assert!(!marker.exists());
}

fn end(hub: &Hub, attempt: &Attempt, unsettled: bool) {
    let attempt = attempt.clone();
    let end = EndAttempt {
        unsettled,
        ..EndAttempt::new(Outcome::Released, "it is over")
    };
    hub.store(move |store| {
        store.end_attempt(&attempt.agent, attempt.ticket, attempt.number, &end, 5)
    });
}

fn commit_something(dir: &Path) -> git2::Oid {
    let count = git(dir, &["rev-list", "--count", "HEAD"]);
    write(dir, "something", &format!("{}-{count}", dir.display()));
    commit_all(dir, "something")
}

/// Text that does not compress below half.
fn noise(size: usize) -> String {
    use rand::{RngExt, SeedableRng};
    let mut random = rand::rngs::StdRng::seed_from_u64(size as u64);
    (0..size)
        .map(|_| char::from(random.random_range(33..127u8)))
        .collect()
}
