//! Whatever is done to the queue, in whatever order: the doctor finds nothing wrong, and all of it can
//! be taken along.

use std::collections::BTreeSet;
use std::io::Cursor;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ticket::attempt::Outcome;
use ticket::comment::NewComment;
use ticket::filter::ClaimFilter;
use ticket::learning::NewLearning;
use ticket::store::doctor;
use ticket::ticket::{NewTicket, TicketChange, TicketType};
use ticket::wire::{EndAttempt, Heartbeat};
use ticket::{Actor, Queue, Status};

use crate::support::{Fixture, POLICY, end, submit};

const STEPS: usize = 400;

#[test]
fn whatever_is_done_the_doctor_finds_nothing_wrong_and_all_of_it_comes_along() {
    let mut happened = BTreeSet::new();
    for seed in 0..6 {
        let mut f = Fixture::new();
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..STEPS {
            step(&mut f, &mut rng);
        }
        happened.extend(f.actions());
        let found = doctor::examine(&f.path).unwrap();
        assert_eq!(found.faults(), 0, "seed {seed}: {}", found.text());

        let exported = export(&mut f);
        let mut other = Fixture::new();
        import(&mut other, &exported);
        assert!(
            export(&mut other) == exported,
            "seed {seed}: the bytes differ"
        );
        let restored = doctor::examine(&other.path).unwrap();
        assert_eq!(restored, found, "seed {seed}");
        // And once more beside themselves, where both go on.
        import(&mut other, &exported);
        assert_eq!(other.store.live_attempts().unwrap().len(), live(&f));
        for _ in 0..STEPS / 4 {
            step(&mut other, &mut rng);
        }
        let merged = doctor::examine(&other.path).unwrap();
        assert_eq!(merged.faults(), 0, "seed {seed}: {}", merged.text());
    }
    for action in [
        "approved",
        "attempt_ended",
        "blocker_added",
        "bounced",
        "done",
        "held",
        "landed",
        "learned",
        "lease_expired",
        "submitted",
        "unclaimed",
    ] {
        assert!(happened.contains(action), "it never came to '{action}'");
    }
}

