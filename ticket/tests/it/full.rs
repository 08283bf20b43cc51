//! A queue in which everything has happened that can happen: what export, backup and doctor look at.

use ticket::attempt::Outcome;
use ticket::comment::NewComment;
use ticket::learning::NewLearning;
use ticket::ticket::{NewTicket, TicketType};
use ticket::wire::Heartbeat;

use crate::support::{Fixture, end, submit};

/// Each kind of row, of status, of attempt and of landing.
pub fn queue() -> Fixture {
    let mut f = Fixture::new();
    landings(&mut f);
    attempts(&mut f);
    relations(&mut f);
    let new = |body: &str, category: Option<&str>| NewLearning {
        body: body.into(),
        category: category.map(Into::into),
        ticket: Some(1),
        ..NewLearning::default()
    };
    f.human(|q| q.learn(&new("tests need a port", None)))
        .unwrap();
    f.human(|q| q.learn(&new("tests need a port", Some("ports"))))
        .unwrap();
    f.human(|q| q.pause("a look at \u{202e}everything"))
        .unwrap();
    f
}

/// #1 landed, #2 bounced and goes on, #3 is held, #4 waits to land.
fn landings(f: &mut Fixture) {
    let titles = ["landed", "bounced", "held", "queued"];
    let ids = titles.map(|title| f.ticket(title, &[]));
    let landings = ids.map(|id| {
        assert_eq!(f.claim("lander").unwrap().background.ticket.ticket.id, id);
        let commit = format!("commit-{id}");
        f.store
            .submit("lander", id, 1, &submit(&commit))
            .unwrap()
            .id
    });
    f.store.landing_verifying(landings[0], "candidate").unwrap();
    f.store.land(landings[0], "candidate").unwrap();
    f.store
        .bounce(landings[1], "red", Some("the end of\nthe log"))
        .unwrap();
    f.store.hold(landings[2], "changes verify.sh").unwrap();
}

/// #5 failed once and is worked on again, #6 was given back.
fn attempts(f: &mut Fixture) {
    let tried = f.ticket("tried twice", &[]);
    f.claim("a").unwrap();
    f.store
        .end_attempt("a", tried, 1, &end(Outcome::AgentFailed), 3)
        .unwrap();
    let now = ticket::ticket::TicketChange {
        not_before: Some(0),
        ..Default::default()
    };
    f.human(|q| q.update(tried, &now)).unwrap();
    f.claim("b").unwrap();
    let beat = Heartbeat {
        phase: Some("agent".into()),
        session_id: Some("session".into()),
        ..Heartbeat::default()
    };
    f.store.heartbeat("b", tried, 2, &beat).unwrap();
    f.store.set_base(tried, 2, "base").unwrap();
    let back = f.ticket("given back", &[]);
    f.claim("c").unwrap();
    f.human(|q| q.unclaim(back)).unwrap();
}

/// #7 waits for its child #8, and #9 for both; #10 is an answered question, #11 a turned down
/// proposal, #12 a failed check with what it left behind.
fn relations(f: &mut Fixture) {
    let parent = NewTicket {
        title: "a parent – “quoted” \\ 'so'".into(),
        description: Some("多行\n\ttext\u{0}\u{1b}[31m \u{1f980} {\"json\":1}".into()),
        wait_for_children: true,
        labels: vec!["ui".into(), "Größe".into()],
        priority: Some(0),
        not_before: Some(4_000_000_000),
        ..NewTicket::default()
    };
    let parent = f.human(|q| q.create(&parent)).unwrap();
    let child = NewTicket {
        title: "a child".into(),
        parent: Some(parent),
        created_by: Some("somebody".into()),
        ..NewTicket::default()
    };
    let child = f.human(|q| q.create(&child)).unwrap();
    let waits = f.ticket("waits", &[parent, child]);
    f.human(|q| q.unblock(waits, parent)).unwrap();
    f.human(|q| q.block(waits, parent)).unwrap();
    let first = f
        .human(|q| q.comment(child, &NewComment::new("one\ntwo")))
        .unwrap();
    let reply = NewComment {
        author: Some("a b".into()),
        reply_to: Some(first),
        ..NewComment::new("three")
    };
    f.human(|q| q.comment(parent, &NewComment::new("between")))
        .unwrap();
    f.human(|q| q.comment(child, &reply)).unwrap();
    let mut of_human = |title: &str, kind, blocked_by| {
        let new = NewTicket {
            title: title.into(),
            assign: Some("human".into()),
            kind: Some(kind),
            blocked_by,
            ..NewTicket::default()
        };
        f.human(|q| q.create(&new)).unwrap()
    };
    let question = of_human("which?", TicketType::Question, vec![1]);
    let idea = of_human("an idea", TicketType::Proposal, vec![]);
    let check = of_human("a check", TicketType::Verify, vec![child]);
    f.ticket("waits for the check", &[check]);
    f.human(|q| q.answer(question, "this")).unwrap();
    f.human(|q| q.reject(idea, "no")).unwrap();
    f.human(|q| q.fail(check, "it is wrong")).unwrap();
}
