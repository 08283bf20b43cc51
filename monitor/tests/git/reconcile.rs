//! The start of a hub after a kill at each step of a landing.

use monitor::git::Oid;
use monitor::lander::build::{Built, build};
use monitor::reconcile::{self, Repairs};
use ticket::landing::{Landing, LandingState};
use ticket::wire::VerdictResult::Green;
use ticket::{Actor, Queue, Status};

use crate::fixture::{Attempt, Hub, write};

fn start(hub: &Hub) -> Repairs {
    hub.runtime
        .block_on(reconcile::run(&hub.bare, &hub.database))
        .unwrap()
}

/// A hub that started once, with one submission.
fn submitted() -> (Hub, Attempt, Landing) {
    let hub = Hub::with(&[("README", "hello\n")]);
    assert_eq!(start(&hub), Repairs::default());
    let (attempt, landing) = hub.submission("One", &[("a", "x\n")]);
    (hub, attempt, landing)
}

fn candidate(hub: &Hub, landing: &Landing) -> Oid {
    match build(&hub.repository(), landing, hub.head(), 1_700_000_000).unwrap() {
        Built::Candidate { commit, .. } => commit,
        other => panic!("no candidate: {other:?}"),
    }
}

/// After the start everything is in order: the work is on main once, and nothing is left over.
fn ends_well(hub: Hub, attempt: &Attempt, landing: &Landing) {
    let mut hub = hub.restarted();
    start(&hub);
    assert_eq!(
        start(&hub),
        Repairs::default(),
        "the second start finds nothing"
    );
    hub.verify_by(|_, _| Green);
    hub.start_landing(1);
    let landed = hub.wait_for(landing.id, |l| l.state == LandingState::Landed);
    assert_eq!(landed.candidate, Some(hub.head().to_string()));
    hub.stop_landing();
    start(&hub);
    let id = attempt.ticket;
    let detail = hub.store(move |store| store.session(&Actor::Human).show(id));
    assert_eq!(detail.ticket.status, Status::Done);
    let count = crate::fixture::git(hub.bare.path(), &["rev-list", "--count", "main"]);
    assert_eq!(count.trim(), "2", "landed once");
    assert_eq!(hub.ref_names(), [&attempt.kept(), "refs/heads/main"]);
}

#[test]
fn killed_before_the_candidate() {
    let (hub, attempt, landing) = submitted();
    ends_well(hub, &attempt, &landing);
}

#[test]
fn killed_after_the_candidate() {
    let (hub, attempt, landing) = submitted();
    candidate(&hub, &landing);
    ends_well(hub, &attempt, &landing);
}

#[test]
fn killed_while_verifying() {
    let (hub, attempt, landing) = submitted();
    let commit = candidate(&hub, &landing).to_string();
    hub.store(move |store| store.landing_verifying(landing.id, &commit));
    let repairs = start(&hub);
    assert_eq!(repairs.requeued, [landing.id]);
    ends_well(hub, &attempt, &landing);
}

#[test]
fn killed_after_main_moved() {
    let (hub, attempt, landing) = submitted();
    let commit = candidate(&hub, &landing);
    let name = commit.to_string();
    hub.store(move |store| store.landing_verifying(landing.id, &name));
    hub.repository().advance(hub.head(), commit).unwrap();
    let repairs = start(&hub);
    assert_eq!(repairs.landed, [attempt.ticket]);
    assert_eq!(repairs.requeued, Vec::<i64>::new());
    ends_well(hub, &attempt, &landing);
}

#[test]
fn killed_before_the_branch_was_kept() {
    let (hub, attempt, landing) = submitted();
    let commit = candidate(&hub, &landing);
    let name = commit.to_string();
    hub.repository().advance(hub.head(), commit).unwrap();
    hub.store(move |store| store.land(landing.id, &name));
    let repairs = start(&hub);
    assert_eq!((repairs.kept, repairs.landed), (1, Vec::new()));
    ends_well(hub, &attempt, &landing);
}

#[test]
fn killed_between_keeping_and_deleting_the_branch() {
    let (hub, attempt, landing) = submitted();
    let commit = candidate(&hub, &landing);
    let name = commit.to_string();
    hub.repository().advance(hub.head(), commit).unwrap();
    hub.store(move |store| store.land(landing.id, &name));
    let kept = attempt.kept();
    crate::fixture::git(hub.bare.path(), &["update-ref", &kept, &landing.commit_id]);
    ends_well(hub, &attempt, &landing);
}

#[test]
fn killed_while_holding_locks() {
    let (hub, attempt, landing) = submitted();
    let locks = [
        "refs/heads/main.lock",
        "packed-refs.lock",
        "refs/candidates/1.lock",
    ];
    for lock in locks {
        write(hub.bare.path(), lock, "");
    }
    let repairs = start(&hub);
    assert_eq!(repairs.leftovers, locks.len());
    ends_well(hub, &attempt, &landing);
}

#[test]
fn the_branch_of_a_live_attempt_stays() {
    let (hub, attempt, _) = submitted();
    let other = hub.attempt("agent-2", "Two");
    hub.push(&other, &[("b", "x\n")]);
    start(&hub);
    let expected = [&attempt, &other].map(|a| format!("refs/heads/{}", a.branch()));
    let mut refs = hub.ref_names();
    refs.retain(|name| name.starts_with("refs/heads/ticket/"));
    assert_eq!(refs, expected);
}

#[test]
fn trailers_of_an_earlier_database_finish_no_ticket() {
    let (hub, _, landing) = submitted();
    let commit = candidate(&hub, &landing);
    hub.repository().advance(hub.head(), commit).unwrap();
    // The same repository with a database of its own, in which ticket 1 is another one.
    let path = hub.dir.path().join("new.db");
    ticket::Store::migrate(&path, &mut |_| ()).unwrap();
    let store = ticket::Store::open(&path).unwrap();
    let database = monitor::database::Database::new(store).unwrap();
    hub.runtime.block_on(async {
        let new = ticket::ticket::NewTicket {
            title: "Another".into(),
            ..ticket::ticket::NewTicket::default()
        };
        database
            .call(move |s| s.session(&Actor::Human).create(&new))
            .await
            .unwrap();
        let repairs = reconcile::run(&hub.bare, &database).await.unwrap();
        assert_eq!(repairs.landed, Vec::<i64>::new());
        let shown = database
            .call(|s| s.session(&Actor::Human).show(1))
            .await
            .unwrap();
        assert_eq!(shown.ticket.status, Status::Open);
    });
}
