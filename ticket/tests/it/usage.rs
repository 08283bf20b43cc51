//! What agents used: every report counts once, whatever comes twice, late or in the wrong order.

use rusqlite::Connection;
use ticket::Error;
use ticket::attempt::Outcome;
use ticket::cost::{By, CostFilter};
use ticket::usage::{Phase, RunUsage};
use ticket::wire::{EndAttempt, EndProposal};

use crate::support::{Fixture, beat, end, ration, used};

/// `run model input cost` of each row, by run, model and day.
fn rows(f: &Fixture) -> Vec<String> {
    let conn = Connection::open(&f.path).unwrap();
    let mut query = conn
        .prepare(
            "SELECT printf('%s %d %d %s %d %s', coalesce(ticket_id, 'proposal'), attempt, run, model,
                           input_tokens, coalesce(cost_microusd, 'unknown'))
             FROM usage ORDER BY ticket_id, attempt, run, model, day",
        )
        .unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Everything known so far was yesterday.
fn a_day_passes(f: &Fixture) {
    let conn = Connection::open(&f.path).unwrap();
    conn.execute("UPDATE usage SET day = date(day, '-1 day')", [])
        .unwrap();
}

#[test]
fn a_report_takes_the_place_of_the_one_before() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    for (reports, expected) in [
        (
            vec![used(1, "opus", 10, Some(100))],
            vec!["1 1 1 opus 10 100"],
        ),
        (
            vec![used(1, "opus", 10, Some(100))],
            vec!["1 1 1 opus 10 100"],
        ),
        (
            vec![used(1, "opus", 50, Some(700))],
            vec!["1 1 1 opus 50 700"],
        ),
        (
            vec![used(1, "opus", 40, Some(600)), used(2, "opus", 1, None)],
            vec!["1 1 1 opus 40 600", "1 1 2 opus 1 unknown"],
        ),
        (
            vec![used(1, "haiku", 1, Some(5))],
            vec!["1 1 1 haiku 1 5", "1 1 1 opus 0 0", "1 1 2 opus 1 unknown"],
        ),
        (
            vec![],
            vec!["1 1 1 haiku 1 5", "1 1 1 opus 0 0", "1 1 2 opus 1 unknown"],
        ),
    ] {
        f.store.heartbeat("a", id, 1, &beat(&reports)).unwrap();
        assert_eq!(rows(&f), expected, "{reports:?}");
    }
}

#[test]
fn what_a_run_uses_after_midnight_is_the_next_days() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    f.store
        .heartbeat("a", id, 1, &beat(&[used(1, "opus", 10, Some(100))]))
        .unwrap();
    a_day_passes(&f);
    for (report, expected) in [
        (used(1, "opus", 10, Some(100)), vec!["1 1 1 opus 10 100"]),
        (
            used(1, "opus", 25, Some(250)),
            vec!["1 1 1 opus 10 100", "1 1 1 opus 15 150"],
        ),
        (
            used(1, "opus", 4, Some(40)),
            vec!["1 1 1 opus 10 100", "1 1 1 opus -6 -60"],
        ),
    ] {
        f.store.heartbeat("a", id, 1, &beat(&[report])).unwrap();
        assert_eq!(rows(&f), expected);
    }
}

#[test]
fn money_spent_is_money_spent_even_when_the_attempt_is_over() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let last = RunUsage {
        is_last: true,
        ..used(1, "opus", 10, Some(100))
    };
    let ending = EndAttempt {
        usage: vec![last.clone()],
        ..end(Outcome::Released)
    };
    f.store.end_attempt("a", id, 1, &ending, 3).unwrap();
    assert_eq!(rows(&f), ["1 1 1 opus 10 100"]);

    let late = beat(&[used(1, "opus", 5, Some(50)), used(2, "opus", 7, Some(70))]);
    let again = f.store.heartbeat("a", id, 1, &late);
    assert!(matches!(again, Err(Error::Stale(_))), "{again:?}");
    assert_eq!(
        rows(&f),
        ["1 1 1 opus 10 100", "1 1 2 opus 7 70"],
        "the last word stays, another run counts"
    );
    let more = EndAttempt {
        usage: vec![RunUsage {
            is_last: true,
            ..used(2, "opus", 8, Some(80))
        }],
        ..end(Outcome::Released)
    };
    let again = f.store.end_attempt("a", id, 1, &more, 3);
    assert!(matches!(again, Err(Error::Stale(_))), "{again:?}");
    assert_eq!(rows(&f), ["1 1 1 opus 10 100", "1 1 2 opus 8 80"]);
    assert_eq!(f.show(id).attempts[0].outcome, Some(Outcome::Released));

    let foreign = f.store.heartbeat("b", id, 1, &late);
    assert!(matches!(foreign, Err(Error::Stale(_))), "{foreign:?}");
    let nobody = f.store.heartbeat("a", id, 2, &late);
    assert!(matches!(nobody, Err(Error::NotFound(_))), "{nobody:?}");
    assert_eq!(rows(&f).len(), 2, "others write nothing there");
}

