//! Proposals of idle agents: the ration, what must not be repeated, and what a proposer may do.

use std::time::{Duration, Instant};

use ticket::attempt::Outcome;
use ticket::comment::NewComment;
use ticket::error::Error;
use ticket::filter::ClaimFilter;
use ticket::learning::NewLearning;
use ticket::store::NewProposal;
use ticket::ticket::{NewTicket, TicketChange};
use ticket::wire::{EndProposal, Heartbeat, Role};
use ticket::{Actor, Queue, Status, TicketType};

use crate::knowledge::found;
use crate::support::{Fixture, ration};

const HOUR: i64 = 3600;

fn idea(title: &str) -> NewTicket {
    NewTicket {
        title: title.into(),
        ..NewTicket::default()
    }
}

fn proposer(run: &NewProposal) -> Actor {
    Actor::Proposer {
        agent: "a".into(),
        run: run.run,
    }
}

impl Fixture {
    fn begin(&mut self, max_open: i64, every: i64) -> Option<NewProposal> {
        let ration = ration(max_open, every);
        self.store.begin_proposal("a", ration).unwrap()
    }

    fn propose(&mut self, run: &NewProposal, title: &str) -> ticket::Result<i64> {
        self.store.session(&proposer(run)).create(&idea(title))
    }

    /// A run of an agent that makes this proposal.
    fn proposed(&mut self, title: &str) -> i64 {
        let run = self.begin(100, 0).unwrap();
        let id = self.propose(&run, title).unwrap();
        self.over(&run, None);
        id
    }

    fn over(&mut self, run: &NewProposal, outcome: Option<Outcome>) {
        let end = EndProposal {
            outcome,
            ..EndProposal::default()
        };
        self.store.end_proposal("a", run.run, &end).unwrap();
    }

    /// As if so many seconds had passed since the runs began; the other way round with fewer than 0.
    fn passes(&mut self, seconds: i64) {
        let conn = rusqlite::Connection::open(&self.path).unwrap();
        let sql = "UPDATE proposal_runs SET left_at = left_at + ?1,
                   started_at = datetime(started_at, printf('%+d seconds', ?1))";
        conn.execute(sql, [-seconds]).unwrap();
    }
}

#[test]
fn one_is_open_and_one_is_asked_for_at_once() {
    let mut f = Fixture::new();
    let run = f.begin(1, 0).unwrap();
    assert!(f.begin(5, 0).is_none(), "one run at a time");
    let id = f.propose(&run, "Say what is missing").unwrap();
    let again = f.propose(&run, "Something else entirely");
    assert!(again.unwrap_err().to_string().contains("one is enough"));
    f.over(&run, None);
    assert!(f.begin(1, 0).is_none(), "one is open");
    assert_eq!(f.show(id).ticket.kind, TicketType::Proposal);
    assert_eq!(f.show(id).ticket.assigned_to.as_deref(), Some("human"));
    f.human(|q| q.reject(id, "Not now")).unwrap();
    assert!(f.begin(1, HOUR).is_none(), "too soon");
    let next = f.begin(1, 0).unwrap();
    let known = &next.known[0];
    assert_eq!(
        (
            known.title.as_str(),
            known.rejected,
            known.reason.as_deref()
        ),
        ("Say what is missing", true, Some("Not now"))
    );
}

