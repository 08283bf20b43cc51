//! Messages that wait for their channel, and what waits for the human.

use ticket::attempt::Outcome;
use ticket::notice::{Change, Kind, NewNotice};
use ticket::ticket::{NewTicket, TicketChange, TicketType};
use ticket::waiting::Wanted;
use ticket::{Actor, Queue};

use crate::support::{Fixture, end, submit};

fn tell(key: &str, subject: &str, priority: u8) -> Change {
    Change::Tell(NewNotice {
        key: key.into(),
        kind: Kind::Question,
        subject: subject.into(),
        ticket: None,
        version: None,
        title: key.into(),
        body: String::new(),
        priority,
    })
}

fn waiting(fixture: &Fixture) -> Vec<String> {
    let waiting = fixture.store.outbox_waiting("ntfy").unwrap();
    waiting.into_iter().map(|notice| notice.key).collect()
}

/// The landing of this ticket's first attempt.
fn submitted(f: &mut Fixture, agent: &str, ticket: i64) -> i64 {
    let claimed = f.claim(agent).unwrap().background.ticket.ticket;
    assert_eq!((claimed.id, claimed.attempt), (ticket, 1));
    let landing = f.store.submit(agent, ticket, 1, &submit("c")).unwrap();
    landing.id
}

#[test]
fn messages_and_memory_change_together_and_only_from_what_was_known() {
    let mut f = Fixture::new();
    let store = &mut f.store;
    assert!(
        store
            .outbox_take("ntfy", None, "a", &[tell("1", "x", 3)], 100)
            .unwrap()
    );
    assert!(
        !store
            .outbox_take("ntfy", None, "b", &[tell("2", "y", 3)], 100)
            .unwrap()
    );
    assert_eq!(store.outbox_memory("ntfy").unwrap().as_deref(), Some("a"));
    assert_eq!(waiting(&f), ["1"]);
}

#[test]
fn a_key_is_taken_once_and_a_newer_message_replaces_one_that_waits() {
    let mut f = Fixture::new();
    let changes = [
        tell("1", "x", 3),
        tell("1", "z", 3),
        tell("2", "x", 3),
        tell("3", "y", 3),
    ];
    assert!(
        f.store
            .outbox_take("ntfy", None, "a", &changes, 100)
            .unwrap()
    );
    assert_eq!(waiting(&f), ["2", "3"]);
    let ids: Vec<i64> = f
        .store
        .outbox_waiting("ntfy")
        .unwrap()
        .iter()
        .map(|n| n.id)
        .collect();
    f.store.outbox_sent(&ids[..1], 101).unwrap();
    let changes = [
        tell("2", "x", 3),
        tell("4", "x", 3),
        Change::Withdraw("y".into()),
    ];
    assert!(
        f.store
            .outbox_take("ntfy", Some("a"), "b", &changes, 102)
            .unwrap()
    );
    assert_eq!(waiting(&f), ["4"], "what was sent is not sent again");
}

#[test]
fn the_least_urgent_of_the_oldest_go_when_too_many_wait() {
    let mut f = Fixture::new();
    let mut changes = vec![tell("urgent", "urgent", 5)];
    changes.extend((0..250).map(|n| tell(&n.to_string(), &n.to_string(), 3)));
    assert!(
        f.store
            .outbox_take("ntfy", None, "a", &changes, 100)
            .unwrap()
    );
    let kept = waiting(&f);
    assert_eq!(kept.len(), 200);
    assert_eq!((kept[0].as_str(), kept[1].as_str()), ("urgent", "51"));
}

#[test]
fn a_channel_that_is_not_in_use_keeps_nothing() {
    let mut f = Fixture::new();
    f.store
        .outbox_take("ntfy", None, "a", &[tell("1", "x", 3)], 100)
        .unwrap();
    f.store.outbox_close("ntfy", 101).unwrap();
    assert_eq!(waiting(&f), [""; 0]);
    assert_eq!(f.store.outbox_memory("ntfy").unwrap(), None);
}

