//! The lander at work: real submissions, a verifier that says what the test wants.

use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use monitor::git::{Oid, Repository};
use ticket::landing::{Landing, LandingState};
use ticket::ticket::TicketChange;
use ticket::wire::VerdictResult::{self, Error, Green, Red};
use ticket::{Actor, Queue, Status};

use crate::fixture::{Hub, commit_all, git, until, write};

const POEM: &str = "one\ntwo\nthree\nfour\nfive\n";

fn hub() -> Hub {
    Hub::with(&[("poem", POEM)])
}

fn always(result: VerdictResult) -> impl Fn(&Repository, Oid) -> VerdictResult + Send {
    move |_, _| result
}

/// Whether the commit's tree has this file.
fn has(repository: &Repository, commit: Oid, file: &str) -> bool {
    let empty = Oid::from_str("4b825dc642cb6eb9a060e54bf8d69288fbee4904").unwrap();
    let files = repository.changes(empty, commit).unwrap();
    files.iter().any(|change| change.path == file.as_bytes())
}

fn status(hub: &Hub, ticket: i64) -> Status {
    let detail = hub.store(move |store| store.session(&Actor::Human).show(ticket));
    detail.ticket.status
}

/// Waits until the refs are these, the base branch aside.
fn wait_for_refs(hub: &Hub, expected: &[String]) {
    let found = until(|| {
        let mut refs = hub.ref_names();
        refs.retain(|name| name != "refs/heads/main");
        (refs == expected).then_some(())
    });
    assert!(
        found.is_some(),
        "{:?} instead of {expected:?}",
        hub.ref_names()
    );
}

#[test]
fn a_green_submission_lands_and_closes_its_ticket() {
    let mut hub = hub();
    let before = hub.head();
    hub.verify_by(always(Green));
    hub.start_landing(1);
    let (attempt, landing) = hub.submission("Say more", &[("more", "x\n")]);
    let landed = hub.wait_until_settled(landing.id);
    assert_eq!(landed.state, LandingState::Landed, "{landed:?}");
    assert_eq!(landed.candidate, Some(hub.head().to_string()));
    assert_eq!(status(&hub, attempt.ticket), Status::Done);
    let head = hub.head().to_string();
    let parent = git(hub.bare.path(), &["rev-parse", &format!("{head}^")]);
    assert_eq!(parent.trim(), before.to_string());
    wait_for_refs(&hub, &[attempt.kept()]);
    let kept = hub.repository().find_commit(&attempt.kept());
    assert_eq!(kept.unwrap().to_string(), landing.commit_id);
}

#[test]
fn a_red_submission_bounces_with_its_log_and_may_come_again() {
    let mut hub = hub();
    let before = hub.head();
    hub.verify_by(|repository, commit| {
        if has(repository, commit, "fixed") {
            Green
        } else {
            Red
        }
    });
    hub.start_landing(1);
    let (attempt, landing) = hub.submission("Say more", &[("more", "x\n")]);
    let bounced = hub.wait_until_settled(landing.id);
    assert_eq!(bounced.state, LandingState::Bounced);
    assert_eq!(
        bounced.reason.as_deref(),
        Some("verify.sh is red on top of main")
    );
    assert_eq!(bounced.log_tail.as_deref(), Some("the log"));
    assert_eq!(hub.head(), before);
    assert_eq!(status(&hub, attempt.ticket), Status::InProgress);
    wait_for_refs(&hub, &[format!("refs/heads/{}", attempt.branch())]);

    let dir = hub.dir.path().join("work-1-1");
    write(&dir, "fixed", "y\n");
    let commit = commit_all(&dir, "fix");
    git(&dir, &["push", "-q", "origin", &attempt.branch()]);
    let again = hub.submit(&attempt, commit);
    assert_eq!(hub.wait_until_settled(again.id).state, LandingState::Landed);
}

#[test]
fn two_that_are_green_alone_and_red_together_do_not_both_land() {
    for window in [1, 2] {
        let mut hub = hub();
        hub.verify_by(|repository, commit| {
            let both = has(repository, commit, "a") && has(repository, commit, "b");
            if both { Red } else { Green }
        });
        let (_, one) = hub.submission("One", &[("a", "x\n")]);
        let (_, two) = hub.submission("Two", &[("b", "x\n")]);
        hub.start_landing(window);
        assert_eq!(hub.wait_until_settled(one.id).state, LandingState::Landed);
        assert_eq!(hub.wait_until_settled(two.id).state, LandingState::Bounced);
        assert!(!has(&hub.repository(), hub.head(), "b"));
    }
}

