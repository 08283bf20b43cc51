//! Budgets: a ticket that cost what it may goes to the human, a day that did halts claims.

use ticket::attempt::Outcome;
use ticket::halt::Cause;
use ticket::ticket::{HUMAN, NewTicket, TicketChange};
use ticket::usage::{Allowance, Budget, Budgets};
use ticket::usd::Usd;
use ticket::wire::EndAttempt;
use ticket::{Actor, Error, Queue, Status};

use crate::support::{Fixture, POLICY, beat, end, ration, used};

const DOLLAR: u64 = 1_000_000;

fn dollars(ticket: Option<i64>, day: Option<i64>) -> Budgets {
    let usd = |dollars: i64| Usd(dollars * 1_000_000);
    Budgets {
        max_usd_per_ticket: ticket.map(usd),
        max_usd_per_day: day.map(usd),
    }
}

/// The attempt used `cost` so far, by one run; which budget is used up.
fn spends(f: &mut Fixture, agent: &str, id: i64, attempt: i64, cost: u64) -> Option<Budget> {
    let report = beat(&[used(1, "opus", 10, Some(cost))]);
    let heard = f.store.heartbeat(agent, id, attempt, &report).unwrap();
    heard.over_budget
}

fn ends(f: &mut Fixture, agent: &str, id: i64, attempt: i64, outcome: Outcome) {
    let ending = end(outcome);
    f.store
        .end_attempt(agent, id, attempt, &ending, POLICY.max_attempts)
        .unwrap();
}

fn budget(f: &mut Fixture, id: i64, usd: i64) {
    let change = TicketChange {
        max_budget_usd: Some(Usd(usd * 1_000_000)),
        ..TicketChange::default()
    };
    f.human(|q| q.update(id, &change)).unwrap();
}

/// Where a ticket is: its status, who has it, what the human was told.
fn place(f: &mut Fixture, id: i64) -> (Status, Option<String>, usize) {
    let shown = f.show(id);
    let told = shown.comments.iter().filter(|c| c.body.contains("budget"));
    let told = told.count();
    (shown.ticket.status, shown.ticket.assigned_to, told)
}

#[test]
fn a_ticket_that_cost_what_it_may_goes_to_the_human_with_a_question() {
    let mut f = Fixture::new();
    f.store.set_budgets(&dollars(Some(2), None)).unwrap();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    assert_eq!(spends(&mut f, "a", id, 1, DOLLAR), None);
    assert_eq!(spends(&mut f, "a", id, 1, 2 * DOLLAR), Some(Budget::Ticket));
    assert_eq!(f.show(id).ticket.status, Status::InProgress);
    ends(&mut f, "a", id, 1, Outcome::AgentFailed);
    assert_eq!(place(&mut f, id), (Status::Open, Some(HUMAN.into()), 1));
    let question = f.show(id).comments[0].body.clone();
    for words in [
        "$2.00 of $2.00, in 1 attempt.",
        "'ticket update 1 --max-budget-usd 4'",
        "'ticket unclaim 1'",
    ] {
        assert!(question.contains(words), "{words}: {question}");
    }
    assert!(f.claim("b").is_none());
    let refused = f.human(|q| q.unclaim(id)).unwrap_err().to_string();
    assert!(refused.contains("raise that first"), "{refused}");
    let nobody = TicketChange {
        assign: Some(String::new()),
        ..TicketChange::default()
    };
    assert!(f.human(|q| q.update(id, &nobody)).is_err());

    budget(&mut f, id, 3);
    assert!(f.claim("b").is_none(), "the human says when");
    f.human(|q| q.unclaim(id)).unwrap();
    assert_eq!(f.claim("b").unwrap().background.ticket.ticket.id, id);
    assert_eq!(spends(&mut f, "b", id, 2, DOLLAR), Some(Budget::Ticket));
    ends(&mut f, "b", id, 2, Outcome::Released);
    assert_eq!(place(&mut f, id), (Status::Open, Some(HUMAN.into()), 2));
}