fn export(f: &mut Fixture) -> String {
    let mut out = Vec::new();
    f.human(|q| q.export(&mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

fn import(f: &mut Fixture, lines: &str) {
    let lines = Cursor::new(lines.as_bytes().to_vec());
    f.human(|q| q.import(Box::new(lines))).unwrap();
}

fn live(f: &Fixture) -> usize {
    f.store.live_attempts().unwrap().len()
}

/// One thing that somebody does; the queue may refuse it.
fn step(f: &mut Fixture, rng: &mut StdRng) {
    let tickets = f.store.status_counts().unwrap().values().sum::<u64>();
    let last = i64::try_from(tickets).unwrap().max(1);
    let id = rng.random_range(1..=last);
    let other = rng.random_range(1..=last);
    match rng.random_range(0..8) {
        0 | 1 => make(f, rng, other),
        2 => relate(f, rng, id, other),
        3 | 4 => work(f, rng),
        5 => land(f, rng),
        _ => decide(f, rng, id),
    }
}

fn make(f: &mut Fixture, rng: &mut StdRng, other: i64) {
    let kind = TicketType::ALL[rng.random_range(0..TicketType::ALL.len())];
    let flag = |rng: &mut StdRng| rng.random_range(0..3) == 0;
    let new = NewTicket {
        title: format!("ticket {}", rng.random_range(0..99)),
        description: flag(rng).then(|| "a\ntext".to_owned()),
        parent: flag(rng).then_some(other),
        assign: flag(rng).then(|| "human".to_owned()),
        blocked_by: flag(rng).then_some(other).into_iter().collect(),
        block_dependents_of: flag(rng).then_some(other).into_iter().collect(),
        kind: flag(rng).then_some(kind),
        priority: Some(rng.random_range(0..5)),
        labels: flag(rng).then(|| "x".to_owned()).into_iter().collect(),
        wait_for_children: flag(rng),
        ..NewTicket::default()
    };
    let _ = f.human(|q| q.create(&new));
}

fn relate(f: &mut Fixture, rng: &mut StdRng, id: i64, other: i64) {
    let change = TicketChange {
        parent: Some(if rng.random_range(0..3) == 0 {
            0
        } else {
            other
        }),
        ..TicketChange::default()
    };
    let _ = f.human(|q| match rng.random_range(0..6) {
        0 | 1 => q.block(id, other),
        2 => q.unblock(id, other),
        3 => q.update(id, &change),
        4 => q.comment(id, &NewComment::new("said")).map(drop),
        _ => {
            let new = NewLearning {
                body: format!("it is so {}", rng.random_range(0..5)),
                ticket: Some(id),
                ..NewLearning::default()
            };
            q.learn(&new).map(drop)
        }
    });
}

/// A runner or a script claims, works and ends.
fn work(f: &mut Fixture, rng: &mut StdRng) {
    if rng.random_range(0..2) == 0 {
        match rng.random_range(0..2) {
            0 => drop(f.store.claim("agent-1", POLICY)),
            _ => drop(f.human(|q| q.claim_next("script", &ClaimFilter::default()))),
        }
        return;
    }
    let live = f.store.live_attempts().unwrap();
    let Some(attempt) = pick(&live, rng) else {
        return;
    };
    let (agent, id, number) = (&attempt.agent, attempt.ticket_id, attempt.number);
    let agent_itself = Actor::Attempt {
        agent: agent.clone(),
        ticket: id,
        attempt: number,
    };
    let outcomes = [
        Outcome::AgentFailed,
        Outcome::Released,
        Outcome::InfraFailed,
    ];
    let ending = EndAttempt {
        unsettled: rng.random_range(0..2) == 0,
        ..end(outcomes[rng.random_range(0..outcomes.len())])
    };
    let beat = Heartbeat {
        phase: Some("verify".into()),
        ..Heartbeat::default()
    };
    let _ = match rng.random_range(0..6) {
        0 => f.store.heartbeat(agent, id, number, &beat).map(drop),
        1 => f.store.submit(agent, id, number, &submit("c")).map(drop),
        2 => f.store.end_attempt(agent, id, number, &ending, 3),
        3 => f.store.expire(id, number, 3).map(drop),
        4 => f.store.session(&agent_itself).unclaim(id),
        _ => f.store.session(&agent_itself).complete(id),
    };
}

fn land(f: &mut Fixture, rng: &mut StdRng) {
    let queue = f.store.landing_queue().unwrap();
    let Some(landing) = pick(&queue, rng) else {
        return;
    };
    let (id, ticket) = (landing.id, landing.ticket_id);
    let _ = match rng.random_range(0..7) {
        0 => f.store.landing_verifying(id, "candidate"),
        1 => f.store.landing_requeue(id),
        2 => f.store.hold(id, "protected"),
        3 => f.store.bounce(id, "red", None),
        4 => f.store.land(id, "candidate"),
        5 => f.human(|q| q.approve(ticket)),
        _ => f.human(|q| q.reject(ticket, "no")),
    };
}

/// What only the human does.
fn decide(f: &mut Fixture, rng: &mut StdRng, id: i64) {
    let status = Status::ALL[rng.random_range(0..Status::ALL.len())];
    let change = TicketChange {
        status: (rng.random_range(0..2) == 0).then_some(status),
        assign: (rng.random_range(0..2) == 0).then(|| "somebody".to_owned()),
        title: Some("changed".into()),
        not_before: Some(0),
        add_labels: vec!["y".into()],
        ..TicketChange::default()
    };
    let _ = f.human(|q| match rng.random_range(0..9) {
        0 => q.answer(id, "so"),
        1 => q.approve(id),
        2 => q.reject(id, "no"),
        3 => q.pass(id, None),
        4 => q.fail(id, "wrong").map(drop),
        5 => q.mark_done(id, None),
        6 => q.complete(id),
        7 => q.unclaim(id),
        _ => q.update(id, &change),
    });
}

fn pick<'a, T>(all: &'a [T], rng: &mut StdRng) -> Option<&'a T> {
    let count = all.len();
    (count > 0).then(|| &all[rng.random_range(0..count)])
}