#[test]
fn what_is_known_is_not_proposed_again() {
    let mut f = Fixture::new();
    let open = f.ticket("Add a count command", &[]);
    let waits = f.proposed("Explain how to install in the README");
    let rejected = f.proposed("Drop Python 3.8");
    f.human(|q| q.reject(rejected, "Customers need it"))
        .unwrap();
    let done = f.ticket("Validate the price of an item", &[]);
    f.human(|q| q.mark_done(done, None)).unwrap();
    for (title, repeats, state) in [
        ("A `count` command for the CLI", open, "is open"),
        ("README: explain how to install", waits, "is open"),
        ("Drop support for Python 3.8", rejected, "was turned down"),
    ] {
        let run = f.begin(100, 0).unwrap();
        let before = f.human(|q| q.count(&Default::default())).unwrap();
        let refused = f.propose(&run, title).unwrap_err();
        assert!(matches!(refused, Error::Refused(_)));
        let said = refused.to_string();
        assert!(
            said.contains(&format!("repeats ticket {repeats} ")),
            "{said}"
        );
        assert!(
            said.contains(state) && said.contains("something else, once"),
            "{said}"
        );
        assert_eq!(f.human(|q| q.count(&Default::default())).unwrap(), before);
        f.over(&run, None);
        f.passes(2 * 86_400);
    }
    assert!(f.actions().contains(&"proposal_refused".to_owned()));
    let run = f.begin(100, 0).unwrap();
    f.propose(&run, "Price validation for items").unwrap();
}

#[test]
fn after_two_repetitions_a_run_proposes_nothing_more() {
    let mut f = Fixture::new();
    f.ticket("Add a count command", &[]);
    f.ticket("Drop Python 3.8", &[]);
    let run = f.begin(1, 0).unwrap();
    f.propose(&run, "Add a count command").unwrap_err();
    let second = f.propose(&run, "Drop Python 3.8").unwrap_err();
    assert!(
        second.to_string().ends_with("exit without a proposal"),
        "{second}"
    );
    let third = f.propose(&run, "Something new that nobody thought of");
    assert!(third.unwrap_err().to_string().contains("too often"));
    f.over(&run, None);
    f.passes(86_400);
    let run = f.begin(1, 0).unwrap();
    f.propose(&run, "Add a count command").unwrap_err();
    f.propose(&run, "Something new that nobody thought of")
        .unwrap();
}

#[test]
fn nothing_to_propose_makes_the_swarm_quiet() {
    let mut f = Fixture::new();
    let mut waits = Vec::new();
    for _ in 0..7 {
        let run = f.begin(1, HOUR).unwrap();
        f.over(&run, None);
        let mut waited = 0;
        while f
            .store
            .begin_proposal("b", ration(1, HOUR))
            .unwrap()
            .is_none()
        {
            f.passes(HOUR);
            waited += 1;
        }
        waits.push(waited);
        let conn = rusqlite::Connection::open(&f.path).unwrap();
        conn.execute("DELETE FROM proposal_runs WHERE agent = 'b'", [])
            .unwrap();
    }
    assert_eq!(waits, [2, 4, 8, 16, 24, 24, 24]);
    f.passes(24 * HOUR);
    let run = f.begin(1, HOUR).unwrap();
    let id = f.propose(&run, "Something at last").unwrap();
    f.over(&run, None);
    f.human(|q| q.reject(id, "no")).unwrap();
    f.passes(HOUR);
    assert!(
        f.begin(1, HOUR).is_some(),
        "a proposal begins the count anew"
    );
}

#[test]
fn only_what_an_agent_did_itself_counts_as_nothing_to_propose() {
    for (outcome, counts) in [
        (None, true),
        (Some(Outcome::AgentFailed), true),
        (Some(Outcome::Stalled), true),
        (Some(Outcome::RateLimited), false),
    ] {
        let mut f = Fixture::new();
        let run = f.begin(1, HOUR).unwrap();
        f.over(&run, outcome);
        f.human(|q| q.resume()).unwrap();
        f.passes(HOUR);
        assert_eq!(f.begin(1, HOUR).is_none(), counts, "{outcome:?}");
    }
}

/// As a restarted container does it.
fn restart(f: &mut Fixture, agent: &str) {
    f.store
        .register_agent(agent, Role::Worker, None, "code")
        .unwrap();
    f.store.enroll("code").unwrap();
}

fn of_session(id: &str) -> Heartbeat {
    Heartbeat {
        session_id: Some(id.into()),
        ..Heartbeat::default()
    }
}

