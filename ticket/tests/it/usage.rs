//! What agents used: every report counts once, whatever comes twice, late or in the wrong order.

use rusqlite::Connection;
use ticket::Error;
use ticket::attempt::Outcome;
use ticket::usage::{ModelUsage, Phase, RunUsage, Usage};
use ticket::wire::{EndAttempt, EndProposal, Heartbeat};

use crate::support::{Fixture, end, ration};

/// What run `number` used of `model` so far.
fn run(number: i64, model: &str, input_tokens: u64, cost: Option<u64>) -> RunUsage {
    RunUsage {
        run: number,
        phase: Phase::Work,
        backend: "claude".into(),
        models: vec![ModelUsage {
            model: model.into(),
            usage: Usage {
                input_tokens,
                output_tokens: 2,
                cache_read_tokens: 3,
                cache_write_tokens: 4,
                cost_microusd: cost,
            },
        }],
        is_last: false,
    }
}

fn beat(runs: &[RunUsage]) -> Heartbeat {
    Heartbeat {
        usage: runs.to_vec(),
        ..Heartbeat::default()
    }
}

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
            vec![run(1, "opus", 10, Some(100))],
            vec!["1 1 1 opus 10 100"],
        ),
        (
            vec![run(1, "opus", 10, Some(100))],
            vec!["1 1 1 opus 10 100"],
        ),
        (
            vec![run(1, "opus", 50, Some(700))],
            vec!["1 1 1 opus 50 700"],
        ),
        (
            vec![run(1, "opus", 40, Some(600)), run(2, "opus", 1, None)],
            vec!["1 1 1 opus 40 600", "1 1 2 opus 1 unknown"],
        ),
        (
            vec![run(1, "haiku", 1, Some(5))],
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
        .heartbeat("a", id, 1, &beat(&[run(1, "opus", 10, Some(100))]))
        .unwrap();
    a_day_passes(&f);
    for (report, expected) in [
        (run(1, "opus", 10, Some(100)), vec!["1 1 1 opus 10 100"]),
        (
            run(1, "opus", 25, Some(250)),
            vec!["1 1 1 opus 10 100", "1 1 1 opus 15 150"],
        ),
        (
            run(1, "opus", 4, Some(40)),
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
        ..run(1, "opus", 10, Some(100))
    };
    let ending = EndAttempt {
        usage: vec![last.clone()],
        ..end(Outcome::Released)
    };
    f.store.end_attempt("a", id, 1, &ending, 3).unwrap();
    assert_eq!(rows(&f), ["1 1 1 opus 10 100"]);

    let late = beat(&[run(1, "opus", 5, Some(50)), run(2, "opus", 7, Some(70))]);
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
            ..run(2, "opus", 8, Some(80))
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
        ..run(1, "opus", 10, Some(cost))
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
            .heartbeat("a", id, 1, &beat(&[run(number, "opus", 1, None)]));
        assert!(matches!(said, Err(Error::Invalid(_))), "{said:?}");
    }
    let much = run(1, "opus", u64::MAX, Some(u64::MAX));
    f.store.heartbeat("a", id, 1, &beat(&[much])).unwrap();
    assert_eq!(rows(&f), ["1 1 1 opus 1125899906842624 1125899906842624"]);
}
