//! The real `claude` program, in containers built by the real recipes, works on a published project;
//! only the model behind it is scripted.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use ticket::Status;
use ticket::cost::Cost;
use ticket::ticket::{HUMAN, Resolution, Ticket, TicketDetail, TicketType};

use crate::support::canary::Canary;
use crate::support::engine::{self, Kind};
use crate::support::leaks;
use crate::support::messages_api::{MessagesApi, Used};
use crate::support::published;
use crate::support::swarm::Swarm;

mod script;

use script::{DESCRIBE, MEAN, MENTION, UNZIP, WORDS};

/// Five tickets of about ten seconds each, with room for a very busy machine.
const LANDED_DEADLINE: Duration = Duration::from_secs(900);
/// A proposal is made as soon as an agent has nothing to do.
const PROPOSED_DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn real_claude_lands_three_tickets_on_a_published_project() {
    let canary = Canary::new();
    let api = MessagesApi::start(engine::address_of_this_machine(), script::script());
    let mut swarm = Swarm::on(published::toolz);
    swarm.init(&["--backend", "claude"]);
    let url = api.url();
    swarm.configure(|config| {
        config["agents"]["env"]["ANTHROPIC_BASE_URL"] = url.into();
    });
    swarm.set_env("ANTHROPIC_API_KEY", &canary.key());
    swarm.start(&["--agents", "2"]);
    assert_eq!(swarm.status_json().desired_agents, 2);

    let first = swarm.create(WORDS, &["--description", "As in Haskell, with tests."]);
    let second = swarm.create(MEAN, &["--description", "- of any sequence\n- with tests"]);
    let (after, too) = (first.to_string(), second.to_string());
    let blockers = ["--blocked-by", &after, "--blocked-by", &too];
    let third = swarm.create(MENTION, &blockers);

    let key_in_arguments = Cell::new(false);
    let claude_seen = Cell::new(false);
    swarm.wait_until("every ticket landed", LANDED_DEADLINE, || {
        for (_, arguments) in engine::processes(&swarm.containers()) {
            claude_seen.set(claude_seen.get() || arguments.contains("claude -p"));
            key_in_arguments.set(key_in_arguments.get() || canary.is_in_text(&arguments));
        }
        let tickets = swarm.tickets();
        let failed = tickets.iter().find(|t| t.failures > 0);
        assert_eq!(failed, None, "an attempt failed");
        let landed = |title| tickets.iter().any(|t| t.title == title && is_landed(t));
        script::TASKS.into_iter().all(landed)
    });
    assert!(claude_seen.get() && !key_in_arguments.get());

    let made = [first, second, third].map(|id| swarm.show(id));
    what_it_used_is_told(
        &swarm,
        &api,
        &[(first, WORDS), (second, MEAN), (third, MENTION)],
    );
    worked_as_told(&api, &canary);
    agents_spoke_under_their_own_names(&swarm, &made);
    let sessions = sessions_tell_what_was_done(&swarm, first, second);
    main_tells_the_tickets_and_is_green(&swarm);
    the_user_gets_the_work(&swarm);

    swarm.wait_until("no agent CLI runs", PROPOSED_DEADLINE, || {
        let processes = engine::processes(&swarm.containers());
        !processes
            .iter()
            .any(|(_, arguments)| arguments.contains("claude -p"))
    });
    assert_eq!(leaks::while_running(&swarm, &canary), Vec::<String>::new());
    swarm.stop();
    assert_eq!(sessions_tell_what_was_done(&swarm, first, second), sessions);
    assert_eq!(leaks::on_disk(&swarm, &canary), Vec::<String>::new());
}

fn is_landed(ticket: &Ticket) -> bool {
    ticket.status == Status::Done && ticket.resolution == Some(Resolution::Landed)
}

/// The program that was measured asked for everything, with its key, and every tool did its work.
fn worked_as_told(api: &MessagesApi, canary: &Canary) {
    let notes = api.notes();
    for note in &notes {
        assert_eq!(note.key, Some(canary.key()), "{note:?}");
        let program = format!("claude-cli/{}", swarm::config::DEFAULT_CLAUDE_VERSION);
        assert!(note.agent.starts_with(&program), "{note:?}");
        assert!(
            note.kind.is_empty() || note.marker.is_some(),
            "no script: {note:?}"
        );
        assert_eq!(note.tool_errors, Vec::<String>::new(), "{note:?}");
    }
    let kinds: BTreeSet<_> = notes
        .iter()
        .filter(|note| note.marker == Some(MEAN))
        .map(|note| note.kind.as_str())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["conflict", "verify failed", "work"]));
}

/// What the service counted is what `swarm cost` and the ticket tell, and it has a price.
fn what_it_used_is_told(swarm: &Swarm, api: &MessagesApi, tickets: &[(i64, &str)]) {
    let cost: Cost =
        serde_json::from_str(&swarm.swarm(&["cost", "--by", "ticket", "--json"])).expect("JSON");
    let mut sum = 0;
    for (ticket, marker) in tickets {
        let notes = api.notes().into_iter();
        let steps = notes.filter(|note| note.marker == Some(*marker));
        let used = steps.fold(Used::default(), |sum, note| sum.and(note.used));
        let key = ticket.to_string();
        let line = cost.lines.iter().find(|line| line.key == key);
        let spent = &line.expect("a line for the ticket").spent;
        let usage = Used {
            input: spent.input_tokens,
            output: spent.output_tokens,
            cache_read: spent.cache_read_tokens,
            cache_write: spent.cache_write_tokens,
        };
        assert_eq!(usage, used, "{marker}");
        let shown = swarm.show(*ticket);
        assert!(
            spent.is_cost_known && shown.ticket.spent_usd.0 > 0,
            "{shown:?}"
        );
        assert_eq!(shown.ticket.spent_usd, spent.cost_usd, "{marker}");
        let attempt = &shown.attempts[0].spent;
        assert_eq!(attempt.output_tokens, used.output, "{marker}");
        sum += shown.ticket.spent_usd.0;
    }
    assert!(cost.total.cost_usd.0 >= sum && sum > 0, "{cost:?}");
    let table = swarm.swarm(&["cost", "--by", "model"]);
    assert!(table.contains("claude-"), "{table}");
}