#[test]
fn a_run_whose_agent_is_gone_is_taken_up_by_the_next_idle_one() {
    let mut f = Fixture::new();
    let run = f.begin(1, HOUR).unwrap();
    assert_eq!((run.tries, run.resume.as_deref()), (1, None));
    let said = f.store.proposal_heartbeat("a", run.run, &of_session("s-1"));
    said.unwrap();
    restart(&mut f, "a");
    assert!(f.store.principal(&run.token).unwrap().is_none());
    let late = f.store.end_proposal("a", run.run, &EndProposal::default());
    assert!(matches!(late, Err(Error::Stale(_))));
    assert!(
        f.begin(1, HOUR).is_none(),
        "it waits a little, and no other begins"
    );
    f.passes(10);

    let again = f.begin(1, HOUR).unwrap();
    assert_eq!((again.run, again.tries), (run.run, 2));
    assert_eq!(
        again.resume.as_deref(),
        Some("s-1"),
        "the same agent goes on"
    );
    assert!(f.begin(1, 0).is_none(), "never two at once");
    let expired = f.store.expire_proposal(run.run, 120).unwrap();
    assert!(expired && !f.store.expire_proposal(run.run, 120).unwrap());
    f.passes(20);

    let other = f
        .store
        .begin_proposal("b", ration(1, HOUR))
        .unwrap()
        .unwrap();
    assert_eq!((other.run, other.tries, other.resume), (run.run, 3, None));
    let stale = f
        .store
        .proposal_heartbeat("a", run.run, &Heartbeat::default());
    assert!(matches!(stale, Err(Error::Stale(_))));
    let by_b = Actor::Proposer {
        agent: "b".into(),
        run: run.run,
    };
    let id = f.store.session(&by_b).create(&idea("Say what is missing"));
    f.human(|q| q.reject(id.unwrap(), "no")).unwrap();
    f.store
        .end_proposal("b", run.run, &EndProposal::default())
        .unwrap();
    f.passes(HOUR);
    assert_ne!(f.begin(1, HOUR).unwrap().run, run.run);
}

#[test]
fn a_run_that_no_agent_survives_is_given_up_and_counts_as_nothing_to_propose() {
    let mut f = Fixture::new();
    let first = f.begin(1, HOUR).unwrap().run;
    for tries in 1..=3 {
        restart(&mut f, "a");
        f.passes(300);
        if tries < 3 {
            assert_eq!(f.begin(1, HOUR).unwrap().run, first);
        }
    }
    f.passes(HOUR);
    assert!(f.begin(1, HOUR).is_none(), "the wait has doubled");
    f.passes(HOUR);
    assert_ne!(f.begin(1, HOUR).unwrap().run, first);
}

#[test]
fn a_run_that_has_made_its_proposal_is_over_when_its_agent_goes() {
    let mut f = Fixture::new();
    let run = f.begin(5, 0).unwrap();
    f.propose(&run, "Say what is missing").unwrap();
    restart(&mut f, "a");
    let next = f.begin(5, 0).unwrap();
    assert_ne!(next.run, run.run);
    f.propose(&next, "Something else entirely").unwrap();
    assert!(f.store.expire_proposal(next.run, 120).unwrap());
    assert_eq!(f.store.live_proposals().unwrap(), Vec::<i64>::new());
}

#[test]
fn a_run_that_was_told_to_stop_goes_on_later() {
    for outcome in [
        Outcome::Released,
        Outcome::InfraFailed,
        Outcome::RateLimited,
    ] {
        let mut f = Fixture::new();
        let run = f.begin(1, HOUR).unwrap().run;
        let end = EndProposal {
            outcome: Some(outcome),
            reason: Some("the runner was told to stop".into()),
            ..EndProposal::default()
        };
        f.store.end_proposal("a", run, &end).unwrap();
        f.human(|q| q.resume()).unwrap();
        f.passes(10);
        assert_eq!(f.begin(1, HOUR).unwrap().run, run, "{outcome:?}");
    }
}

#[test]
fn a_clock_that_was_set_back_silences_nobody() {
    let mut f = Fixture::new();
    f.proposed("Say what is missing");
    f.passes(-30 * 86_400);
    assert!(f.begin(2, HOUR).is_some());
}

