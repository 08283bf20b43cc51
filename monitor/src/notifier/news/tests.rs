//! What is told, what is told once, and what is not told.

use super::*;

const NOW: i64 = 1_000_000;
const HOUR: i64 = 3600;

fn facts(now: i64) -> Facts {
    Facts {
        now,
        has_work: true,
        unfinished: 3,
        ..Facts::default()
    }
}

fn waiting(ticket: i64, wanted: Wanted, by: &str) -> Waiting {
    Waiting {
        ticket,
        title: "Which\u{1b}[31m colour?".into(),
        wanted,
        created_by: by.into(),
        detail: Some("Red or blue".into()),
        since: "2026-01-01 00:00:00".into(),
        version: 70,
    }
}

fn halt(cause: Cause, since: i64, until: Option<i64>) -> Halt {
    Halt {
        longest: 0,
        cause,
        said: "it said so".into(),
        since,
        until,
        probe: None,
        failures: 0,
    }
}

/// The titles told by one look after the other.
fn titles(looks: &[Facts]) -> Vec<Vec<String>> {
    let mut memory = Memory::first(&facts(0));
    looks
        .iter()
        .map(|facts| {
            let (after, changes) = memory.look(facts);
            // What is remembered survives the database.
            let text = serde_json::to_string(&after).unwrap();
            memory = serde_json::from_str(&text).unwrap();
            assert_eq!(memory, after);
            changes
                .iter()
                .map(|change| match change {
                    Change::Tell(notice) => notice.title.clone(),
                    Change::Withdraw(subject) => format!("no more {subject}"),
                })
                .collect()
        })
        .collect()
}

#[test]
fn what_waits_for_the_human_is_told_once_and_withdrawn_when_it_is_over() {
    let question = Facts {
        waiting: vec![waiting(7, Wanted::Question, "agent-1")],
        ..facts(NOW)
    };
    let told = titles(&[question.clone(), question, facts(NOW + 1)]);
    assert_eq!(
        told,
        [
            vec!["#7 a question: Which[31m colour?".to_owned()],
            vec![],
            vec!["no more ticket 7".into()],
        ]
    );
}

#[test]
fn what_people_made_themselves_is_no_news_but_its_failure_is() {
    let of = |wanted| Facts {
        waiting: vec![waiting(7, wanted, "human")],
        ..facts(NOW)
    };
    for wanted in [
        Wanted::Question,
        Wanted::Proposal,
        Wanted::Verify,
        Wanted::Work,
    ] {
        assert_eq!(titles(&[of(wanted)]), [Vec::<String>::new()], "{wanted:?}");
    }
    for wanted in [Wanted::Quarantine, Wanted::Held, Wanted::NoChange] {
        assert_eq!(titles(&[of(wanted)])[0].len(), 1, "{wanted:?}");
    }
}

#[test]
fn a_message_says_what_to_type() {
    let memory = Memory::first(&facts(NOW));
    let (_, changes) = memory.look(&Facts {
        waiting: vec![waiting(7, Wanted::Question, "agent-1")],
        ..facts(NOW)
    });
    let [Change::Tell(notice)] = &changes[..] else {
        panic!("{changes:?}");
    };
    assert_eq!(notice.body, "Red or blue\n\nticket answer 7 '…'");
    assert_eq!((notice.ticket, notice.priority), (Some(7), 4));
}

#[test]
fn what_waited_before_the_first_look_is_no_news() {
    let before = Facts {
        waiting: vec![waiting(7, Wanted::Question, "agent-1")],
        has_work: false,
        ..facts(NOW)
    };
    let (_, changes) = Memory::first(&before).look(&before);
    assert_eq!(changes, []);
}

#[test]
fn a_limit_is_told_when_it_begins_and_when_it_ends() {
    let limited = Facts {
        halt: Some(halt(Cause::Limit, NOW, Some(NOW + HOUR))),
        ..facts(NOW)
    };
    let longer = Facts {
        halt: Some(halt(Cause::Limit, NOW, Some(NOW + 2 * HOUR))),
        ..facts(NOW + HOUR)
    };
    let told = titles(&[
        limited,
        longer,
        facts(NOW + 2 * HOUR),
        facts(NOW + 3 * HOUR),
    ]);
    assert_eq!(
        told,
        [
            vec!["Usage limit: the agents wait".to_owned()],
            vec![],
            vec!["The usage limit is over".into()],
            vec![],
        ]
    );
}

