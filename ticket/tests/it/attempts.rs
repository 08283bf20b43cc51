//! Claims, leases and how attempts end.

use ticket::attempt::Outcome;
use ticket::error::Error;
use ticket::store::Principal;
use ticket::ticket::TicketChange;
use ticket::wire::{EndAttempt, Heartbeat, Role};
use ticket::{Actor, Queue, Status};

use crate::support::{Fixture, POLICY, end, submit};

#[test]
fn claim_takes_the_highest_priority_then_the_oldest() {
    let mut f = Fixture::new();
    let old = f.ticket("old", &[]);
    let young = f.ticket("young", &[]);
    let urgent = f.ticket("urgent", &[]);
    let change = TicketChange {
        priority: Some(0),
        ..TicketChange::default()
    };
    f.human(|q| q.update(urgent, &change)).unwrap();
    let order: Vec<i64> = (0..3)
        .map(|_| f.claim("agent-1").unwrap().background.ticket.ticket.id)
        .collect();
    assert_eq!(order, [urgent, old, young]);
    assert!(f.claim("agent-1").is_none());
}

#[test]
fn claim_skips_blocked_assigned_and_deferred_tickets() {
    let mut f = Fixture::new();
    let first = f.ticket("first", &[]);
    let second = f.ticket("second", &[first]);
    assert_eq!(f.claim("a").unwrap().background.ticket.ticket.id, first);
    assert!(f.claim("b").is_none(), "the second waits for the first");
    f.store
        .end_attempt("a", first, 1, &end(Outcome::AgentFailed), 3)
        .unwrap();
    assert!(f.claim("b").is_none(), "a failed ticket backs off");
    f.human(|q| q.mark_done(first, None)).unwrap();
    assert_eq!(f.claim("b").unwrap().background.ticket.ticket.id, second);
}

#[test]
fn two_claimers_never_get_the_same_ticket() {
    let mut f = Fixture::new();
    for n in 0..40 {
        f.ticket(&format!("t{n}"), &[]);
    }
    let path = f.path.clone();
    let taken: Vec<i64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|n| {
                let path = path.clone();
                scope.spawn(move || {
                    let mut store = ticket::Store::open(&path).unwrap();
                    let mut mine = Vec::new();
                    while let Some(new) = store.claim(&format!("agent-{n}"), POLICY).unwrap() {
                        mine.push(new.background.ticket.ticket.id);
                    }
                    mine
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|w| w.join().unwrap())
            .collect()
    });
    let mut sorted = taken.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!((taken.len(), sorted.len()), (40, 40));
}

#[test]
fn writes_of_an_ended_attempt_are_refused() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    f.store
        .end_attempt("a", id, 1, &end(Outcome::Released), 3)
        .unwrap();
    let beat = Heartbeat::default();
    for result in [
        f.store.heartbeat("a", id, 1, &beat).map(drop),
        f.store.submit("a", id, 1, &submit("c")).map(drop),
        f.store.end_attempt("a", id, 1, &end(Outcome::Released), 3),
        f.store.may_push(id, 1),
    ] {
        assert!(matches!(result, Err(Error::Stale(_))), "{result:?}");
    }
}

#[test]
fn another_agent_cannot_speak_for_an_attempt() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let beat = Heartbeat::default();
    assert!(f.store.heartbeat("b", id, 1, &beat).is_err());
    assert!(
        f.store
            .end_attempt("b", id, 1, &end(Outcome::Released), 3)
            .is_err()
    );
    assert!(f.store.submit("b", id, 1, &submit("c")).is_err());
}

#[test]
fn the_third_counted_failure_gives_the_ticket_to_the_human() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    for number in 1..=3 {
        let change = TicketChange {
            status: None,
            priority: Some(1),
            ..TicketChange::default()
        };
        f.human(|q| q.update(id, &change)).unwrap();
        wait_is_over(&f, id);
        f.claim("a").unwrap();
        f.store
            .end_attempt("a", id, number, &end(Outcome::VerifyRed), 3)
            .unwrap();
    }
    let shown = f.show(id);
    assert_eq!(shown.ticket.assigned_to.as_deref(), Some("human"));
    assert_eq!(shown.ticket.failures, 3);
    assert!(
        shown.comments[0]
            .body
            .contains("attempt 3 by a: verify-red")
    );
}

