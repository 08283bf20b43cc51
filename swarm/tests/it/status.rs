//! `swarm status` without a hub: the database's own report.

use ticket::attempt::Outcome;
use ticket::store::{ClaimPolicy, Store};
use ticket::ticket::{NewTicket, TicketType};
use ticket::wire::{EndAttempt, Submit};
use ticket::{Actor, Queue};

use crate::support::Place;

const POLICY: ClaimPolicy = ClaimPolicy {
    lease_seconds: 60,
    max_attempts: 1,
};

/// A night: one ticket landed, one failed too often, one question, a limit.
fn after_a_night() -> Place {
    let place = Place::with_project(&[("a", "")]);
    let mut store = Store::open(&place.root().join(".swarm/tickets/tickets.db")).unwrap();
    let mut human = store.session(&Actor::Human);
    for ticket in human.list(&Default::default()).unwrap() {
        human
            .mark_done(ticket.id, Some(ticket::ticket::Resolution::Cancelled))
            .unwrap();
    }
    let task = |title: &str| NewTicket {
        title: title.into(),
        ..NewTicket::default()
    };
    let good = human.create(&task("A good one")).unwrap();
    let question = NewTicket {
        kind: Some(TicketType::Question),
        assign: Some("human".into()),
        ..task("Which colour?")
    };
    human.create(&question).unwrap();
    store.claim("agent-1", POLICY).unwrap().unwrap();
    let submit = Submit {
        commit: "c".into(),
        summary: None,
    };
    let landing = store.submit("agent-1", good, 1, &submit).unwrap().id;
    store.landing_verifying(landing, "d").unwrap();
    store.land(landing, "d").unwrap();
    let bad = store
        .session(&Actor::Human)
        .create(&task("A bad one"))
        .unwrap();
    store.claim("agent-1", POLICY).unwrap().unwrap();
    let red = EndAttempt::new(Outcome::VerifyRed, "test_x\u{1b}[31m is red");
    store.end_attempt("agent-1", bad, 1, &red, 1).unwrap();
    let limited = store
        .session(&Actor::Human)
        .create(&task("A limited one"))
        .unwrap();
    store.claim("agent-1", POLICY).unwrap().unwrap();
    let limit = EndAttempt::new(Outcome::RateLimited, "5-hour limit");
    store.end_attempt("agent-1", limited, 1, &limit, 1).unwrap();
    place
}

#[test]
fn the_report_tells_what_happened_and_what_to_type() {
    let place = after_a_night();
    let said = place.swarm("status").ok();
    for words in [
        "The swarm is not running.\n",
        ": 1 landed, 2 attempts failed, 2 for you\n",
        "A good one (",
        "Failed: 1 rate-limited, 1 verify-red\n",
        "attempt 1: verify-red: test_x[31m is red\n",
        "question: Which colour?\n    ticket answer ",
        "quarantine: A bad one\n    ticket answer ",
        "till now: the account's usage limit is reached (5-hour limit)",
    ] {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    assert!(said.lines().count() < 24, "one screen:\n{said}");
    assert!(!said.contains('\u{1b}'));
}

#[test]
fn the_report_as_json_has_the_same() {
    let place = after_a_night();
    let said = place.swarm("status --json --since 8h").ok();
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["running"], false);
    assert_eq!(report["state"], "stopped");
    let shift = &report["shift"];
    assert_eq!(shift["landed_count"], 1);
    assert_eq!(shift["landed"][0]["title"], "A good one");
    assert_eq!(shift["failed_counts"]["verify-red"], 1);
    assert_eq!(shift["failed"].as_array().unwrap().len(), 2);
    let wanted: Vec<&str> = shift["waiting"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| w["wanted"].as_str().unwrap())
        .collect();
    assert_eq!(wanted, ["question", "quarantine"]);
    assert!(shift["interruptions"][0]["until"].is_null());
}

#[test]
fn a_landing_can_be_looked_at_without_a_hub() {
    let place = after_a_night();
    let said = place.swarm("logs --landing 1").ok();
    assert!(said.starts_with("landing 1: #"), "{said}");
    assert!(said.contains("landed, submitted "), "{said}");
    place.swarm("logs --landing 99").refused(&["99"]);
}

#[test]
fn a_report_begins_when_it_is_asked_to() {
    let place = after_a_night();
    let later = "status --json --since 2999-01-01T00:00:00Z";
    let report: serde_json::Value = serde_json::from_str(&place.swarm(later).ok()).unwrap();
    assert_eq!(report["shift"]["since"], "2999-01-01 00:00:00");
    assert_eq!(report["shift"]["landed_count"], 0);
    assert_eq!(
        report["shift"]["interruptions"].as_array().unwrap().len(),
        0
    );
    assert_eq!(place.swarm("status --since yesterday").code, 2);
}

#[test]
fn a_hub_that_was_killed_is_said_to_be_down() {
    let mut place = after_a_night();
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = away.local_addr().unwrap();
    drop(away);
    let file = format!(r#"{{"url":"http://{address}","token":"x"}}"#);
    place.write(&[(".swarm/hub.json", &file)]);
    place.set("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let said = place.swarm("status").ok();
    assert!(
        said.starts_with("! the hub cannot come back, as no Docker engine answers"),
        "{said}"
    );
    assert!(said.contains("1 landed"), "{said}");
    let report: serde_json::Value =
        serde_json::from_str(&place.swarm("status --json").ok()).unwrap();
    assert_eq!(report["state"], "down");
    assert_eq!(report["down"], "no-engine");
}
