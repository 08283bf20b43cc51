//! The bare repository's handle: main's compare-and-swap, and what is kept of attempts.

use std::sync::Barrier;

use monitor::git::repository::Advance;
use monitor::git::trailers::LandingText;
use monitor::git::{Oid, Repository};

use crate::fixture::Hub;

fn hub() -> Hub {
    Hub::with(&[("README", "hello\n")])
}

/// A commit on top of `parent` with the parent's tree.
fn on_top(repository: &Repository, parent: Oid, title: &str) -> Oid {
    let text = LandingText {
        ticket: 1,
        attempt: 1,
        title: title.to_owned(),
        summary: None,
        agent: "agent-1".into(),
        time: 0,
    };
    let tree = repository.tree(parent).unwrap();
    repository.commit(tree, parent, &text).unwrap()
}

#[test]
fn main_moves_from_the_head_that_was_seen_and_from_no_other() {
    let hub = hub();
    let repository = hub.repository();
    let first = repository.head().unwrap();
    let second = on_top(&repository, first, "second");
    let rival = on_top(&repository, first, "rival");
    assert_eq!(repository.advance(first, second).unwrap(), Advance::Done);
    let raced = repository.advance(first, rival).unwrap();
    assert_eq!(raced, Advance::Raced { head: second });
    assert_eq!(hub.head(), second);
}

#[test]
fn main_takes_only_one_commit_on_top_of_its_head() {
    let hub = hub();
    let repository = hub.repository();
    let first = repository.head().unwrap();
    let second = on_top(&repository, first, "second");
    let third = on_top(&repository, second, "third");
    assert!(repository.advance(first, third).is_err());
    assert!(repository.advance(first, first).is_err());
    assert_eq!(hub.head(), first);
}

#[test]
fn of_many_rivals_one_moves_main() {
    let hub = hub();
    let first = hub.head();
    let barrier = Barrier::new(8);
    let moved: Vec<Advance> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|n| {
                let (bare, barrier) = (hub.bare.clone(), &barrier);
                scope.spawn(move || {
                    let repository = bare.open().unwrap();
                    let commit = on_top(&repository, first, &n.to_string());
                    barrier.wait();
                    // Another one's lock is no answer: a lander tries again.
                    loop {
                        if let Ok(advance) = repository.advance(first, commit) {
                            return advance;
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let done = moved.iter().filter(|a| **a == Advance::Done).count();
    assert_eq!(done, 1, "{moved:?}");
}

#[test]
fn an_attempt_is_kept_once_and_for_all() {
    let hub = hub();
    let attempt = hub.attempt("agent-1", "Work");
    let repository = hub.repository();
    assert_eq!(repository.keep_attempt(1, 1).unwrap(), None);
    let commit = hub.push(&attempt, &[("file", "x\n")]);
    assert_eq!(repository.attempt_branches().unwrap(), [(1, 1)]);
    for _ in 0..2 {
        assert_eq!(repository.keep_attempt(1, 1).unwrap(), Some(commit));
        assert_eq!(hub.ref_names(), [&attempt.kept(), "refs/heads/main"]);
        assert!(repository.was_pushed(1, 1, commit).unwrap());
    }
}

#[test]
fn objects_and_refs_are_synced_to_the_disk() {
    let hub = hub();
    // git2 reads this setting when it opens a repository; nothing warns of it in git itself.
    drop(hub.repository());
    let settings = std::fs::read_to_string(hub.bare.path().join("swarm.config")).unwrap();
    assert!(settings.contains("fsyncObjectFiles = true"));
    let config = std::fs::read_to_string(hub.bare.path().join("config")).unwrap();
    assert!(!config.contains("fsync"));
}

#[test]
fn commits_of_others_are_not_read_as_landed() {
    let hub = hub();
    let known = hub.head();
    let message = "x\n\nSwarm-Ticket: 1\nSwarm-Attempt: 1\n";
    let dir = hub.dir.path().join("origin");
    crate::fixture::write(&dir, "new", "x");
    crate::fixture::commit_all(&dir, message);
    crate::fixture::git(&dir, &["push", "-q", "../repo.git", "main"]);
    let landed = hub.repository().landed_since(known).unwrap();
    assert_eq!(landed, Some(Vec::new()));
}

#[test]
fn a_commit_outside_of_main_is_no_place_to_read_from() {
    let hub = hub();
    let repository = hub.repository();
    let aside = on_top(&repository, hub.head(), "aside");
    assert_eq!(repository.landed_since(aside).unwrap(), None);
    let nowhere = "1111111111111111111111111111111111111111".parse().unwrap();
    assert_eq!(repository.landed_since(nowhere).unwrap(), None);
}