#[test]
fn a_proposer_reads_and_makes_one_proposal() {
    let mut f = Fixture::new();
    let parent = NewTicket {
        wait_for_children: true,
        ..idea("The great plan")
    };
    let parent = f.human(|q| q.create(&parent)).unwrap();
    let other = f.ticket("Another one", &[]);
    let before = (f.show(parent).ticket, f.show(other).ticket);
    let run = f.begin(1, 0).unwrap();
    let change = TicketChange {
        title: Some("x".into()),
        ..TicketChange::default()
    };
    let learning = NewLearning {
        body: "x".into(),
        ..NewLearning::default()
    };
    let mut session = f.store.session(&proposer(&run));
    assert_eq!(session.list(&Default::default()).unwrap().len(), 2);
    session.show(other).unwrap();
    let id = session
        .create(&NewTicket {
            kind: Some(TicketType::Task),
            assign: Some("a".into()),
            created_by: Some("human".into()),
            parent: Some(parent),
            blocked_by: vec![other],
            block_dependents_of: vec![other],
            ..idea("Take everything over")
        })
        .unwrap();
    for refused in [
        session.create(&idea("Something else entirely")).map(drop),
        session.create_all(&[idea("x")]).map(drop),
        session.comment(other, &NewComment::new("x")).map(drop),
        session.comment(id, &NewComment::new("x")).map(drop),
        session.update(id, &change),
        session.complete(other),
        session.unclaim(other),
        session.block(other, id),
        session.unblock(other, id),
        session.mark_done(id, None),
        session.answer(id, "x"),
        session.approve(id),
        session.reject(id, "x"),
        session.pass(id, None),
        session.fail(id, "x").map(drop),
        session.claim_next("a", &ClaimFilter::default()).map(drop),
        session.learn(&learning).map(drop),
        session.pause("x"),
        session.resume().map(drop),
        session.export(&mut Vec::new()),
        session.import(Box::new(std::io::empty())).map(drop),
        session.backup(std::path::Path::new("x")),
        session.doctor(true).map(drop),
    ] {
        let is_refusal = matches!(refused, Err(Error::Forbidden(_) | Error::Refused(_)));
        assert!(is_refusal, "{refused:?}");
    }
    let made = f.show(id);
    assert_eq!(
        (made.ticket.kind, made.ticket.status),
        (TicketType::Proposal, Status::Open)
    );
    assert_eq!((made.ticket.parent_id, made.blocked_by), (None, vec![]));
    assert_eq!(made.ticket.created_by, "a");
    assert_eq!((f.show(parent).ticket, f.show(other).ticket), before);
    assert!(f.human(|q| q.paused()).unwrap().is_none());
}

/// Words of many tickets, as generated ones have them: each ticket shares every word with others.
#[test]
fn a_repetition_is_found_among_many_tickets_soon() {
    let mut f = Fixture::new();
    let verbs = ["Mend", "Test", "Document", "Rename", "Split"];
    let things = [
        "parser", "lexer", "store", "report", "menu", "import", "export",
    ];
    let needle = f.ticket("Mend the parser of the quotation marks", &[]);
    let many: Vec<NewTicket> = (0..20_000)
        .map(|n: usize| {
            let (verb, thing) = (verbs[n % 5], things[n % 7]);
            NewTicket {
                description: Some(format!(
                    "The {thing} has a problem with part {n} of the marks"
                )),
                ..idea(&format!("{verb} the {thing} of the marks {n}"))
            }
        })
        .collect();
    f.human(|q| q.create_all(&many)).unwrap();
    // The first search takes in what was just written.
    assert_eq!(found(&mut f, "quotation"), [needle]);
    let run = f.begin(1, 0).unwrap();
    let began = Instant::now();
    let refused = f
        .propose(&run, "Mend the quotation marks parser")
        .unwrap_err();
    let took = began.elapsed();
    assert!(
        refused.to_string().contains(&format!("ticket {needle} ")),
        "{refused}"
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
}
