//! The account's limits: what one attempt saw keeps everybody from claiming, costs no attempt, and is
//! over when one claim has tried.

use ticket::Actor;
use ticket::attempt::Outcome;
use ticket::halt::{Cause, Trouble, UsageLimit};
use ticket::wire::{EndAttempt, EndProposal, Heartbeat};

use crate::support::{Fixture, POLICY, end, ration, submit};

fn limited(resets_at: Option<i64>) -> EndAttempt {
    EndAttempt {
        trouble: Some(Trouble::Limit(UsageLimit {
            resets_at,
            weekly: false,
        })),
        ..end(Outcome::RateLimited)
    }
}

/// Two tickets; the attempt on the first ran into a limit that is known to end.
fn halted(f: &mut Fixture, said: &EndAttempt) -> i64 {
    let first = f.ticket("first", &[]);
    f.ticket("second", &[]);
    f.claim("a").unwrap();
    f.store
        .end_attempt("a", first, 1, said, POLICY.max_attempts)
        .unwrap();
    first
}

/// The halt's time is over.
fn wait_out(f: &mut Fixture) {
    let mut halt = f.store.halt().unwrap().unwrap();
    halt.until = Some(1);
    let text = serde_json::to_string(&halt).unwrap();
    f.store.set_setting("halt", &text).unwrap();
}

#[test]
fn a_limit_keeps_everybody_from_claiming_and_costs_no_attempt() {
    let mut f = Fixture::new();
    let first = halted(&mut f, &limited(Some(i64::from(i32::MAX))));
    assert!(f.claim("b").is_none());
    assert_eq!(f.show(first).ticket.failures, 0);
    let why = f.human(|q| q.paused()).unwrap().unwrap();
    assert!(why.contains("usage limit") && why.contains("UTC"), "{why}");
    assert!(f.store.begin_proposal("b", ration(5, 0)).unwrap().is_none());
    assert!(f.human(|q| q.resume()).unwrap());
    assert_eq!(f.claim("b").unwrap().background.ticket.ticket.id, first);
}

#[test]
fn one_claim_tries_and_a_served_attempt_lets_all_go_on() {
    let mut f = Fixture::new();
    let first = halted(&mut f, &limited(None));
    wait_out(&mut f);
    assert_eq!(f.claim("b").unwrap().background.ticket.ticket.id, first);
    assert!(f.claim("c").is_none(), "one tries");
    let beat = Heartbeat {
        served: true,
        ..Heartbeat::default()
    };
    f.store.heartbeat("b", first, 2, &beat).unwrap();
    assert!(f.store.halt().unwrap().is_none());
    assert!(f.claim("c").is_some());
    assert!(f.actions().contains(&"halt_lifted".to_owned()));
}

#[test]
fn a_try_that_meets_the_limit_again_waits_again() {
    let mut f = Fixture::new();
    let first = halted(&mut f, &limited(None));
    wait_out(&mut f);
    f.claim("b").unwrap();
    f.store
        .end_attempt("b", first, 2, &limited(None), POLICY.max_attempts)
        .unwrap();
    assert!(f.claim("c").is_none());
    let halt = f.store.halt().unwrap().unwrap();
    assert_eq!(halt.probe, None);
    assert!(halt.until.unwrap() > 1);
}

#[test]
fn a_try_that_ends_before_it_knows_lets_another_try() {
    let mut f = Fixture::new();
    let first = halted(&mut f, &limited(None));
    wait_out(&mut f);
    f.claim("b").unwrap();
    f.human(|q| q.unclaim(first)).unwrap();
    assert!(f.claim("c").is_some());
    assert!(f.claim("d").is_none(), "the other one tries");
}

#[test]
fn a_proposal_run_may_be_what_tries() {
    let mut f = Fixture::new();
    let first = halted(&mut f, &limited(None));
    f.human(|q| q.mark_done(first, None)).unwrap();
    f.human(|q| q.mark_done(2, None)).unwrap();
    wait_out(&mut f);
    let run = f
        .store
        .begin_proposal("b", ration(5, 0))
        .unwrap()
        .unwrap()
        .run;
    assert!(f.store.begin_proposal("c", ration(5, 0)).unwrap().is_none());
    f.store
        .end_proposal("b", run, &EndProposal::default())
        .unwrap();
    assert!(f.store.halt().unwrap().is_none());
}