fn agents_spoke_under_their_own_names(swarm: &Swarm, made: &[TicketDetail]) {
    for detail in made {
        let [attempt] = detail.attempts.as_slice() else {
            panic!("more than one attempt: {detail:?}");
        };
        assert!(attempt.agent.starts_with("agent-"), "{detail:?}");
        let authors: BTreeSet<_> = detail.comments.iter().map(|c| c.author.as_str()).collect();
        assert_eq!(
            authors,
            BTreeSet::from([attempt.agent.as_str()]),
            "{detail:?}"
        );
        assert_eq!(detail.ticket.created_by, HUMAN);
    }
    let tickets = swarm.tickets();
    let follow_up = tickets
        .iter()
        .find(|t| t.title == UNZIP)
        .expect("a follow-up");
    assert_eq!(follow_up.created_by, made[2].attempts[0].agent);

    swarm.wait_until(
        "an idle agent proposed something",
        PROPOSED_DEADLINE,
        || {
            swarm
                .tickets()
                .iter()
                .any(|t| t.kind == TicketType::Proposal)
        },
    );
    let tickets = swarm.tickets();
    let proposals = tickets.iter().filter(|t| t.kind == TicketType::Proposal);
    for proposal in proposals {
        assert!(proposal.created_by.starts_with("agent-"), "{proposal:?}");
        assert_eq!(proposal.status, Status::Open);
    }
}

/// What was asked, said and called, run by run, from the hub or from the files. Returns all of it.
fn sessions_tell_what_was_done(swarm: &Swarm, words: i64, mean: i64) -> String {
    let session = |ticket: i64, more: &[&str]| {
        let ticket = ticket.to_string();
        swarm.swarm(&[&["logs", "--ticket", &ticket, "--attempt", "1"], more].concat())
    };
    let work = session(words, &[]);
    for told in [
        &format!("=== #{words} attempt 1, run 1: work by agent-"),
        "prompt:\n           swarm: work\n",
        " agent: I read before I write.\n",
        " calls Read: file_path=",
        " calls Write: file_path=",
        "             def words(text):\n",
        "           + from .text import unwords, words\n",
        " calls Bash: $ python3 -m pytest -q",
        " Bash answers:",
        " agent: The sandbox has words and unwords, with tests.\n",
        " turn: done after ",
        "\n=== end: completed",
    ] {
        assert!(work.contains(told), "{told:?} is not in {work}");
    }
    let phases = ["work", "verify-failed", "conflict"];
    let runs = phases.iter().zip(["1", "2", "3"]).map(|(phase, run)| {
        let told = session(mean, &["--run", run]);
        let begins = format!("=== #{mean} attempt 1, run {run}: {phase} by agent-");
        assert!(told.starts_with(&begins), "{told}");
        assert_eq!(told.contains(", resumed, at "), run != "1", "{told}");
        told
    });
    let runs: String = runs.collect();

    let raw = session(words, &["--raw"]);
    let records = raw.lines().map(serde_json::from_str::<serde_json::Value>);
    let records: Vec<_> = records.map(|record| record.expect("JSON")).collect();
    assert!(records[0]["begin"]["agent"].is_string(), "{raw}");
    let called = |record: &serde_json::Value| {
        record["out"]["message"]["content"][0]["type"] == "tool_use" && record["at"].is_string()
    };
    assert!(
        records.iter().filter(|record| called(record)).count() >= 5,
        "{raw}"
    );
    work + &runs + &raw
}

fn main_tells_the_tickets_and_is_green(swarm: &Swarm) {
    let format = "--format=%s|%(trailers:key=Swarm-Ticket,valueonly,separator=%x2C)";
    let log = swarm.repository(&["log", "--reverse", format, "main"]);
    let landed: Vec<_> = log.lines().filter(|line| !line.ends_with('|')).collect();
    let tickets = swarm.tickets();
    let expected: BTreeSet<_> = script::TASKS
        .into_iter()
        .filter_map(|title| tickets.iter().find(|t| t.title == title))
        .map(|ticket| format!("{}|{}", ticket.title, ticket.id))
        .collect();
    assert_eq!(landed.len(), expected.len(), "{log}");
    let landed: BTreeSet<_> = landed.into_iter().map(String::from).collect();
    assert_eq!(landed, expected, "{log}");

    swarm.swarm(&["verify", "--all"]);
}

fn the_user_gets_the_work(swarm: &Swarm) {
    swarm.swarm(&["pull"]);
    let head = swarm.git(&["rev-parse", "HEAD"]);
    assert_eq!(head, swarm.repository(&["rev-parse", "main"]));
    assert_eq!(swarm.git(&["status", "--porcelain"]), "");
    let file = |name| std::fs::read_to_string(swarm.root().join(name)).expect("a file");
    let sandbox = file("toolz/sandbox/__init__.py");
    assert!(sandbox.contains("import mean\n") && sandbox.contains("import unwords, words\n"));
    assert!(!sandbox.contains("<<<<<<<"), "{sandbox}");
    assert!(
        file("PROJECT.md").starts_with("# toolz"),
        "by ticket '{DESCRIBE}'"
    );
    for kind in [Kind::Container, Kind::Network] {
        assert!(!swarm.labelled(kind).is_empty(), "it still runs");
    }
}