#[test]
fn what_the_human_gives_back_is_tried_again() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    let failed = EndAttempt {
        log_tail: Some("assertion failed: 3 = 4\n".into()),
        ..end(Outcome::VerifyRed)
    };
    for number in 1..=3 {
        wait_is_over(&f, id);
        f.claim("a").unwrap();
        f.store.end_attempt("a", id, number, &failed, 3).unwrap();
    }
    let told = f.show(id).comments[0].body.clone();
    assert!(told.contains("assertion failed: 3 = 4"), "{told}");
    assert!(told.contains("ticket unclaim 1"), "{told}");
    assert!(f.claim("a").is_none());
    f.human(|q| q.unclaim(id)).unwrap();
    assert_eq!(f.show(id).ticket.failures, 0);
    assert_eq!(f.claim("a").unwrap().background.ticket.ticket.attempt, 4);
}

#[test]
fn outcomes_that_are_nobodys_fault_do_not_count() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    for (number, outcome) in (1..).zip([
        Outcome::Released,
        Outcome::InfraFailed,
        Outcome::RateLimited,
        Outcome::AuthFailed,
    ]) {
        wait_is_over(&f, id);
        f.claim("a").unwrap();
        f.store
            .end_attempt("a", id, number, &end(outcome), 3)
            .unwrap();
        f.human(|q| q.resume()).unwrap();
    }
    assert_eq!(f.show(id).ticket.failures, 0);
}

#[test]
fn the_wait_after_our_own_failures_grows() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    let mut waits = Vec::new();
    for (number, outcome) in (1..).zip([
        Outcome::InfraFailed,
        Outcome::InfraFailed,
        Outcome::InfraFailed,
        Outcome::Released,
        Outcome::InfraFailed,
    ]) {
        wait_is_over(&f, id);
        f.claim("a").unwrap();
        f.store
            .end_attempt("a", id, number, &end(outcome), 3)
            .unwrap();
        let until = f.show(id).ticket.not_before;
        waits.push(if until == 0 {
            0
        } else {
            until - chrono::Utc::now().timestamp()
        });
    }
    for (wait, expected) in waits.into_iter().zip([10, 20, 40, 0, 10]) {
        assert!(
            (expected - 2..=expected).contains(&wait),
            "{wait} for {expected}"
        );
    }
}

#[test]
fn an_agent_that_blocks_its_ticket_may_still_push_its_tree() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    let question = f.ticket("q", &[]);
    let change = TicketChange {
        assign: Some("human".into()),
        ..TicketChange::default()
    };
    f.human(|q| q.update(question, &change)).unwrap();
    let token = f.claim("a").unwrap().token;
    let actor = Actor::Attempt {
        agent: "a".into(),
        ticket: id,
        attempt: 1,
    };
    f.store.session(&actor).block(id, question).unwrap();
    assert_eq!(f.show(id).ticket.status, Status::Open);
    assert!(matches!(
        f.store.heartbeat("a", id, 1, &Heartbeat::default()),
        Err(Error::Stale(_))
    ));
    f.human(|q| q.answer(question, "42")).unwrap();
    assert!(f.claim("b").is_none(), "the tree has not come yet");
    f.store.may_push(id, 1).unwrap();
    assert!(f.store.principal(&token).unwrap().is_some());
    let settled = EndAttempt {
        snapshot: Some("abc".into()),
        ..end(Outcome::Released)
    };
    f.store.end_attempt("a", id, 1, &settled, 3).unwrap();
    assert!(f.store.principal(&token).unwrap().is_none());
    let next = f.claim("b").unwrap();
    assert_eq!(next.start_from.as_deref(), Some("abc"));
    assert_eq!(next.background.resolved_blockers[0].comments[0].body, "42");
}

#[test]
fn an_expired_lease_frees_the_ticket_once() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    assert!(f.store.expire(id, 1, 3).unwrap());
    assert!(!f.store.expire(id, 1, 3).unwrap());
    wait_is_over(&f, id);
    assert_eq!(f.claim("b").unwrap().background.ticket.ticket.attempt, 2);
    assert!(matches!(f.store.may_push(id, 1), Err(Error::Stale(_))));
}

#[test]
fn a_restarted_runner_is_told_what_it_left_behind() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.store
        .register_agent("agent-1", Role::Worker, None, "one")
        .unwrap();
    let first = f.store.enroll("one").unwrap();
    assert!(first.unfinished.is_none());
    let old = f.claim("agent-1").unwrap().token;
    f.store
        .register_agent("agent-1", Role::Worker, None, "two")
        .unwrap();
    assert!(f.store.principal(&first.token).unwrap().is_none());
    let second = f.store.enroll("two").unwrap();
    let left = second.unfinished.unwrap();
    assert_eq!((left.ticket, left.attempt), (id, 1));
    assert!(f.store.principal(&old).unwrap().is_none());
    assert_eq!(
        f.store.principal(&left.token).unwrap(),
        Some(Principal::Attempt {
            agent: "agent-1".into(),
            ticket: id,
            attempt: 1
        })
    );
}

