//! Every kind of fault is planted and found; what really happens is not taken for one.

use super::{Acknowledged, Fault, History};
use crate::event::Event;

/// Rows written as `ticket agent action detail`; `-` for a row about no ticket.
fn rows(text: &str) -> Vec<Event> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    (1..)
        .zip(lines)
        .map(|(id, line)| {
            let mut words = line.splitn(4, ' ');
            let mut word = || words.next().unwrap_or_default().to_owned();
            Event {
                id,
                ticket_id: word().parse().ok(),
                agent_id: Some(word()),
                action: word(),
                detail: Some(word()).filter(|d| !d.is_empty()),
                created_at: "2026-01-01 00:00:00".into(),
            }
        })
        .collect()
}

fn read(text: &str) -> History {
    let mut history = History::default();
    rows(text).iter().for_each(|event| history.observe(event));
    history
}

fn faults(history: &History) -> Vec<Fault> {
    history.findings().into_iter().map(|f| f.fault).collect()
}

fn check(text: &str, expect: &[Fault]) {
    assert_eq!(faults(&read(text)), expect, "{text}");
}

#[test]
fn what_really_happens_has_no_findings() {
    check(
        "1 human created A
         2 human created B
         - hub paused limit
         1 a claimed attempt 1
         1 a phase agent
         1 a attempt_ended attempt 1: released: too hard
         1 b claimed attempt 2
         1 hub lease_expired attempt 2 of b
         1 b settled attempt 2: its tree is kept
         1 c claimed attempt 3
         1 c submitted 1234
         1 c left attempt 3: its landing goes on
         1 hub bounced conflict
         1 d claimed attempt 4
         1 d submitted 5678
         1 hub landed 9abc
         1 hub done landed
         2 a claimed attempt 1
         2 human blocker_added 1
         2 human attempt_ended attempt 1: released: waits for ticket 1
         2 human done cancelled
         2 human commented what a pity
         2 a completed",
        &[],
    );
}

#[test]
fn a_ticket_claimed_by_two_is_found() {
    let text = "1 human created A
                1 a claimed attempt 1
                1 b claimed attempt 2";
    check(text, &[Fault::ClaimedTwice(1)]);
}

#[test]
fn attempts_are_counted_without_gaps() {
    let text = "1 human created A
                1 a claimed attempt 2";
    check(text, &[Fault::OutOfOrder(1)]);
}

#[test]
fn an_attempt_ends_once_and_as_itself() {
    let text = "1 human created A
                1 a claimed attempt 1
                1 a attempt_ended attempt 1: released
                1 a attempt_ended attempt 1: released
                1 b claimed attempt 2
                1 b attempt_ended attempt 1: released";
    check(text, &[Fault::NotHeld, Fault::NotHeld]);
}

#[test]
fn a_ticket_leaves_its_attempt_only_when_that_ended() {
    for action in ["unclaimed", "completed", "done"] {
        let text = format!("1 human created A\n1 a claimed attempt 1\n1 human {action}");
        check(&text, &[Fault::StillHeld(1)]);
    }
}

#[test]
fn what_nobody_works_on_is_not_submitted() {
    for action in ["submitted", "phase", "left"] {
        check(
            &format!("1 human created A\n1 a {action} x"),
            &[Fault::NotHeld],
        );
    }
}

#[test]
fn done_is_the_end() {
    let begin = "1 human created A\n1 human done cancelled\n";
    check(&format!("{begin}1 human done"), &[Fault::DoneTwice]);
    for action in ["claimed", "unclaimed", "completed", "landed", "approved"] {
        let after = Fault::AfterDone(action.into());
        check(&format!("{begin}1 human {action} attempt 1"), &[after]);
    }
}

#[test]
fn a_ticket_begins_once() {
    check("7 a claimed attempt 1", &[Fault::NeverCreated]);
    check(
        "1 human created A\n1 human created A",
        &[Fault::CreatedTwice],
    );
}

#[test]
fn missing_and_doubled_rows_are_found() {
    let mut events = rows("1 human created A\n2 human created B\n3 human created C");
    events.remove(1);
    events.push(events[1].clone());
    let mut history = History::default();
    events.iter().for_each(|event| history.observe(event));
    assert_eq!(
        faults(&history),
        [Fault::Gap(1), Fault::Gap(3), Fault::CreatedTwice]
    );
}

#[test]
fn what_was_acknowledged_must_be_in_the_log() {
    let told = [
        Acknowledged::Created(1),
        Acknowledged::Claimed(1, 1, "a".into()),
        Acknowledged::Done(1),
    ];
    for missing in 0..told.len() {
        let mut history = History::default();
        told.iter().for_each(|told| history.expect(told.clone()));
        let whole = rows("1 human created A\n1 a claimed attempt 1\n1 hub landed x\n1 hub done");
        // The last row tells of the end; the others are there for it.
        let cut = [0, 1, 3][missing];
        for event in &whole[..cut] {
            history.observe(event);
        }
        assert!(faults(&history).contains(&Fault::Lost(told[missing].clone())));
        for event in &whole[cut..] {
            history.observe(event);
        }
        assert_eq!(faults(&history), []);
    }
}

#[test]
fn a_claim_in_another_name_is_no_proof() {
    let mut history = History::default();
    let told = Acknowledged::Claimed(1, 1, "b".into());
    history.expect(told.clone());
    rows("1 human created A\n1 a claimed attempt 1")
        .iter()
        .for_each(|event| history.observe(event));
    assert_eq!(faults(&history), [Fault::Lost(told)]);
}

#[test]
fn two_clients_are_not_told_the_same() {
    let mut history = History::default();
    let told = Acknowledged::Claimed(1, 1, "a".into());
    history.expect(told.clone());
    history.expect(told.clone());
    assert!(faults(&history).contains(&Fault::AcknowledgedTwice(told)));
}

#[test]
fn another_systems_rows_are_not_judged_and_ours_after_them_are() {
    let mut history = History::foreign_until("2026-01-01 00:00:00");
    let mut events = rows(
        "1 a claimed
         1 a done
         1 human unclaimed
         2 a done
         1 b claimed attempt 1
         2 b claimed attempt 1",
    );
    for event in &mut events[4..] {
        event.created_at = "2026-01-01 00:00:01".into();
    }
    events.iter().for_each(|event| history.observe(event));
    assert_eq!(faults(&history), [Fault::AfterDone("claimed".into())]);
}

#[test]
fn an_imported_ticket_was_begun_elsewhere() {
    let made = "1 human created A
                1 human attempt_ended attempt 3: released: it was imported
                1 human unclaimed";
    check(made, &[Fault::NotHeld]);
    let text = format!("{made}\n- human imported 1 ticket\n1 a claimed attempt 4");
    check(&text, &[]);
}

#[test]
fn only_unfinished_tickets_are_remembered() {
    let mut text = String::new();
    for id in 1..=1000 {
        text.push_str(&format!("{id} human created A\n{id} human done\n"));
    }
    let history = read(&text);
    assert_eq!((history.unfinished(), history.done.0.len()), (0, 16));
}

#[test]
fn a_finding_is_a_sentence() {
    let history = read("1 human created A\n1 a claimed attempt 1\n1 b claimed attempt 2");
    let said: Vec<String> = history.findings().iter().map(|f| f.to_string()).collect();
    assert_eq!(
        said,
        ["row 3 of the log: ticket 1 was claimed while attempt 1 went on"]
    );
}
