//! Answers from a phone: what a code lets its holder do, and what it does not.

use ticket::Status;
use ticket::notice::Kind;
use ticket::reply::{Action, Outcome, Refused, Reply};
use ticket::ticket::{NewTicket, TicketType};

use crate::support::{Fixture, submit};

const NOW: i64 = 1_000_000;
const LATER: i64 = NOW + 3600;

/// A ticket that waits for the human.
fn waits(f: &mut Fixture, kind: TicketType) -> i64 {
    let new = NewTicket {
        title: "Which way to round?".into(),
        kind: Some(kind),
        assign: Some("human".into()),
        ..NewTicket::default()
    };
    f.human(|q| q.create(&new)).unwrap()
}

/// The codes of a message about a ticket as it is now.
fn codes(f: &mut Fixture, ticket: i64, kind: Kind) -> Vec<String> {
    let all = f.store.waiting().unwrap();
    let waiting = all.iter().find(|w| w.ticket == ticket).unwrap();
    let actions = Action::on(kind);
    let made = f
        .store
        .new_reply_codes(ticket, waiting.version, actions, LATER, NOW)
        .unwrap();
    assert_eq!(made.iter().map(|(a, _)| *a).collect::<Vec<_>>(), actions);
    made.into_iter().map(|(_, code)| code).collect()
}

fn say(f: &mut Fixture, message: &str) -> Outcome {
    say_at(f, message, NOW + 1)
}

fn say_at(f: &mut Fixture, message: &str, now: i64) -> Outcome {
    f.store.reply(&Reply::parse(message).unwrap(), now).unwrap()
}

#[test]
fn an_answer_is_written_down_as_the_humans_and_as_by_phone() {
    let mut f = Fixture::new();
    let id = waits(&mut f, TicketType::Question);
    let code = codes(&mut f, id, Kind::Question).remove(0);
    let said = say(&mut f, &format!("{id} {code}: Half up."));
    assert_eq!(said, Outcome::Done(Action::Answer));
    let detail = f.show(id);
    assert_eq!(detail.ticket.status, Status::Done);
    let comment = detail.comments.last().unwrap();
    assert_eq!(
        (comment.author.as_str(), comment.body.as_str()),
        ("human", "Half up.")
    );
    let events = f.store.events_after(0, 100).unwrap();
    let by_phone = events.iter().find(|e| e.action == "replied").unwrap();
    assert_eq!(by_phone.detail.as_deref(), Some("answer by phone"));
    assert_eq!(by_phone.agent_id.as_deref(), Some("human"));
}

#[test]
fn every_action_does_what_the_command_does() {
    for (kind, told, place, text, expected) in [
        (TicketType::Proposal, Kind::Proposal, 0, "", Status::Open),
        (TicketType::Proposal, Kind::Proposal, 1, "", Status::Done),
        (
            TicketType::Proposal,
            Kind::Proposal,
            1,
            ": Not now.",
            Status::Done,
        ),
        (TicketType::Verify, Kind::Verify, 0, "", Status::Done),
        (
            TicketType::Verify,
            Kind::Verify,
            0,
            ": Looks fine.",
            Status::Done,
        ),
        (
            TicketType::Verify,
            Kind::Verify,
            1,
            ": It is blue.",
            Status::Done,
        ),
        (
            TicketType::Task,
            Kind::Quarantine,
            0,
            ": Try Rust.",
            Status::Open,
        ),
    ] {
        let mut f = Fixture::new();
        let id = waits(&mut f, kind);
        let code = codes(&mut f, id, told).swap_remove(place);
        let said = say(&mut f, &format!("{id} {code}{text}"));
        assert!(
            matches!(said, Outcome::Done(_)),
            "{told:?} {place}: {said:?}"
        );
        let detail = f.show(id);
        assert_eq!(detail.ticket.status, expected, "{told:?} {place}");
        if let Some(text) = text.strip_prefix(": ") {
            assert!(detail.comments.iter().any(|c| c.body == text), "{told:?}");
        }
        if expected == Status::Open {
            assert_eq!(
                detail.ticket.assigned_to, None,
                "{told:?} is for the agents again"
            );
        }
    }
}

#[test]
fn a_held_landing_is_let_through_by_its_code() {
    let mut f = Fixture::new();
    let id = f.ticket("change verify.sh", &[]);
    f.claim("agent-1").unwrap();
    let landing = f.store.submit("agent-1", id, 1, &submit("c")).unwrap().id;
    f.store.hold(landing, "it changes verify.sh").unwrap();
    let code = codes(&mut f, id, Kind::Held).remove(0);
    assert_eq!(
        say(&mut f, &format!("{id} {code}")),
        Outcome::Done(Action::Approve)
    );
    assert!(f.store.waiting().unwrap().is_empty());
}

#[test]
fn a_code_works_once_and_takes_the_others_of_its_message_with_it() {
    let mut f = Fixture::new();
    let id = waits(&mut f, TicketType::Proposal);
    let both = codes(&mut f, id, Kind::Proposal);
    let (approve, reject) = (format!("{id} {}", both[0]), format!("{id} {}", both[1]));
    assert_eq!(say(&mut f, &approve), Outcome::Done(Action::Approve));
    let events = f.store.last_event_id().unwrap();
    assert_eq!(say(&mut f, &approve), Outcome::Refused(Refused::Used));
    assert_eq!(say(&mut f, &reject), Outcome::Refused(Refused::Void));
    assert_eq!(f.store.last_event_id().unwrap(), events, "nothing happened");
}