#[test]
fn a_conflict_bounces_and_names_the_files() {
    let mut hub = hub();
    hub.verify_by(always(Green));
    let (_, one) = hub.submission("One", &[("poem", "1\n")]);
    let (_, two) = hub.submission("Two", &[("poem", "2\n")]);
    hub.start_landing(2);
    assert_eq!(hub.wait_until_settled(one.id).state, LandingState::Landed);
    let bounced = hub.wait_until_settled(two.id);
    assert_eq!(bounced.state, LandingState::Bounced);
    assert_eq!(
        bounced.reason.as_deref(),
        Some("it conflicts with main in poem")
    );
}

#[test]
fn every_commit_of_main_was_green_as_it_is_whatever_the_window() {
    for window in [1, 4] {
        let mut hub = hub();
        let green: Arc<Mutex<HashSet<Oid>>> = Arc::default();
        let seen = green.clone();
        let first = hub.head();
        // Every third file breaks the tree that it comes into.
        hub.verify_by(move |repository, commit| {
            if (0..12)
                .step_by(3)
                .any(|n| has(repository, commit, &format!("file-{n}")))
            {
                return Red;
            }
            seen.lock().unwrap().insert(commit);
            Green
        });
        hub.start_landing(window);
        let landings: Vec<Landing> = (0..12)
            .map(|n| hub.submission("File", &[(&format!("file-{n}"), "x\n")]).1)
            .collect();
        for (n, landing) in landings.iter().enumerate() {
            let settled = hub.wait_until_settled(landing.id);
            let expected = if n % 3 == 0 {
                LandingState::Bounced
            } else {
                LandingState::Landed
            };
            assert_eq!(settled.state, expected, "{settled:?}");
        }
        let commits = git(
            hub.bare.path(),
            &["rev-list", "--first-parent", &format!("{first}..main")],
        );
        let green = green.lock().unwrap();
        assert_eq!(commits.lines().count(), 8);
        assert!(
            commits
                .lines()
                .all(|id| green.contains(&id.parse().unwrap()))
        );
    }
}

#[test]
fn the_more_urgent_lands_first() {
    let mut hub = hub();
    hub.verify_by(always(Green));
    let (_, one) = hub.submission("One", &[("a", "x\n")]);
    let (urgent, two) = hub.submission("Two", &[("b", "x\n")]);
    let change = TicketChange {
        priority: Some(0),
        ..TicketChange::default()
    };
    hub.store(move |store| store.session(&Actor::Human).update(urgent.ticket, &change));
    hub.start_landing(1);
    hub.wait_until_settled(one.id);
    hub.wait_until_settled(two.id);
    let subjects = git(hub.bare.path(), &["log", "--format=%s", "-2", "main"]);
    assert_eq!(subjects, "One\nTwo\n");
}

#[test]
fn a_change_of_the_gate_waits_for_a_human_and_passes_both_gates() {
    let mut hub = hub();
    let before = hub.head();
    let (attempt, landing) = hub.submission("Gate", &[("verify.sh", "#!/bin/sh\n")]);
    hub.start_landing(1);
    let held = hub.wait_until_settled(landing.id);
    assert_eq!(held.state, LandingState::Held);
    assert_eq!(
        held.reason.as_deref(),
        Some("it changes protected paths: verify.sh")
    );
    assert_eq!(hub.head(), before);
    wait_for_refs(&hub, &[attempt.kept()]);

    let ticket = attempt.ticket;
    hub.store(move |store| store.session(&Actor::Human).approve(ticket));
    let job = hub.runtime.block_on(async {
        tokio::time::timeout(crate::fixture::PATIENCE, hub.verifications.next("v1")).await
    });
    let job = job.unwrap().unwrap();
    assert!(job.own_gate_too);
    assert_eq!(job.gate_commit, before.to_string());
    assert_eq!(job.env["TICKET_TITLE"], "Gate");
    let verdict = crate::fixture::verdict(Green);
    hub.verifications.verdict(job.id, "v1", verdict).unwrap();
    let landed = hub.wait_for(landing.id, |l| l.state == LandingState::Landed);
    assert_eq!(landed.candidate, Some(hub.head().to_string()));
}

