//! What a human says about a ticket, and what follows from it.

use ticket::ticket::{HUMAN, NewTicket, Resolution};
use ticket::{Status, TicketType};

use crate::support::Fixture;

fn check(f: &mut Fixture, title: &str) -> i64 {
    let new = NewTicket {
        title: title.into(),
        description: Some("Look at the menu".into()),
        assign: Some(HUMAN.into()),
        kind: Some(TicketType::Verify),
        priority: Some(1),
        labels: vec!["ui".into()],
        ..NewTicket::default()
    };
    f.human(|q| q.create(&new)).unwrap()
}

#[test]
fn a_failed_check_leads_to_a_fix_and_another_check() {
    let mut f = Fixture::new();
    let check = check(&mut f, "Re-verify: the menu");
    let waits = f.ticket("waits", &[check]);
    let failed = f.human(|q| q.fail(check, "It is upside down")).unwrap();
    let (old, fix, again) = (f.show(check), f.show(failed.fix), f.show(failed.verify));

    assert_eq!(old.ticket.resolution, Some(Resolution::Failed));
    assert_eq!(old.comments[0].body, "It is upside down");
    assert_eq!(fix.ticket.title, "Fix: the menu");
    assert_eq!(fix.ticket.kind, TicketType::Task);
    assert_eq!(fix.ticket.assigned_to, None);
    assert!(fix.ticket.description.unwrap().contains("upside down"));
    assert_eq!(again.ticket.title, "Re-verify: the menu");
    assert_eq!(again.ticket.kind, TicketType::Verify);
    assert_eq!(again.ticket.assigned_to.as_deref(), Some(HUMAN));
    assert_eq!(again.ticket.labels, ["ui"]);
    assert_eq!((fix.ticket.priority, again.ticket.priority), (1, 1));
    assert_eq!(again.blocked_by, [failed.fix]);
    assert_eq!(f.show(waits).blocked_by, [check, failed.verify]);
    assert_eq!(
        f.claim("a").unwrap().background.ticket.ticket.id,
        failed.fix
    );
    assert!(
        f.claim("a").is_none(),
        "the dependent waits for the new check"
    );
    f.human(|q| q.mark_done(failed.fix, None)).unwrap();
    f.human(|q| q.pass(failed.verify, Some("Right side up")))
        .unwrap();
    assert_eq!(
        f.show(failed.verify).ticket.resolution,
        Some(Resolution::Passed)
    );
    assert_eq!(f.claim("a").unwrap().background.ticket.ticket.id, waits);
}

#[test]
fn only_an_open_check_passes_or_fails() {
    let mut f = Fixture::new();
    let task = f.ticket("task", &[]);
    assert!(f.human(|q| q.pass(task, None)).is_err());
    assert!(f.human(|q| q.fail(task, "no")).is_err());
    let check = check(&mut f, "the menu");
    assert!(
        f.human(|q| q.fail(check, " ")).is_err(),
        "a reason is needed"
    );
    f.human(|q| q.pass(check, None)).unwrap();
    assert!(f.human(|q| q.pass(check, None)).is_err());
    assert!(f.human(|q| q.fail(check, "no")).is_err());
}

#[test]
fn an_approved_proposal_is_an_open_task() {
    let mut f = Fixture::new();
    let proposal = NewTicket {
        title: "an idea".into(),
        assign: Some(HUMAN.into()),
        ..NewTicket::default()
    };
    let yes = f.human(|q| q.create(&proposal)).unwrap();
    let no = f.human(|q| q.create(&proposal)).unwrap();
    f.human(|q| q.approve(yes)).unwrap();
    f.human(|q| q.reject(no, "Not now")).unwrap();
    let ticket = f.show(yes).ticket;
    assert_eq!(ticket.kind, TicketType::Task);
    assert_eq!(ticket.status, Status::Open);
    assert_eq!(ticket.assigned_to, None);
    assert_eq!(f.show(no).ticket.resolution, Some(Resolution::Rejected));
    assert!(f.human(|q| q.approve(no)).is_err());
    assert!(f.human(|q| q.approve(yes)).is_err(), "it is a task now");
}

#[test]
fn an_answer_frees_what_waited_for_it() {
    let mut f = Fixture::new();
    let waits = f.ticket("waits", &[]);
    let question = NewTicket {
        title: "Up or down?".into(),
        assign: Some(HUMAN.into()),
        kind: Some(TicketType::Question),
        ..NewTicket::default()
    };
    let question = f.human(|q| q.create(&question)).unwrap();
    f.human(|q| q.block(waits, question)).unwrap();
    f.human(|q| q.answer(question, "Down")).unwrap();
    assert_eq!(
        f.show(question).ticket.resolution,
        Some(Resolution::Answered)
    );
    assert_eq!(
        f.claim("a").unwrap().background.resolved_blockers[0].comments[0].body,
        "Down"
    );
}