#[test]
fn a_proposal_run_has_rows_of_its_own() {
    let mut f = Fixture::new();
    let begun = f.store.begin_proposal("a", ration(1, 0)).unwrap().unwrap();
    let of_proposal = |cost| RunUsage {
        phase: Phase::Propose,
        ..used(1, "opus", 10, Some(cost))
    };
    f.store
        .proposal_heartbeat("a", begun.run, &beat(&[of_proposal(3)]))
        .unwrap();
    let ending = EndProposal {
        usage: vec![of_proposal(4)],
        ..EndProposal::default()
    };
    f.store.end_proposal("a", begun.run, &ending).unwrap();
    assert_eq!(rows(&f), ["proposal 1 1 opus 10 4"]);
    let late = f
        .store
        .proposal_heartbeat("a", begun.run, &beat(&[of_proposal(5)]));
    assert!(matches!(late, Err(Error::Stale(_))), "{late:?}");
    assert_eq!(rows(&f), ["proposal 1 1 opus 10 5"]);
    let foreign = f
        .store
        .proposal_heartbeat("b", begun.run, &beat(&[of_proposal(9)]));
    assert!(matches!(foreign, Err(Error::Stale(_))), "{foreign:?}");
    assert_eq!(rows(&f), ["proposal 1 1 opus 10 5"]);
}

#[test]
fn numbers_out_of_range_are_refused() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    for number in [0, -1, 10_001, i64::MAX] {
        let said = f
            .store
            .heartbeat("a", id, 1, &beat(&[used(number, "opus", 1, None)]));
        assert!(matches!(said, Err(Error::Invalid(_))), "{said:?}");
    }
    let much = used(1, "opus", u64::MAX, Some(u64::MAX));
    f.store.heartbeat("a", id, 1, &beat(&[much])).unwrap();
    assert_eq!(rows(&f), ["1 1 1 opus 1125899906842624 1125899906842624"]);
}

#[test]
fn show_and_attempts_say_what_was_used() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let runs = [
        used(1, "opus", 10, Some(1_500_000)),
        used(2, "haiku", 5, Some(500_000)),
    ];
    f.store.heartbeat("a", id, 1, &beat(&runs)).unwrap();
    let shown = f.show(id);
    let spent = shown.attempts[0].spent;
    assert_eq!(
        (spent.input_tokens, spent.output_tokens, spent.cost()),
        (15, 4, "$2.00".to_owned())
    );
    assert_eq!(shown.ticket.spent_usd.to_string(), "$2.00");
    let text = ticket::text::detail(&shown);
    assert!(text.contains("Cost:        $2.00\n"), "{text}");
    assert!(
        text.contains("cost $2.00 for 15 tokens in, 4 out"),
        "{text}"
    );

    f.store
        .heartbeat("a", id, 1, &beat(&[used(3, "strange", 1, None)]))
        .unwrap();
    let attempts = f.human(|q| q.attempts(id)).unwrap();
    assert_eq!(attempts[0].spent.cost(), "at least $2.00");
    let text = ticket::text::detail(&f.show(id));
    assert!(text.contains("Cost:        at least $2.00\n"), "{text}");
}

#[test]
fn doctor_adds_up_again_what_was_changed_by_hand() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let report = beat(&[used(1, "opus", 10, Some(1_500_000))]);
    f.store.heartbeat("a", id, 1, &report).unwrap();
    assert!(f.human(|q| q.doctor(false)).unwrap().findings.is_empty());
    let conn = Connection::open(&f.path).unwrap();
    conn.execute_batch(
        "UPDATE tickets SET spent_microusd = 7;
         UPDATE settings SET value = json_set(value, '$.microusd', 9) WHERE key = 'day';",
    )
    .unwrap();
    let found = f.human(|q| q.doctor(false)).unwrap().findings;
    let said: Vec<&str> = found.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "ticket 1 is said to have cost 7 millionths of a dollar, and has cost 1500000",
            "the day is said to have cost 9 millionths of a dollar, and has cost 1500000",
        ]
    );
    assert!(f.human(|q| q.doctor(true)).unwrap().findings.is_empty());
    assert_eq!(f.show(id).ticket.spent_usd.0, 1_500_000);
}