#[test]
fn a_ticket_says_itself_what_it_may_cost() {
    let mut f = Fixture::new();
    f.store.set_budgets(&dollars(Some(2), None)).unwrap();
    let new = NewTicket {
        title: "dear".into(),
        max_budget_usd: Some(Usd(5_000_000)),
        ..NewTicket::default()
    };
    let id = f.human(|q| q.create(&new)).unwrap();
    f.claim("a").unwrap();
    assert_eq!(spends(&mut f, "a", id, 1, 4 * DOLLAR), None);
    let left = f.store.allowance(Some(id)).unwrap();
    assert_eq!(
        left,
        Some(Allowance {
            microusd: DOLLAR,
            budget: Budget::Ticket
        })
    );
    budget(&mut f, id, 0);
    assert_eq!(f.show(id).ticket.max_budget_usd, None);
    assert_eq!(spends(&mut f, "a", id, 1, 4 * DOLLAR), Some(Budget::Ticket));
    for bad in [Usd(0), Usd(-5)] {
        let new = NewTicket {
            title: "t".into(),
            max_budget_usd: Some(bad),
            ..NewTicket::default()
        };
        let said = f.human(|q| q.create(&new));
        assert!(matches!(said, Err(Error::Invalid(_))), "{said:?}");
    }
}

#[test]
fn agents_give_no_budgets() {
    let mut f = Fixture::new();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let attempt = Actor::Attempt {
        agent: "a".into(),
        ticket: id,
        attempt: 1,
    };
    let begun = f.store.begin_proposal("b", ration(1, 0)).unwrap().unwrap();
    let proposer = Actor::Proposer {
        agent: "b".into(),
        run: begun.run,
    };
    let raise = TicketChange {
        max_budget_usd: Some(Usd(9_000_000)),
        ..TicketChange::default()
    };
    let new = NewTicket {
        title: "dear".into(),
        max_budget_usd: Some(Usd(9_000_000)),
        ..NewTicket::default()
    };
    for actor in [attempt, proposer] {
        let mut session = f.store.session(&actor);
        for said in [
            session.update(id, &raise),
            session.create(&new).map(drop),
            session.create_all(std::slice::from_ref(&new)).map(drop),
        ] {
            assert!(matches!(said, Err(Error::Forbidden(_))), "{said:?}");
        }
    }
    assert_eq!(f.show(id).ticket.max_budget_usd, None);
}

#[test]
fn late_reports_and_lower_budgets_count_too() {
    let mut f = Fixture::new();
    let (late, lowered, left) = (f.ticket("a", &[]), f.ticket("b", &[]), f.ticket("c", &[]));
    let all = [("a", late), ("b", lowered), ("c", left)];
    for (agent, id) in all {
        assert_eq!(f.claim(agent).unwrap().background.ticket.ticket.id, id);
    }
    for (agent, id) in all {
        assert_eq!(spends(&mut f, agent, id, 1, DOLLAR), None);
        ends(&mut f, agent, id, 1, Outcome::Released);
    }
    budget(&mut f, late, 2);
    let report = beat(&[used(1, "opus", 10, Some(2 * DOLLAR))]);
    assert!(f.store.heartbeat("a", late, 1, &report).is_err());
    assert_eq!(place(&mut f, late), (Status::Open, Some(HUMAN.into()), 1));

    budget(&mut f, lowered, 1);
    assert_eq!(
        place(&mut f, lowered),
        (Status::Open, Some(HUMAN.into()), 1)
    );

    assert_eq!(place(&mut f, left), (Status::Open, None, 0));
    f.store.set_budgets(&dollars(Some(1), None)).unwrap();
    assert_eq!(place(&mut f, left), (Status::Open, Some(HUMAN.into()), 1));
    f.store.set_budgets(&dollars(Some(1), None)).unwrap();
    assert_eq!(place(&mut f, left), (Status::Open, Some(HUMAN.into()), 1));
}

#[test]
fn the_last_failure_and_the_budget_together_ask_once() {
    let mut f = Fixture::new();
    f.store.set_budgets(&dollars(Some(1), None)).unwrap();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    let ending = EndAttempt {
        usage: vec![used(1, "opus", 1, Some(DOLLAR))],
        ..end(Outcome::AgentFailed)
    };
    f.store.end_attempt("a", id, 1, &ending, 1).unwrap();
    assert_eq!(place(&mut f, id), (Status::Open, Some(HUMAN.into()), 1));
    assert_eq!(f.show(id).comments.len(), 1);
    assert_eq!(f.show(id).ticket.failures, 1);
}