#[test]
fn a_refused_login_is_one_message_until_a_mended_one_is_refused_again() {
    let refused = Facts {
        halt: Some(halt(Cause::Login, NOW, None)),
        ..facts(NOW)
    };
    let tried = Facts {
        halt: Some(halt(Cause::Login, NOW, Some(NOW + 10))),
        ..facts(NOW + 10)
    };
    let told = titles(&[
        refused.clone(),
        refused.clone(),
        tried.clone(),
        refused.clone(),
        refused,
        facts(NOW + 20),
    ]);
    let lengths: Vec<usize> = told.iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, 0, 0, 1, 0, 1]);
    assert_eq!(told[5], ["The login works again"]);
}

#[test]
fn a_service_that_fails_shortly_is_not_worth_a_message() {
    let failing = |now| Facts {
        halt: Some(halt(Cause::Service, NOW, Some(now + 60))),
        ..facts(now)
    };
    let told = titles(&[failing(NOW), facts(NOW + 599)]);
    assert_eq!(told, [Vec::<String>::new(), vec![]]);
    let told = titles(&[failing(NOW), failing(NOW + 600), facts(NOW + 700)]);
    assert_eq!(
        told[1..],
        [
            vec!["The model's service has failed for 10 minutes"],
            vec!["The model's service works again"],
        ]
    );
}

#[test]
fn the_end_of_a_login_is_told_ahead_once() {
    let ends = |now| Facts {
        login_ends_at: Some(NOW),
        ..facts(now)
    };
    let told = titles(&[
        ends(NOW - 8 * HOUR),
        ends(NOW - 2 * HOUR),
        ends(NOW - HOUR),
        ends(NOW + 1),
    ]);
    assert_eq!(
        told,
        [
            vec![],
            vec!["The login ends in 2 h 0 min".to_owned()],
            vec![],
            vec![],
        ]
    );
}

#[test]
fn trouble_that_comes_and_goes_is_one_trouble() {
    let lost = |now| Facts {
        problems: BTreeMap::from([("Docker".into(), "it does not answer".into())]),
        ..facts(now)
    };
    let told = titles(&[
        lost(NOW),
        lost(NOW + 60),
        facts(NOW + 61),
        lost(NOW + 600),
        facts(NOW + 700),
        facts(NOW + 1300),
        facts(NOW + 1301),
    ]);
    let flat: Vec<(usize, &String)> = told
        .iter()
        .enumerate()
        .flat_map(|(n, titles)| titles.iter().map(move |title| (n, title)))
        .collect();
    assert_eq!(
        flat,
        [
            (1, &"Docker: it does not run".to_owned()),
            (5, &"Docker: it runs again".to_owned()),
        ]
    );
}

#[test]
fn a_trouble_of_seconds_is_not_told() {
    let lost = Facts {
        problems: BTreeMap::from([("Docker".into(), "it does not answer".into())]),
        ..facts(NOW)
    };
    let told = titles(&[lost, facts(NOW + 30), facts(NOW + 5000)]);
    assert!(told.iter().all(Vec::is_empty), "{told:?}");
}

#[test]
fn red_work_of_many_tickets_points_at_main() {
    let red = |tickets: &[i64]| Facts {
        red: tickets.to_vec(),
        ..facts(NOW)
    };
    let told = titles(&[
        red(&[1, 2, 3]),
        red(&[1, 2, 3, 4]),
        red(&[1, 2, 3, 4, 5]),
        red(&[]),
    ]);
    let lengths: Vec<usize> = told.iter().map(Vec::len).collect();
    assert_eq!(lengths, [0, 1, 0, 0]);
}

#[test]
fn an_empty_queue_is_told_once_after_a_while() {
    let idle = |now| Facts {
        has_work: false,
        unfinished: 0,
        ..facts(now)
    };
    let told = titles(&[idle(NOW), idle(NOW + 59), idle(NOW + 60), idle(NOW + HOUR)]);
    assert_eq!(told[2], ["The queue is empty"]);
    assert_eq!(told.concat().len(), 1);
    let told = titles(&[idle(NOW), facts(NOW + 30), idle(NOW + 60), idle(NOW + 119)]);
    assert!(told.concat().is_empty(), "{told:?}");
}

#[test]
fn every_message_has_a_key_of_its_own() {
    let busy = Facts {
        waiting: (1..=5)
            .map(|id| waiting(id, Wanted::Question, "agent-1"))
            .collect(),
        halt: Some(halt(Cause::Login, NOW, None)),
        ..facts(NOW)
    };
    let (_, changes) = Memory::first(&facts(NOW)).look(&busy);
    let keys: std::collections::BTreeSet<&str> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Tell(notice) => Some(notice.key.as_str()),
            Change::Withdraw(_) => None,
        })
        .collect();
    assert_eq!(keys.len(), 6);
}

#[test]
fn times_are_told_in_minutes_and_hours() {
    assert_eq!(span(30), "1 minute");
    assert_eq!(span(7260), "2 h 1 min");
}