#[test]
fn an_export_takes_it_along() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let report = beat(&[used(1, "opus", 10, Some(100)), used(2, "x", 1, None)]);
    f.store.heartbeat("a", id, 1, &report).unwrap();
    a_day_passes(&f);
    let more = beat(&[used(1, "opus", 30, Some(300))]);
    f.store.heartbeat("a", id, 1, &more).unwrap();
    let mut exported = Vec::new();
    f.human(|q| q.export(&mut exported)).unwrap();

    let mut empty = Fixture::new();
    let file = std::io::Cursor::new(exported.clone());
    empty.human(|q| q.import(Box::new(file))).unwrap();
    assert_eq!(rows(&empty), rows(&f));
    let mut again = Vec::new();
    empty.human(|q| q.export(&mut again)).unwrap();
    assert_eq!(
        String::from_utf8(again).unwrap(),
        String::from_utf8(exported.clone()).unwrap()
    );

    let mut other = Fixture::new();
    other.ticket("was here", &[]);
    let file = std::io::Cursor::new(exported);
    other.human(|q| q.import(Box::new(file))).unwrap();
    assert_eq!(other.show(2).ticket.spent_usd.0, 300);
}

#[test]
fn a_report_adds_up_by_whatever_is_asked() {
    let mut f = Fixture::new();
    let (one, two) = (f.ticket("one", &[]), f.ticket("two", &[]));
    f.claim("a").unwrap();
    f.claim("b").unwrap();
    let mend = RunUsage {
        phase: Phase::VerifyFailed,
        ..used(2, "haiku", 5, Some(2_000_000))
    };
    let dear = beat(&[used(1, "opus", 10, Some(500_000)), mend]);
    f.store.heartbeat("a", one, 1, &dear).unwrap();
    a_day_passes(&f);
    f.store
        .heartbeat("b", two, 1, &beat(&[used(1, "strange", 1, None)]))
        .unwrap();
    let begun = f.store.begin_proposal("b", ration(9, 0)).unwrap().unwrap();
    let idea = RunUsage {
        phase: Phase::Propose,
        ..used(1, "opus", 7, Some(1_000_000))
    };
    f.store
        .proposal_heartbeat("b", begun.run, &beat(&[idea]))
        .unwrap();
    let mut report = |by, since: Option<&str>| {
        let filter = CostFilter {
            by,
            since: since.map(str::to_owned),
            ..CostFilter::default()
        };
        let cost = f.human(|q| q.cost(&filter)).unwrap();
        let lines = cost.lines.iter();
        let lines = lines.map(|line| format!("{} {}", line.key, line.spent.cost()));
        (lines.collect::<Vec<_>>(), cost)
    };
    let today = ticket::moment::today();
    for (by, expected) in [
        (By::Ticket, vec!["1 $2.50", "proposals $1.00", "2 unknown"]),
        (By::Agent, vec!["a $2.50", "b at least $1.00"]),
        (
            By::Model,
            vec!["haiku $2.00", "opus $1.50", "strange unknown"],
        ),
        (
            By::Phase,
            vec![
                "work at least $0.50",
                "verify-failed $2.00",
                "propose $1.00",
            ],
        ),
    ] {
        let (lines, cost) = report(by, None);
        assert_eq!(lines, expected);
        assert_eq!(cost.total.cost(), "at least $3.50");
        assert_eq!(cost.total.input_tokens, 23);
        assert_eq!(cost.today.sentence(), "at least $1.00 today");
    }
    let (lines, cost) = report(By::Day, None);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1], format!("{today} at least $1.00"));
    assert_eq!(cost.lines[0].title, None);
    let (lines, cost) = report(By::Ticket, Some(&today));
    assert_eq!(lines, ["proposals $1.00", "2 unknown"]);
    assert_eq!(cost.lines[1].title.as_deref(), Some("two"));
    for (by, kept) in [(By::Ticket, "1"), (By::Day, today.as_str())] {
        let filter = CostFilter {
            by,
            limit: Some(1),
            ..CostFilter::default()
        };
        let cut = f.human(|q| q.cost(&filter)).unwrap();
        let all = f
            .human(|q| {
                q.cost(&CostFilter {
                    limit: None,
                    ..filter
                })
            })
            .unwrap();
        assert_eq!((cut.lines.len(), cut.lines[0].key.as_str()), (1, kept));
        assert_eq!(cut.more, all.lines.len() as u64 - 1);
        assert_eq!((cut.total, all.more), (all.total, 0));
    }
    for bad in ["yesterday", "2030-1-1", "'; DROP TABLE usage"] {
        let filter = CostFilter {
            since: Some(bad.to_owned()),
            ..CostFilter::default()
        };
        let said = f.human(|q| q.cost(&filter));
        assert!(matches!(said, Err(Error::Invalid(_))), "{said:?}");
    }
}

#[test]
fn a_claim_tells_what_earlier_attempts_cost() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let reports = beat(&[used(1, "opus", 10, Some(100))]);
    f.store.heartbeat("a", id, 1, &reports).unwrap();
    let released = end(Outcome::Released);
    f.store.end_attempt("a", id, 1, &released, 3).unwrap();
    let claimed = f.claim("b").unwrap().background;
    for attempts in [&claimed.ticket.attempts, &claimed.history] {
        assert_eq!(attempts[0].spent.cost_usd.0, 100);
    }
    assert_eq!(claimed.ticket.attempts.len(), 2);
}