#[test]
fn a_days_budget_halts_claims_for_everybody_until_midnight() {
    let mut f = Fixture::new();
    f.store.set_budgets(&dollars(None, Some(3))).unwrap();
    let (one, two) = (f.ticket("one", &[]), f.ticket("two", &[]));
    f.ticket("three", &[]);
    f.claim("a").unwrap();
    f.claim("b").unwrap();
    assert_eq!(spends(&mut f, "a", one, 1, DOLLAR), None);
    assert_eq!(
        f.store.allowance(Some(two)).unwrap(),
        Some(Allowance {
            microusd: 2 * DOLLAR,
            budget: Budget::Day
        })
    );
    assert_eq!(spends(&mut f, "b", two, 1, 2 * DOLLAR), Some(Budget::Day));
    assert_eq!(spends(&mut f, "a", one, 1, DOLLAR), Some(Budget::Day));
    ends(&mut f, "b", two, 1, Outcome::Released);
    assert_eq!(f.show(two).ticket.failures, 0);
    assert_eq!(place(&mut f, two), (Status::Open, None, 0));

    assert!(f.claim("b").is_none());
    assert!(f.store.begin_proposal("b", ration(5, 0)).unwrap().is_none());
    let halt = f.store.halt().unwrap().unwrap();
    assert_eq!(
        (halt.cause, halt.said.as_str()),
        (Cause::Budget, "$3.00 of $3.00")
    );
    assert_eq!(f.store.next_claimable().unwrap(), halt.until);
    let why = f.human(|q| q.paused()).unwrap().unwrap();
    assert!(
        why.contains("the day's budget is used up ($3.00 of $3.00)") && why.contains("UTC"),
        "{why}"
    );
    let halted = f.actions().iter().filter(|a| *a == "halted").count();
    assert_eq!(halted, 1, "said once");
}

#[test]
fn a_days_halt_ends_when_the_budget_is_raised_the_human_says_so_or_the_day_ends() {
    for how in ["raised", "resumed", "midnight"] {
        let mut f = Fixture::new();
        f.store.set_budgets(&dollars(None, Some(1))).unwrap();
        let id = f.ticket("t", &[]);
        f.ticket("next", &[]);
        f.claim("a").unwrap();
        assert_eq!(spends(&mut f, "a", id, 1, DOLLAR), Some(Budget::Day));
        assert!(f.claim("b").is_none());
        match how {
            "raised" => f.store.set_budgets(&dollars(None, Some(2))).unwrap(),
            "resumed" => assert!(f.human(|q| q.resume()).unwrap()),
            _ => {
                let conn = rusqlite::Connection::open(&f.path).unwrap();
                conn.execute_batch(
                    "UPDATE settings SET value = json_set(value, '$.ends_at', 1, '$.date',
                         date(value ->> '$.date', '-1 day')) WHERE key = 'day';
                     UPDATE usage SET day = date(day, '-1 day');",
                )
                .unwrap();
            }
        }
        assert!(f.store.halt().unwrap().is_none(), "{how}");
        assert!(f.claim("b").is_some(), "{how}");
        let lifted = f.actions().iter().filter(|a| *a == "halt_lifted").count();
        assert_eq!(lifted, 1, "{how}");
        // What comes after that.
        let more = spends(&mut f, "a", id, 1, 2 * DOLLAR);
        let expected = (how != "resumed").then_some(Budget::Day);
        assert_eq!(more, expected, "{how}");
    }
}

#[test]
fn a_refused_login_and_a_spent_day_do_not_hide_each_other() {
    let mut f = Fixture::new();
    f.store.set_budgets(&dollars(None, Some(1))).unwrap();
    let id = f.ticket("t", &[]);
    f.claim("a").unwrap();
    assert_eq!(spends(&mut f, "a", id, 1, DOLLAR), Some(Budget::Day));
    ends(&mut f, "a", id, 1, Outcome::AuthFailed);
    let why = f.human(|q| q.paused()).unwrap().unwrap();
    assert!(
        why.contains("login is refused") && why.contains("budget"),
        "{why}"
    );
    assert_eq!(f.store.next_claimable().unwrap(), None);
    f.store.try_login_again().unwrap();
    assert!(f.claim("a").is_none(), "the day is still spent");
    f.store.set_budgets(&dollars(None, None)).unwrap();
    assert!(f.claim("a").is_some());
}

#[test]
fn a_proposal_is_bound_by_the_day() {
    let mut f = Fixture::new();
    f.store.set_budgets(&dollars(Some(9), Some(1))).unwrap();
    let begun = f.store.begin_proposal("a", ration(1, 0)).unwrap().unwrap();
    assert_eq!(
        f.store.allowance(None).unwrap(),
        Some(Allowance {
            microusd: DOLLAR,
            budget: Budget::Day
        })
    );
    let report = beat(&[used(1, "opus", 1, Some(DOLLAR))]);
    let heard = f.store.proposal_heartbeat("a", begun.run, &report).unwrap();
    assert_eq!(heard.over_budget, Some(Budget::Day));
    f.ticket("t", &[]);
    assert!(f.claim("a").is_none());
}