#[test]
fn a_refused_login_waits_for_the_human_or_for_another_credential() {
    let mut f = Fixture::new();
    let first = halted(&mut f, &end(Outcome::AuthFailed));
    assert_eq!(f.store.halt().unwrap().unwrap().cause, Cause::Login);
    assert!(f.claim("b").is_none());
    assert_eq!(f.show(first).ticket.failures, 0);
    f.store.try_login_again().unwrap();
    f.claim("b").unwrap();
    f.store
        .end_attempt(
            "b",
            first,
            2,
            &end(Outcome::AuthFailed),
            POLICY.max_attempts,
        )
        .unwrap();
    assert!(f.claim("c").is_none(), "it was refused again");
}

#[test]
fn a_broken_service_is_tried_again_by_one() {
    let mut f = Fixture::new();
    let broken = EndAttempt {
        trouble: Some(Trouble::Service),
        ..end(Outcome::InfraFailed)
    };
    halted(&mut f, &broken);
    assert_eq!(f.store.halt().unwrap().unwrap().cause, Cause::Service);
    assert!(f.claim("b").is_none());
    wait_out(&mut f);
    let tries = f.claim("b").unwrap().background.ticket.ticket;
    f.store
        .end_attempt("b", tries.id, tries.attempt, &broken, POLICY.max_attempts)
        .unwrap();
    let halt = f.store.halt().unwrap().unwrap();
    assert_eq!((halt.failures, halt.probe), (2, None));
}

/// A tree may keep the program from starting in one ticket; three in a row are nobody's tree.
#[test]
fn a_program_that_starts_nowhere_halts_everybody() {
    let mut f = Fixture::new();
    let not_started = EndAttempt {
        trouble: Some(Trouble::Program),
        ..end(Outcome::InfraFailed)
    };
    let fail = |f: &mut Fixture| {
        f.ticket("one more", &[]);
        let ticket = f.claim("a").expect("a claim").background.ticket.ticket;
        f.store
            .end_attempt("a", ticket.id, ticket.attempt, &not_started, 3)
            .unwrap();
        f.store.halt().unwrap()
    };
    assert_eq!(fail(&mut f), None);
    assert_eq!(fail(&mut f), None);
    let id = f.ticket("it starts here", &[]);
    let ran = f.claim("b").unwrap().background.ticket.ticket;
    assert_eq!(ran.id, id);
    f.store
        .end_attempt("b", id, 1, &end(Outcome::AgentFailed), 3)
        .unwrap();
    assert_eq!(fail(&mut f), None, "counted from the start again");
    assert_eq!(fail(&mut f), None);
    let halt = fail(&mut f).expect("a halt");
    assert_eq!((halt.cause, halt.failures), (Cause::Program, 1));
    f.ticket("the next", &[]);
    assert!(f.claim("b").is_none());

    wait_out(&mut f);
    let tries = f.claim("b").unwrap().background.ticket.ticket;
    assert!(f.claim("c").is_none(), "one tries");
    f.store
        .submit("b", tries.id, tries.attempt, &submit(&"1".repeat(40)))
        .unwrap();
    assert_eq!(f.store.halt().unwrap(), None);
}

#[test]
fn a_failing_service_shortens_no_limit() {
    let mut f = Fixture::new();
    f.ticket("first", &[]);
    let second = f.ticket("second", &[]);
    f.claim("a").unwrap();
    f.claim("b").unwrap();
    let limit = limited(Some(i64::from(i32::MAX)));
    f.store.end_attempt("a", 1, 1, &limit, 3).unwrap();
    let halt = f.store.halt().unwrap();
    let broken = EndAttempt {
        trouble: Some(Trouble::Service),
        ..end(Outcome::InfraFailed)
    };
    f.store.end_attempt("b", second, 1, &broken, 3).unwrap();
    assert_eq!(f.store.halt().unwrap(), halt);
    assert!(f.claim("c").is_none());
}

#[test]
fn an_outage_that_nobody_saw_the_end_of_is_found() {
    let mut f = Fixture::new();
    let outage = ["docker_lost", "docker_back"];
    let mut last = |action: Option<&str>| {
        if let Some(action) = action {
            let noted = f.store.note(&Actor::Hub, None, action, Some("why"));
            noted.unwrap();
        }
        let last = f.store.last_event_of(&outage).unwrap();
        last.map(|event| event.action)
    };
    assert_eq!(last(None), None);
    assert_eq!(last(Some("docker_lost")).as_deref(), Some("docker_lost"));
    assert_eq!(last(Some("agent_started")).as_deref(), Some("docker_lost"));
    assert_eq!(last(Some("docker_back")).as_deref(), Some("docker_back"));
}