#[test]
fn what_waits_for_the_human_is_listed_with_what_is_wanted() {
    let mut f = Fixture::new();
    let mut make = |title: &str, kind: TicketType, blocked_by: &[i64]| {
        let new = NewTicket {
            title: title.into(),
            description: Some(format!("about {title}")),
            kind: Some(kind),
            assign: Some("human".into()),
            blocked_by: blocked_by.into(),
            ..NewTicket::default()
        };
        f.human(|q| q.create(&new)).unwrap()
    };
    let question = make("question", TicketType::Question, &[]);
    make("later", TicketType::Verify, &[question]);
    let proposal = make("proposal", TicketType::Proposal, &[]);
    let verify = make("verify", TicketType::Verify, &[]);
    let work = make("work", TicketType::Task, &[]);
    let hopeless = f.ticket("hopeless", &[]);
    let now = TicketChange {
        not_before: Some(0),
        ..TicketChange::default()
    };
    for _ in 0..3 {
        f.human(|q| q.update(hopeless, &now)).unwrap();
        let attempt = f.claim("agent-1").unwrap().background.ticket.ticket.attempt;
        let red = end(Outcome::VerifyRed);
        f.store
            .end_attempt("agent-1", hopeless, attempt, &red, 3)
            .unwrap();
    }
    let held = f.ticket("held", &[]);
    let landing = submitted(&mut f, "agent-1", held);
    f.store.hold(landing, "it changes verify.sh").unwrap();

    let same = f.ticket("same", &[]);
    f.claim("agent-2").unwrap();
    let agent = Actor::Attempt {
        agent: "agent-2".into(),
        ticket: same,
        attempt: 1,
    };
    let said = f.store.session(&agent).no_change(same, "It is so already.");
    said.unwrap();

    let found = f.store.waiting().unwrap();
    let wanted: Vec<(i64, Wanted)> = found.iter().map(|w| (w.ticket, w.wanted)).collect();
    let mut expected = vec![
        (question, Wanted::Question),
        (proposal, Wanted::Proposal),
        (verify, Wanted::Verify),
        (work, Wanted::Work),
        (hopeless, Wanted::Quarantine),
        (held, Wanted::Held),
        (same, Wanted::NoChange),
    ];
    expected.sort_by_key(|(id, _)| *id);
    let mut sorted = wanted.clone();
    sorted.sort_by_key(|(id, _)| *id);
    assert_eq!(sorted, expected);
    let detail = |id: i64| {
        let one = found.iter().find(|w| w.ticket == id).unwrap();
        one.detail.clone().unwrap()
    };
    assert_eq!(detail(question), "about question");
    assert_eq!(detail(hopeless), "verify-red: because");
    assert_eq!(detail(held), "it changes verify.sh");
    assert_eq!(detail(same), "It is so already.");
}

#[test]
fn agents_have_something_to_do_until_everything_is_done_or_waits() {
    let mut f = Fixture::new();
    assert!(!f.store.todo().unwrap().for_agents);
    let id = f.ticket("work", &[]);
    assert!(f.store.todo().unwrap().for_agents);
    let landing = submitted(&mut f, "agent-1", id);
    assert!(f.store.todo().unwrap().for_agents);
    f.store.hold(landing, "it changes verify.sh").unwrap();
    assert!(!f.store.todo().unwrap().for_agents);
    assert_eq!(f.store.todo().unwrap().unfinished, 1);
}

#[test]
fn red_work_counts_each_ticket_once_until_something_lands() {
    let mut f = Fixture::new();
    let mut tickets = Vec::new();
    for title in ["a", "b"] {
        let id = f.ticket(title, &[]);
        for round in 0..2 {
            let landing = match round {
                0 => submitted(&mut f, title, id),
                _ => f.store.submit(title, id, 1, &submit("c")).unwrap().id,
            };
            let red = f.store.bounce(landing, "verify.sh is red", Some("log"));
            red.unwrap();
        }
        tickets.push(id);
    }
    assert_eq!(
        f.store.refused_in_a_row().unwrap(),
        [tickets[1], tickets[0]]
    );
    let id = tickets[0];
    let landing = f.store.submit("a", id, 1, &submit("c")).unwrap().id;
    f.store.bounce(landing, "a conflict", None).unwrap();
    assert_eq!(f.store.refused_in_a_row().unwrap().len(), 2);
    let landing = f.store.submit("a", id, 1, &submit("c")).unwrap().id;
    f.store.landing_verifying(landing, "d").unwrap();
    f.store.land(landing, "d").unwrap();
    assert!(f.store.refused_in_a_row().unwrap().is_empty());
}
