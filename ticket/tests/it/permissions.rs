//! What an agent CLI may do with its attempt's token, and what only a human may.

use ticket::attempt::Outcome;
use ticket::comment::NewComment;
use ticket::error::Error;
use ticket::filter::ClaimFilter;
use ticket::ticket::{HUMAN, NewTicket, Resolution, TicketChange, TicketType};
use ticket::{Actor, Queue, Status};

use crate::support::Fixture;

fn agent(ticket: i64) -> Actor {
    Actor::Attempt {
        agent: "a".into(),
        ticket,
        attempt: 1,
    }
}

#[test]
fn an_agent_writes_only_where_it_works() {
    let mut f = Fixture::new();
    let own = f.ticket("own", &[]);
    let other = f.ticket("other", &[]);
    f.claim("a").unwrap();
    f.claim("b").unwrap();
    let change = TicketChange {
        title: Some("x".into()),
        ..Default::default()
    };
    let mut session = f.store.session(&agent(own));
    session.comment(own, &NewComment::new("mine")).unwrap();
    for refused in [
        session.comment(other, &NewComment::new("theirs")).map(drop),
        session.complete(other),
        session.unclaim(other),
        session.update(other, &change),
        session.block(other, own),
        session.mark_done(own, None),
        session.mark_done(other, None),
        session.answer(other, "x"),
        session.approve(other),
        session.reject(other, "x"),
        session.claim_next("a", &ClaimFilter::default()).map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    assert_eq!(f.show(other).ticket.status, Status::InProgress);
}

#[test]
fn an_agent_signs_with_its_own_name() {
    let mut f = Fixture::new();
    let own = f.ticket("own", &[]);
    f.claim("a").unwrap();
    let new = NewTicket {
        title: "follow-up".into(),
        created_by: Some("human".into()),
        ..Default::default()
    };
    let mut session = f.store.session(&agent(own));
    let made = session.create(&new).unwrap();
    let forged = NewComment {
        author: Some("human".into()),
        ..NewComment::new("x")
    };
    session.comment(own, &forged).unwrap();
    session
        .comment(made, &NewComment::new("its own ticket"))
        .unwrap();
    assert_eq!(f.show(made).ticket.created_by, "a");
    assert_eq!(f.show(own).comments[0].author, "a");
}

#[test]
fn an_agent_that_says_complete_finishes_nothing() {
    let mut f = Fixture::new();
    let own = f.ticket("own", &[]);
    f.claim("a").unwrap();
    f.store.session(&agent(own)).complete(own).unwrap();
    assert_eq!(f.show(own).ticket.status, Status::InProgress);
    assert!(f.actions().contains(&"completed".to_owned()));
}

#[test]
fn that_nothing_has_to_change_is_said_by_the_agent_and_decided_by_the_human() {
    let mut f = Fixture::new();
    for accepted in [true, false] {
        let own = f.ticket("own", &[]);
        let other = f.ticket("other", &[]);
        f.claim("a").unwrap();
        let mut session = f.store.session(&agent(own));
        assert!(session.no_change(own, " ").is_err(), "a reason is needed");
        assert!(session.no_change(other, "why").is_err(), "not its ticket");
        session.no_change(own, "It is there already").unwrap();
        let said = f.show(own);
        assert_eq!(said.ticket.status, Status::Ready);
        assert_eq!(said.ticket.assigned_to.as_deref(), Some("human"));
        assert_eq!(said.attempts[0].outcome, Some(Outcome::NoChange));
        assert_eq!(
            said.attempts[0].reason.as_deref(),
            Some("It is there already")
        );
        assert_eq!(said.ticket.failures, 0);
        assert_eq!(said.comments[0].author, "a");
        if accepted {
            f.human(|q| q.approve(own)).unwrap();
            let done = f.show(own).ticket;
            assert_eq!(done.status, Status::Done);
            assert_eq!(done.resolution, Some(Resolution::NoChange));
        } else {
            f.human(|q| q.reject(own, "Look again")).unwrap();
            let open = f.show(own);
            assert_eq!(open.ticket.status, Status::Open);
            assert_eq!(open.ticket.assigned_to, None);
            assert_eq!(open.comments[1].body, "Look again");
            assert!(f.human(|q| q.approve(own)).is_err(), "it is decided");
        }
        f.human(|q| q.mark_done(other, None)).unwrap();
    }
    let open = f.ticket("open", &[]);
    let error = f.human(|q| q.no_change(open, "why")).unwrap_err();
    assert!(error.to_string().contains("mark-done"), "{error}");
}

#[test]
fn an_agent_assigns_work_to_nobody_but_the_human() {
    let mut f = Fixture::new();
    let own = f.ticket("own", &[]);
    f.claim("a").unwrap();
    let new = |who: &str| NewTicket {
        title: "t".into(),
        assign: Some(who.into()),
        ..Default::default()
    };
    let mut session = f.store.session(&agent(own));
    assert!(session.create(&new("human")).is_ok());
    assert!(session.create(&new("agent-2")).is_err());
}

#[test]
fn circles_of_blockers_are_shown() {
    let mut f = Fixture::new();
    let one = f.ticket("1", &[]);
    let two = f.ticket("2", &[one]);
    let three = f.ticket("3", &[two]);
    let refused = f.human(|q| q.block(one, three)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "that would be a circle of blockers: #1 waits for #3 waits for #2 waits for #1"
    );
    assert!(f.human(|q| q.block(one, one)).is_err());
}

#[test]
fn what_an_agent_asks_waits_for_the_human_whomever_it_names() {
    let mut f = Fixture::new();
    let own = f.ticket("own", &[]);
    f.claim("a").unwrap();
    let asked = |kind, assign: Option<&str>| NewTicket {
        title: "which?".into(),
        kind: Some(kind),
        assign: assign.map(Into::into),
        ..Default::default()
    };
    let mut session = f.store.session(&agent(own));
    let mut made = Vec::new();
    for kind in [
        TicketType::Question,
        TicketType::Proposal,
        TicketType::Verify,
    ] {
        made.push(session.create(&asked(kind, None)).unwrap());
        made.extend(session.create_all(&[asked(kind, Some(""))]).unwrap());
    }
    let task = session.create(&asked(TicketType::Task, None)).unwrap();
    let turned = session.create(&asked(TicketType::Task, None)).unwrap();
    let into_question = TicketChange {
        kind: Some(TicketType::Question),
        ..Default::default()
    };
    session.update(turned, &into_question).unwrap();
    made.push(turned);
    session.update(own, &into_question).unwrap();
    for id in made {
        let assigned = f.show(id).ticket.assigned_to;
        assert_eq!(assigned.as_deref(), Some(HUMAN), "ticket {id}");
    }
    assert_eq!(f.show(own).ticket.assigned_to.as_deref(), Some("a"));
    assert_eq!(f.claim("b").unwrap().background.ticket.ticket.id, task);
    assert!(f.claim("b").is_none());
}

#[test]
fn a_humans_own_question_is_for_whoever_claims_it() {
    let mut f = Fixture::new();
    let question = NewTicket {
        title: "which?".into(),
        kind: Some(TicketType::Question),
        ..Default::default()
    };
    let id = f.human(|q| q.create(&question)).unwrap();
    assert_eq!(f.claim("a").unwrap().background.ticket.ticket.id, id);
}
