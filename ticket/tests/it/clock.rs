//! The clock was an hour ahead and is set back: nothing that was written meanwhile waits that hour.

use rusqlite::{Connection, params};
use ticket::attempt::Outcome;
use ticket::filter::ClaimFilter;
use ticket::halt::{Trouble, UsageLimit};
use ticket::notice::{Change, Kind, NewNotice};
use ticket::reply::Action;
use ticket::ticket::TicketChange;
use ticket::usage::Budgets;
use ticket::usd::Usd;
use ticket::wire::EndAttempt;
use ticket::{Store, moment};

use crate::support::{Fixture, POLICY, beat, end, used};

const HOUR: i64 = 3600;

fn write(f: &Fixture, sql: &str) {
    Connection::open(&f.path).unwrap().execute(sql, []).unwrap();
}

/// A ticket whose attempt failed by a clock that was an hour ahead.
fn failed_ahead(f: &mut Fixture) -> i64 {
    let id = f.ticket("failed", &[]);
    f.claim("a").unwrap();
    let failed = end(Outcome::AgentFailed);
    f.store.end_attempt("a", id, 1, &failed, 3).unwrap();
    write(f, "UPDATE tickets SET not_before = not_before + 3600");
    id
}

fn mend(store: &mut Store, jumped: Option<i64>, now: i64) -> Vec<String> {
    store.mend_clock(jumped, now, HOUR).unwrap()
}

#[test]
fn a_failed_attempt_waits_no_longer_than_it_was_to() {
    let mut f = Fixture::new();
    let id = failed_ahead(&mut f);
    let now = moment::now();
    assert!(f.show(id).ticket.not_before > now + HOUR);
    assert_eq!(mend(&mut f.store, Some(-HOUR), now).len(), 1);
    assert_eq!(f.show(id).ticket.not_before, now + 10);
    assert!(f.actions().contains(&"clock_jumped".to_owned()));
    assert!(mend(&mut f.store, None, now).is_empty());
    let events = f.actions().len();
    assert!(
        mend(&mut f.store, None, now - 3).is_empty(),
        "clocks differ a little"
    );
    assert_eq!(
        f.actions().len(),
        events,
        "nothing was changed, nothing is told"
    );
}

#[test]
fn a_wish_of_the_human_stays() {
    let mut f = Fixture::new();
    let id = failed_ahead(&mut f);
    let now = moment::now();
    let later = TicketChange {
        not_before: Some(now + 48 * HOUR),
        ..TicketChange::default()
    };
    f.human(|q| q.update(id, &later)).unwrap();
    assert!(mend(&mut f.store, Some(-HOUR), now).is_empty());
    assert_eq!(f.show(id).ticket.not_before, now + 48 * HOUR);
}

#[test]
fn a_claim_by_hand_that_finds_nothing_sets_it_right() {
    let mut f = Fixture::new();
    let id = failed_ahead(&mut f);
    let claim = |f: &mut Fixture| f.human(|q| q.claim_next("b", &ClaimFilter::default()));
    assert!(claim(&mut f).unwrap().is_none());
    assert!(f.show(id).ticket.not_before <= moment::now() + 10);
    write(&f, "UPDATE tickets SET not_before = 1");
    // The one that tried whether a limit is over was let go by the same clock.
    let limited = EndAttempt {
        trouble: Some(Trouble::Limit(UsageLimit::default())),
        ..end(Outcome::RateLimited)
    };
    f.claim("a").unwrap();
    f.store
        .end_attempt("a", id, 2, &limited, POLICY.max_attempts)
        .unwrap();
    let halt = f.store.halt().unwrap().unwrap();
    let ahead = halt.without_probe(moment::now() + HOUR, 0);
    let text = serde_json::to_string(&ahead).unwrap();
    f.store.set_setting("halt", &text).unwrap();
    assert!(f.claim("a").is_none(), "a runner's claim mends nothing");
    let claimed = claim(&mut f).unwrap().unwrap();
    assert_eq!(claimed.detail.ticket.id, id);
}