#[test]
fn a_change_of_the_ticket_makes_its_codes_void() {
    let mut f = Fixture::new();
    let id = waits(&mut f, TicketType::Proposal);
    let code = codes(&mut f, id, Kind::Proposal).remove(0);
    let comment = ticket::comment::NewComment::new("It now deletes everything.");
    f.human(|q| q.comment(id, &comment)).unwrap();
    let said = say(&mut f, &format!("{id} {code}"));
    assert_eq!(said, Outcome::Refused(Refused::Changed));
    assert_eq!(f.show(id).ticket.kind, TicketType::Proposal);
    // Another ticket's change does not matter.
    let code = codes(&mut f, id, Kind::Proposal).remove(0);
    waits(&mut f, TicketType::Question);
    assert_eq!(
        say(&mut f, &format!("{id} {code}")),
        Outcome::Done(Action::Approve)
    );
}

#[test]
fn an_old_code_is_refused() {
    let mut f = Fixture::new();
    let id = waits(&mut f, TicketType::Proposal);
    let code = codes(&mut f, id, Kind::Proposal).remove(0);
    let said = say_at(&mut f, &format!("{id} {code}"), LATER);
    assert_eq!(said, Outcome::Refused(Refused::Expired));
    assert_eq!(f.show(id).ticket.status, Status::Open);
}

#[test]
fn a_code_is_no_good_for_another_ticket() {
    let mut f = Fixture::new();
    let (one, other) = (
        waits(&mut f, TicketType::Proposal),
        waits(&mut f, TicketType::Proposal),
    );
    let code = codes(&mut f, one, Kind::Proposal).remove(0);
    codes(&mut f, other, Kind::Proposal);
    assert_eq!(
        say(&mut f, &format!("{other} {code}")),
        Outcome::Unknown(false)
    );
    assert_eq!(f.show(other).ticket.kind, TicketType::Proposal);
    assert_eq!(
        say(&mut f, &format!("{one} {code}")),
        Outcome::Done(Action::Approve)
    );
}

#[test]
fn many_wrong_codes_make_all_of_a_ticket_void_and_are_told_once() {
    let mut f = Fixture::new();
    let id = waits(&mut f, TicketType::Proposal);
    let code = codes(&mut f, id, Kind::Proposal).remove(0);
    let told: Vec<Outcome> = (0..8)
        .map(|n| say(&mut f, &format!("{id} guess{n}")))
        .collect();
    let expected: Vec<Outcome> = (0..8).map(|n| Outcome::Unknown(n == 4)).collect();
    assert_eq!(told, expected);
    let said = say(&mut f, &format!("{id} {code}"));
    assert_eq!(said, Outcome::Refused(Refused::Void));
    assert_eq!(say(&mut f, "4711 guess"), Outcome::Unknown(false));
}

#[test]
fn a_text_where_one_is_missing_or_too_much_leaves_the_code_good() {
    let mut f = Fixture::new();
    let question = waits(&mut f, TicketType::Question);
    let code = codes(&mut f, question, Kind::Question).remove(0);
    let said = say(&mut f, &format!("{question} {code}"));
    assert_eq!(said, Outcome::Refused(Refused::WithoutText));
    let said = say(&mut f, &format!("{question} {code}: Yes."));
    assert_eq!(said, Outcome::Done(Action::Answer));

    let proposal = waits(&mut f, TicketType::Proposal);
    let code = codes(&mut f, proposal, Kind::Proposal).remove(0);
    let said = say(&mut f, &format!("{proposal} {code}: but only half of it"));
    assert_eq!(said, Outcome::Refused(Refused::WithText));
    let said = say(&mut f, &format!("{proposal} {code}"));
    assert_eq!(said, Outcome::Done(Action::Approve));
}

#[test]
fn what_the_queue_refuses_changes_nothing() {
    let mut f = Fixture::new();
    let id = waits(&mut f, TicketType::Question);
    // As if a message had promised something that cannot be done to a question.
    let code = codes(&mut f, id, Kind::Verify).remove(0);
    let events = f.store.last_event_id().unwrap();
    let said = say(&mut f, &format!("{id} {code}"));
    let Outcome::Refused(Refused::ByQueue(why)) = said else {
        panic!("{said:?}");
    };
    assert!(why.contains("not an open verify ticket"), "{why}");
    assert_eq!(f.store.last_event_id().unwrap(), events);
}

#[test]
fn the_database_holds_no_code() {
    let mut f = Fixture::new();
    let id = waits(&mut f, TicketType::Proposal);
    let made = codes(&mut f, id, Kind::Proposal);
    let conn = rusqlite::Connection::open(&f.path).unwrap();
    let kept: Vec<String> = conn
        .prepare("SELECT code_hash FROM reply_codes ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let hashes: Vec<String> = made.iter().map(|code| ticket::secret::hash(code)).collect();
    assert_eq!(kept, hashes);
    assert_ne!(made[0], made[1]);
    f.store.close_replies(NOW).unwrap();
    let said = say(&mut f, &format!("{id} {}", made[0]));
    assert_eq!(said, Outcome::Refused(Refused::Void));
}