#[test]
fn a_landing_that_is_cancelled_while_it_is_verified_does_not_land() {
    let mut hub = hub();
    let before = hub.head();
    let (asked, told) = (channel::<()>(), channel::<()>());
    hub.verify_by(move |_, _| {
        asked.0.send(()).unwrap();
        told.1.recv().unwrap();
        Green
    });
    hub.start_landing(1);
    let (attempt, landing) = hub.submission("One", &[("a", "x\n")]);
    asked.1.recv_timeout(crate::fixture::PATIENCE).unwrap();
    let ticket = attempt.ticket;
    hub.store(move |store| store.session(&Actor::Human).unclaim(ticket));
    told.0.send(()).unwrap();
    // The next one lands, and by then the cancelled one would have.
    told.0.send(()).unwrap();
    let (_, next) = hub.submission("Two", &[("b", "x\n")]);
    assert_eq!(hub.wait_until_settled(next.id).state, LandingState::Landed);
    let state = hub.store(move |store| store.landing(landing.id)).state;
    assert_eq!(state, LandingState::Cancelled);
    let parent = git(hub.bare.path(), &["rev-parse", "main^"]);
    assert_eq!(parent.trim(), before.to_string());
}

#[test]
fn when_somebody_else_moves_main_the_candidate_is_made_anew() {
    let mut hub = hub();
    let (asked, told) = (channel::<()>(), channel::<()>());
    hub.verify_by(move |_, _| {
        asked.0.send(()).unwrap();
        told.1.recv().unwrap();
        Green
    });
    hub.start_landing(1);
    let (_, landing) = hub.submission("One", &[("a", "x\n")]);
    asked.1.recv_timeout(crate::fixture::PATIENCE).unwrap();
    let origin = hub.dir.path().join("origin");
    write(&origin, "by-hand", "x\n");
    let by_hand = commit_all(&origin, "by hand");
    git(&origin, &["push", "-q", "../repo.git", "main"]);
    told.0.send(()).unwrap();
    asked.1.recv_timeout(crate::fixture::PATIENCE).unwrap();
    told.0.send(()).unwrap();
    assert_eq!(
        hub.wait_until_settled(landing.id).state,
        LandingState::Landed
    );
    let parent = git(hub.bare.path(), &["rev-parse", "main^"]);
    assert_eq!(parent.trim(), by_hand.to_string());
}

#[test]
fn what_cannot_be_verified_bounces() {
    let mut hub = hub();
    hub.verify_by(always(Error));
    hub.start_landing(1);
    let (_, landing) = hub.submission("One", &[("a", "x\n")]);
    let bounced = hub.wait_until_settled(landing.id);
    assert_eq!(bounced.state, LandingState::Bounced);
    assert_eq!(
        bounced.reason.as_deref(),
        Some("verify.sh could not be run")
    );
    assert!(bounced.log_tail.unwrap().contains("could not run it"));
}

#[test]
fn a_submission_whose_runner_has_left_lands_without_it() {
    let mut hub = hub();
    hub.verify_by(always(Green));
    let (attempt, landing) = hub.submission("One", &[("a", "x\n")]);
    let left = attempt.clone();
    let end = ticket::wire::EndAttempt::new(ticket::attempt::Outcome::Released, "it is over");
    hub.store(move |store| store.end_attempt(&left.agent, left.ticket, left.number, &end, 5));
    hub.start_landing(1);
    assert_eq!(
        hub.wait_until_settled(landing.id).state,
        LandingState::Landed
    );
    wait_for_refs(&hub, &[attempt.kept()]);
}

#[test]
fn what_an_ended_attempt_pushed_is_kept_at_once() {
    let mut hub = hub();
    hub.start_landing(1);
    let attempt = hub.attempt("agent-1", "One");
    let commit = hub.push(&attempt, &[("a", "x\n")]);
    let ended = attempt.clone();
    let end = ticket::wire::EndAttempt::new(ticket::attempt::Outcome::AgentFailed, "it is over");
    hub.store(move |store| store.end_attempt(&ended.agent, ended.ticket, ended.number, &end, 5));
    wait_for_refs(&hub, &[attempt.kept()]);
    let row = until(|| {
        let row = hub.store(move |store| store.attempt(attempt.ticket, attempt.number));
        row.snapshot
    });
    assert_eq!(row, Some(commit.to_string()));
}

#[test]
fn the_tree_of_an_unsettled_attempt_is_known_before_it_settles() {
    let mut hub = hub();
    hub.start_landing(1);
    let attempt = hub.attempt("agent-1", "One");
    let commit = hub.push(&attempt, &[("a", "x\n")]);
    let ticket = attempt.ticket;
    hub.store(move |store| store.session(&Actor::Human).unclaim(ticket));
    let snapshot = until(|| hub.store(move |store| store.attempt(ticket, 1)).snapshot);
    assert_eq!(snapshot, Some(commit.to_string()));
    assert_eq!(
        hub.repository().attempt_head(ticket, 1).unwrap(),
        Some(commit),
        "its branch may still move"
    );
}
