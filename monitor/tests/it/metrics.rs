//! The numbers for Prometheus: their format, and that they say what happened.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::StatusCode;
use serde_json::json;

use crate::fixture::{Swarm, kind};

/// One number: name with labels in their order, and value.
type Samples = BTreeMap<(String, Vec<(String, String)>), f64>;

/// Reads an exposition as the OpenMetrics specification says, and refuses what is not so.
fn parsed(text: &str) -> Samples {
    let mut samples = Samples::new();
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut ended = false;
    for line in text.lines() {
        assert!(!ended, "a line after the end: {line}");
        if line == "# EOF" {
            ended = true;
        } else if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').unwrap();
            assert!(!words.is_empty(), "{line}");
            assert!(helped.insert(name.to_owned()), "{name} is there twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(helped.contains(name), "{name} has no help before its type");
            types.insert(name.to_owned(), kind.to_owned());
        } else {
            let (name, labels, value) = sample(line);
            let family = types.keys().find(|family| {
                let suffix = name.strip_prefix(family.as_str());
                suffix.is_some_and(|suffix| suffixes(&types[*family]).contains(&suffix))
            });
            assert!(family.is_some(), "{name} belongs to no type before it");
            assert!(name.starts_with("swarm_"), "{line}");
            let known = samples.insert((name, labels), value);
            assert!(known.is_none(), "twice: {line}");
        }
    }
    assert!(ended, "no end");
    samples
}

fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => &[""],
    }
}

/// `name{label="value",…} number`, with `\\`, `\"` and `\n` in values.
fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    let word = |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    assert!(word(name), "{line}");
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap();
            assert!(word(label), "{line}");
            let mut value = String::new();
            let mut characters = after.char_indices();
            let closed = loop {
                match characters.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        other => panic!("\\{other} in {line}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            rest = &after[closed + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    labels.sort();
    let number = rest.strip_prefix(' ').unwrap().parse().unwrap();
    (name.to_owned(), labels, number)
}

async fn scraped(swarm: &Swarm) -> Samples {
    let human = swarm.human();
    let request = human.http.get(format!("{}/metrics", human.url));
    let response = request.bearer_auth(&human.token).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    parsed(&response.text().await.unwrap())
}

fn value(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> f64 {
    let mut labels: Vec<(String, String)> = labels
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    labels.sort();
    let key = (name.to_owned(), labels);
    *samples
        .get(&key)
        .unwrap_or_else(|| panic!("{key:?} is not in {samples:#?}"))
}

#[tokio::test]
async fn the_numbers_say_what_happened() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let (first, second) = (swarm.ticket("one").await, swarm.ticket("two").await);
    let blocked = json!({ "title": "three", "blocked_by": [second] });
    human.post("/tickets", blocked).await;
    human
        .post("/tickets", json!({ "title": "yours", "assign": "human" }))
        .await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    let usage = json!([{
        "run": 1, "phase": "work", "backend": "claude", "is_last": true,
        "models": [{ "model": "a\"} 7\nswarm_x 1\\", "input_tokens": 30, "output_tokens": 12,
                     "cache_read_tokens": 5, "cache_write_tokens": 0, "cost_microusd": 250_000 }],
    }]);
    for (phase, took) in [("agent", 100), ("verify", 1500)] {
        let beat = json!({ "phase": phase, "took_ms": took, "usage": usage });
        let path = format!("/attempts/{first}/1/heartbeat");
        let (status, body) = worker.post(&path, beat).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }

    let seen = scraped(&swarm).await;
    let number = |name, labels: &[(&str, &str)]| value(&seen, name, labels);
    assert_eq!(number("swarm_tickets", &[("status", "open")]), 3.0);
    assert_eq!(number("swarm_tickets", &[("status", "in_progress")]), 1.0);
    assert_eq!(number("swarm_tickets_claimable", &[]), 1.0);
    assert_eq!(number("swarm_tickets_blocked", &[]), 1.0);
    assert_eq!(
        number("swarm_waiting_for_human", &[("wanted", "proposal")]),
        1.0
    );
    assert_eq!(number("swarm_leases", &[]), 1.0);
    assert_eq!(number("swarm_claims_total", &[]), 1.0);
    assert_eq!(number("swarm_events_total", &[("action", "created")]), 4.0);
    let agent = [("phase", "agent")];
    assert_eq!(number("swarm_phase_duration_seconds_count", &agent), 1.0);
    assert_eq!(number("swarm_phase_duration_seconds_sum", &agent), 1.5);
    let bucket = [("phase", "agent"), ("le", "2.5")];
    assert_eq!(number("swarm_phase_duration_seconds_bucket", &bucket), 1.0);
    let model = "a\"} 7 swarm_x 1\\";
    let spender = [
        ("agent", "agent-1"),
        ("backend", "claude"),
        ("model", model),
    ];
    assert_eq!(number("swarm_cost_usd", &spender), 0.25);
    let output = [&spender[..], &[("kind", "output")]].concat();
    assert_eq!(number("swarm_tokens", &output), 12.0);
    assert!(number("swarm_database_writes_total", &[]) > 5.0);
    assert_eq!(number("swarm_database_waiting_writes", &[]), 0.0);
    assert!(number("swarm_connections", &[("door", "human")]) >= 1.0);
    assert_eq!(number("swarm_sse_clients", &[]), 0.0);
    assert!(number("swarm_oldest_ticket_age_seconds", &[("status", "open")]) < 3600.0);

    swarm.ticket("four").await;
    let again = scraped(&swarm).await;
    let created = [("action", "created")];
    assert_eq!(value(&again, "swarm_events_total", &created), 5.0);
    let swarm = swarm.restart().await;
    let after = scraped(&swarm).await;
    assert_eq!(value(&after, "swarm_events_total", &created), 5.0);
    assert_eq!(value(&after, "swarm_claims_total", &[]), 1.0);
}

#[tokio::test]
async fn numbers_are_for_those_with_the_token() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let address = format!("{}/metrics", human.url);
    for token in ["", "wrong"] {
        let request = human.http.get(&address).bearer_auth(token);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        let body = response.json().await.unwrap();
        assert_eq!(kind(&body), "unauthorized");
    }
    let agents = swarm.agents(&human.token);
    let request = agents
        .http
        .get(format!("{}/metrics", agents.url))
        .bearer_auth(&human.token);
    assert_eq!(
        request.send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_hub_without_its_repository_is_not_ready_and_says_so() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let ready = || async {
        let response = human
            .http
            .get(format!("{}/readyz", human.url))
            .send()
            .await
            .unwrap();
        (response.status(), response.text().await.unwrap())
    };
    assert_eq!(ready().await, (StatusCode::OK, "ready\n".to_owned()));
    let repository = swarm.project.repository();
    let aside = repository.with_extension("aside");
    std::fs::rename(&repository, &aside).unwrap();
    let (status, said) = ready().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(said, "not ready, missing: the repository\n");
    std::fs::rename(&aside, &repository).unwrap();
    assert_eq!(ready().await.0, StatusCode::OK);
}