#[test]
fn a_code_works_once() {
    let mut f = Fixture::new();
    f.store
        .register_agent("agent-1", Role::Worker, None, "code")
        .unwrap();
    f.store.enroll("code").unwrap();
    assert!(matches!(
        f.store.enroll("code"),
        Err(Error::Unauthorized(_))
    ));
    assert!(matches!(
        f.store.enroll("other"),
        Err(Error::Unauthorized(_))
    ));
}

#[test]
fn an_approved_proposal_is_an_open_task() {
    let mut f = Fixture::new();
    let idea = ticket::ticket::NewTicket {
        title: "an idea".into(),
        assign: Some("human".into()),
        ..Default::default()
    };
    let id = f.human(|q| q.create(&idea)).unwrap();
    f.human(|q| q.approve(id)).unwrap();
    assert!(f.human(|q| q.approve(id)).is_err());
    assert_eq!(f.claim("a").unwrap().background.ticket.ticket.id, id);
}

/// As if the ticket's waiting time had passed.
fn wait_is_over(f: &Fixture, id: i64) {
    let conn = rusqlite::Connection::open(&f.path).unwrap();
    conn.execute("UPDATE tickets SET not_before = 0 WHERE id = ?1", [id])
        .unwrap();
}

/// One attempt whose container dies.
fn die(f: &mut Fixture, id: i64, from_outside: bool) {
    wait_is_over(f, id);
    let attempt = f.claim("a").unwrap().background.ticket.ticket.attempt;
    let death = ticket::store::Death {
        from_outside,
        reason: "its container died: exit code 137".into(),
        log_tail: Some("the last line".into()),
    };
    f.store.attempt_died("a", &death).unwrap();
    let killed = EndAttempt::new(Outcome::InfraFailed, "the runner was killed");
    f.store.end_attempt("a", id, attempt, &killed, 3).unwrap();
}

#[test]
fn a_ticket_whose_container_dies_again_and_again_goes_to_the_human() {
    let mut f = Fixture::new();
    let id = f.ticket("poison", &[]);
    die(&mut f, id, false);
    die(&mut f, id, false);
    assert_eq!(f.show(id).ticket.assigned_to, None);
    die(&mut f, id, false);
    let shown = f.show(id);
    assert_eq!(shown.ticket.assigned_to.as_deref(), Some("human"));
    assert_eq!(shown.ticket.failures, 0, "it costs no attempt");
    let told = &shown.comments.last().unwrap().body;
    for words in [
        "attempt 3 by a: infra-failed: its container died: exit code 137",
        "the last line",
    ] {
        assert!(told.contains(words), "{told}");
    }
    assert!(f.actions().contains(&"quarantined".to_owned()));
}

#[test]
fn a_container_that_is_killed_from_outside_may_be_killed_more_often() {
    let mut f = Fixture::new();
    let id = f.ticket("luckless", &[]);
    for _ in 0..8 {
        die(&mut f, id, true);
    }
    assert_eq!(f.show(id).ticket.assigned_to, None);
    die(&mut f, id, true);
    assert_eq!(f.show(id).ticket.assigned_to.as_deref(), Some("human"));
}

#[test]
fn an_attempt_that_ends_by_itself_begins_the_row_of_deaths_anew() {
    let mut f = Fixture::new();
    let id = f.ticket("shaky", &[]);
    die(&mut f, id, false);
    die(&mut f, id, false);
    wait_is_over(&f, id);
    let attempt = f.claim("a").unwrap().background.ticket.ticket.attempt;
    let red = EndAttempt::new(Outcome::VerifyRed, "red");
    f.store.end_attempt("a", id, attempt, &red, 3).unwrap();
    die(&mut f, id, false);
    die(&mut f, id, false);
    assert_eq!(f.show(id).ticket.assigned_to, None);
}

#[test]
fn a_death_says_nothing_about_work_in_the_landing_queue() {
    let mut f = Fixture::new();
    let id = f.ticket("submitted", &[]);
    f.claim("a").unwrap();
    f.store.submit("a", id, 1, &submit("c")).unwrap();
    let death = ticket::store::Death {
        from_outside: false,
        reason: "its container died".into(),
        log_tail: None,
    };
    f.store.attempt_died("a", &death).unwrap();
    assert_eq!(f.store.attempt(id, 1).unwrap().reason, None);
}