#[test]
fn tomorrows_budget_does_not_halt_today() {
    let mut f = Fixture::new();
    let budgets = Budgets {
        max_usd_per_day: Some(Usd(1_000)),
        ..Budgets::default()
    };
    f.store.set_budgets(&budgets).unwrap();
    let id = f.ticket("dear", &[]);
    f.claim("a").unwrap();
    f.store
        .heartbeat("a", id, 1, &beat(&[used(1, "m", 1, Some(2_000))]))
        .unwrap();
    assert!(f.store.halt().unwrap().is_some());
    // All of it as a clock wrote it that was a day ahead.
    let now = moment::now();
    let (today, tomorrow) = (moment::day_of(now), moment::day_of(now + 24 * HOUR));
    let conn = Connection::open(&f.path).unwrap();
    conn.execute("UPDATE usage SET day = ?1", params![tomorrow])
        .unwrap();
    conn.execute(
        "UPDATE settings SET value = json_set(value, '$.date', ?1, '$.ends_at', ?2) WHERE key = 'day'",
        params![tomorrow, now + 40 * HOUR],
    )
    .unwrap();
    f.ticket("next", &[]);
    assert!(f.claim("b").is_none());
    let mended = mend(&mut f.store, Some(-24 * HOUR), now);
    assert_eq!(mended.len(), 1, "{mended:?}");
    assert!(f.store.halt().unwrap().is_none());
    assert!(f.claim("b").is_some());
    let day = f.store.setting("day").unwrap().unwrap();
    assert!(day.contains(&today), "{day}");
}

#[test]
fn messages_and_answers_keep_their_time() {
    let mut f = Fixture::new();
    let id = f.ticket("asked", &[]);
    let now = moment::now();
    let notice = NewNotice {
        key: "1".into(),
        kind: Kind::Question,
        subject: "x".into(),
        ticket: None,
        version: None,
        title: "Which?".into(),
        body: String::new(),
        priority: 3,
    };
    let tell = [Change::Tell(notice)];
    f.store.outbox_take("ntfy", None, "m", &tell, now).unwrap();
    let created = |f: &Fixture| f.store.outbox_waiting("ntfy").unwrap()[0].created_at;
    // Two days ahead: it is as young as before.
    mend(&mut f.store, Some(48 * HOUR), now + 48 * HOUR);
    assert_eq!(created(&f), now + 48 * HOUR);
    mend(&mut f.store, Some(-48 * HOUR), now);
    assert_eq!(created(&f), now);
    let day = 24 * HOUR;
    f.store
        .new_reply_codes(id, 1, &[Action::Answer], now + day, now)
        .unwrap();
    mend(&mut f.store, None, now);
    let ends: i64 = Connection::open(&f.path)
        .unwrap()
        .query_row("SELECT expires_at FROM reply_codes", [], |row| row.get(0))
        .unwrap();
    assert_eq!(ends, now + HOUR);
}

#[test]
fn deaths_are_counted_in_the_order_of_the_log_and_not_by_the_clock() {
    let mut f = Fixture::new();
    let id = f.ticket("poison", &[]);
    let die = |f: &mut Fixture| {
        write(f, "UPDATE tickets SET not_before = 0");
        let attempt = f.claim("a").unwrap().background.ticket.ticket.attempt;
        let death = ticket::store::Death {
            from_outside: false,
            reason: "its container died".into(),
            log_tail: None,
        };
        f.store.attempt_died("a", &death).unwrap();
        let killed = EndAttempt::new(Outcome::InfraFailed, "the runner was killed");
        f.store.end_attempt("a", id, attempt, &killed, 3).unwrap();
    };
    let whose = |f: &mut Fixture| f.show(id).ticket.assigned_to;
    for _ in 0..3 {
        die(&mut f);
    }
    assert_eq!(whose(&mut f).as_deref(), Some("human"));
    // That was an hour ahead; then the clock is set back.
    write(
        &f,
        "UPDATE activity_log SET created_at = datetime('now', '+1 hour') WHERE action = 'quarantined'",
    );
    f.human(|q| q.unclaim(id)).unwrap();
    die(&mut f);
    die(&mut f);
    assert_eq!(whose(&mut f), None);
    die(&mut f);
    assert_eq!(whose(&mut f).as_deref(), Some("human"));
}

#[test]
fn what_happened_by_the_right_clock_is_in_the_report() {
    let mut f = Fixture::new();
    let now = moment::now();
    f.store
        .set_setting("started_at", &(now + HOUR).to_string())
        .unwrap();
    mend(&mut f.store, None, now);
    let since = f.store.shift(None).unwrap().since;
    assert_eq!(Some(since), moment::text(now));
}
