//! The landing queue's rows.

use ticket::attempt::Outcome;
use ticket::landing::LandingState;
use ticket::status::Status;
use ticket::ticket::Resolution;

use crate::support::{Fixture, end, submit};

#[test]
fn a_landed_ticket_frees_its_dependents() {
    let mut f = Fixture::new();
    let first = f.ticket("first", &[]);
    let second = f.ticket("second", &[first]);
    f.claim("a").unwrap();
    let landing = f.store.submit("a", first, 1, &submit("c1")).unwrap();
    assert_eq!(f.show(first).ticket.status, Status::Ready);
    f.store.landing_verifying(landing.id, "m1").unwrap();
    assert!(f.claim("b").is_none(), "ready is not done");
    f.store.land(landing.id, "m1").unwrap();
    let shown = f.show(first);
    assert_eq!(shown.ticket.resolution, Some(Resolution::Landed));
    assert_eq!(shown.attempts[0].outcome, Some(Outcome::Landed));
    assert_eq!(shown.attempts[0].snapshot.as_deref(), Some("c1"));
    assert_eq!(f.claim("b").unwrap().background.ticket.ticket.id, second);
    assert!(
        f.store.land(landing.id, "m1").is_err(),
        "nothing lands twice"
    );
}

#[test]
fn the_same_commit_is_submitted_once() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let one = f.store.submit("a", id, 1, &submit("c1")).unwrap();
    let again = f.store.submit("a", id, 1, &submit("c1")).unwrap();
    assert_eq!(one.id, again.id);
    assert!(f.store.submit("a", id, 1, &submit("c2")).is_err());
}

#[test]
fn a_bounce_goes_back_to_the_same_attempt() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let landing = f.store.submit("a", id, 1, &submit("c1")).unwrap();
    f.store
        .bounce(landing.id, "verify.sh is red", Some("log"))
        .unwrap();
    let bounced = f.store.landing(landing.id).unwrap();
    assert_eq!(bounced.state, LandingState::Bounced);
    assert_eq!(bounced.log_tail.as_deref(), Some("log"));
    assert_eq!(f.show(id).ticket.status, Status::InProgress);
    let second = f.store.submit("a", id, 1, &submit("c2")).unwrap();
    assert_ne!(second.id, landing.id);
}

#[test]
fn a_runner_may_leave_while_its_work_waits() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let landing = f.store.submit("a", id, 1, &submit("c1")).unwrap();
    f.store
        .end_attempt("a", id, 1, &end(Outcome::Released), 3)
        .unwrap();
    assert!(!f.store.expire(id, 1, 3).unwrap());
    f.store.bounce(landing.id, "red", None).unwrap();
    let shown = f.show(id);
    assert_eq!(shown.ticket.status, Status::Open);
    assert!(shown.comments[0].body.contains("red"));
    assert_eq!(f.claim("b").unwrap().start_from.as_deref(), Some("c1"));
}

#[test]
fn a_held_landing_waits_for_the_human() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let landing = f.store.submit("a", id, 1, &submit("c1")).unwrap();
    f.store.hold(landing.id, "changes verify.sh").unwrap();
    assert_eq!(f.show(id).attempts[0].outcome, Some(Outcome::NeedsReview));
    f.human(|q| q.approve(id)).unwrap();
    let queued = f.store.landing(landing.id).unwrap();
    assert_eq!(queued.state, LandingState::Queued);
    assert_eq!(queued.approved_by.as_deref(), Some("human"));
    f.store.land(landing.id, "m1").unwrap();
    assert_eq!(f.show(id).attempts[0].outcome, Some(Outcome::Landed));
}

#[test]
fn the_queue_is_ordered_by_priority_then_age() {
    let mut f = Fixture::new();
    let ids: Vec<i64> = (0..3).map(|n| f.ticket(&format!("t{n}"), &[])).collect();
    for id in &ids {
        f.claim("a").unwrap();
        f.store.submit("a", *id, 1, &submit("c")).unwrap();
    }
    let change = ticket::ticket::TicketChange {
        priority: Some(0),
        ..Default::default()
    };
    f.human(|q| q.update(ids[2], &change)).unwrap();
    let order: Vec<i64> = f
        .store
        .landing_queue()
        .unwrap()
        .iter()
        .map(|l| l.ticket_id)
        .collect();
    assert_eq!(order, [ids[2], ids[0], ids[1]]);
}

#[test]
fn what_git_says_has_landed_is_repaired_once() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let landing = f.store.submit("a", id, 1, &submit("c1")).unwrap();
    f.store.landing_verifying(landing.id, "m1").unwrap();
    assert!(f.store.record_landed(id, 1, "m1").unwrap());
    assert!(!f.store.record_landed(id, 1, "m1").unwrap());
    assert!(!f.store.record_landed(999, 1, "m1").unwrap());
    let landing = f.store.landing(landing.id).unwrap();
    assert_eq!(landing.state, LandingState::Landed);
}

#[test]
fn a_finished_ticket_leaves_the_queue() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let landing = f.store.submit("a", id, 1, &submit("c1")).unwrap();
    f.human(|q| q.mark_done(id, Some(Resolution::Cancelled)))
        .unwrap();
    assert_eq!(
        f.store.landing(landing.id).unwrap().state,
        LandingState::Cancelled
    );
    assert!(f.store.landing_verifying(landing.id, "m1").is_err());
}

#[test]
fn every_change_has_its_event() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let landing = f.store.submit("a", id, 1, &submit("c1")).unwrap();
    f.store.landing_verifying(landing.id, "m1").unwrap();
    f.store.land(landing.id, "m1").unwrap();
    assert_eq!(
        f.actions(),
        [
            "created",
            "claimed",
            "submitted",
            "verifying",
            "landed",
            "done"
        ]
    );
}
