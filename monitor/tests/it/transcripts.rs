//! Transcripts through the hub: who may hand them in, and how people read them while they grow.

use std::time::Instant;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use ticket::transcript::{End, What};

use crate::fixture::{AT_ONCE, Door, Swarm, beginning, kind, until};

fn line(what: What<'_>) -> String {
    what.line(ticket::transcript::now())
}

fn end() -> String {
    let end = End {
        ending: "completed".into(),
        ..End::default()
    };
    line(What::End(&end))
}

async fn hand_in(door: &Door, path: &str, offset: u64, piece: &str) -> (StatusCode, Value) {
    let request = door
        .request(Method::POST, path)
        .query(&[("offset", offset)])
        .body(piece.to_owned());
    crate::fixture::answer(request).await
}

/// What is there, and whether it is the end.
async fn read(door: &Door, path: &str) -> (String, bool) {
    let answer = door.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let is_last = answer.headers()[ticket::transcript::IS_LAST] == "true";
    (answer.text().await.unwrap(), is_last)
}

const RUN: &str = "/attempts/1/1/runs/1/transcript";

#[tokio::test]
async fn a_runner_hands_in_its_own_runs_and_no_others() {
    let swarm = Swarm::start().await;
    swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    let other = swarm.worker("agent-2").await;
    let work = worker.work(0).await;
    let agent = swarm.agents(work["token"].as_str().unwrap());
    let first = beginning();

    for (door, path, expected) in [
        (&other, RUN, "forbidden"),
        (&agent, RUN, "forbidden"),
        (&worker, "/attempts/1/2/runs/1/transcript", "not-found"),
        (&worker, "/attempts/7/1/runs/1/transcript", "not-found"),
        (&worker, "/proposals/1/runs/1/transcript", "not-found"),
        (&worker, "/attempts/1/1/runs/0/transcript", "invalid"),
        (&worker, "/attempts/1/1/runs/x/transcript", "invalid"),
    ] {
        let (_, body) = hand_in(door, path, 0, &first).await;
        assert_eq!(kind(&body), expected, "{path}");
    }
    let (status, kept) = hand_in(&worker, RUN, 0, &first).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(kept, json!({ "bytes": first.len() }));
    let (_, body) = hand_in(&other, RUN, first.len() as u64, "x").await;
    assert_eq!(kind(&body), "forbidden");
    // What an agent may not read either.
    for door in [&worker, &agent] {
        let (status, _) = door.get("/transcripts").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_hole_is_not_filled_and_a_repetition_not_doubled() {
    let (swarm, worker) = Swarm::at_work().await;
    let (first, second) = (beginning(), line(What::Out("one", false)));
    let at = first.len() as u64;
    hand_in(&worker, RUN, 0, &first).await;
    let (status, kept) = hand_in(&worker, RUN, at + 5, &second).await;
    assert_eq!((status, &kept["bytes"]), (StatusCode::OK, &json!(at)));
    for _ in 0..2 {
        let (_, kept) = hand_in(&worker, RUN, at, &second).await;
        assert_eq!(kept["bytes"], at + second.len() as u64);
    }
    let (raw, is_last) = read(&swarm.human(), "/transcripts/1/raw").await;
    assert_eq!((raw, is_last), (first + &second, false));
}

#[tokio::test]
async fn what_comes_after_the_attempt_belongs_to_its_own_run_still() {
    let (swarm, worker) = Swarm::at_work().await;
    let first = beginning();
    hand_in(&worker, RUN, 0, &first).await;
    let ended = json!({ "outcome": "agent-failed", "reason": "because", "log_tail": null,
                        "snapshot": null, "session_id": null });
    let (status, _) = worker.post("/attempts/1/1/end", ended).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = hand_in(&worker, RUN, first.len() as u64, &end()).await;
    assert_eq!(status, StatusCode::OK);
    let after = (first + &end()).len() as u64;
    let (status, body) = hand_in(&worker, RUN, after, "more").await;
    assert_eq!((status, kind(&body)), (StatusCode::CONFLICT, "refused"));
    let (_, listed) = swarm.human().get("/transcripts?ticket=1").await;
    assert_eq!(listed[0]["ending"], "completed");
}

#[tokio::test]
async fn a_reader_is_there_when_something_comes() {
    let (swarm, worker) = Swarm::at_work().await;
    let human = swarm.human();
    let waiting = human.clone();
    let first_run = tokio::spawn(async move {
        let listed = waiting.get("/transcripts?agent=agent-1&wait=60").await.1;
        (listed, Instant::now())
    });
    tokio::task::yield_now().await;
    let sent = Instant::now();
    let first = beginning();
    hand_in(&worker, RUN, 0, &first).await;
    let (listed, heard) = first_run.await.unwrap();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["agent"]),
        (&json!(1), &json!("agent-1"))
    );
    assert!(heard - sent < AT_ONCE);

    let (text, is_last) = read(&human, "/transcripts/1/text?wait=60").await;
    assert!(
        text.starts_with("=== #1 attempt 1, run 1: work by agent-1, command"),
        "{text}"
    );
    assert!(!is_last);
    let path = format!("/transcripts/1/text?offset={}&wait=60", text.len());
    let waiting = human.clone();
    let rest = tokio::spawn(async move { read(&waiting, &path).await });
    tokio::task::yield_now().await;
    let sent = Instant::now();
    hand_in(&worker, RUN, first.len() as u64, &end()).await;
    assert_eq!(
        rest.await.unwrap(),
        ("=== end: completed\n".to_owned(), true)
    );
    assert!(sent.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn unknown_transcripts_and_forms_are_named() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    for (path, says) in [
        ("/transcripts/1/text", "there is no transcript 1"),
        (
            "/transcripts/1/pdf",
            "a transcript has no form 'pdf': use raw or text",
        ),
    ] {
        let (status, body) = human.get(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(body["error"]["message"], says);
    }
    assert_eq!(human.get("/transcripts").await.1, json!([]));
}

#[tokio::test]
async fn what_cannot_be_recorded_is_a_problem_in_the_status() {
    let (swarm, worker) = Swarm::at_work().await;
    let folder = swarm.project.transcripts().join("tickets");
    std::fs::write(&folder, "in the way").unwrap();
    let (_, body) = hand_in(&worker, RUN, 0, &beginning()).await;
    assert_eq!(kind(&body), "io");
    let problems = |status: Value| status["problems"].to_string();
    let (_, status) = swarm.human().get("/status").await;
    assert!(problems(status).contains("the work goes on without it"));
    std::fs::remove_file(&folder).unwrap();
    hand_in(&worker, RUN, 0, &beginning()).await;
    let (_, status) = swarm.human().get("/status").await;
    assert_eq!(status["problems"], json!([]));
}

#[tokio::test]
async fn what_is_too_much_goes_and_tickets_that_are_not_done_keep_theirs_longest() {
    let swarm = Swarm::start_with(r#"{"transcripts": {"max_size": "1m"}}"#).await;
    for (ticket, agent) in [(1, "agent-1"), (2, "agent-2")] {
        swarm.ticket("work").await;
        let worker = swarm.worker(agent).await;
        assert_eq!(worker.work(0).await["ticket"]["id"], ticket);
        let long = line(What::Out(&"x".repeat(600_000), false));
        let path = format!("/attempts/{ticket}/1/runs/1/transcript");
        let (status, _) = hand_in(&worker, &path, 0, &(beginning() + &long + &end())).await;
        assert_eq!(status, StatusCode::OK);
    }
    let human = swarm.human();
    let (status, _) = human.post("/tickets/2/mark-done", json!({})).await;
    assert!(status.is_success(), "{status}");
    let swarm = swarm.restart().await;
    let human = swarm.human();
    let left = || async {
        let (_, listed) = human.get("/transcripts").await;
        let listed = listed.as_array().unwrap().clone();
        (listed.len() == 1).then(|| listed[0]["ticket"].clone())
    };
    assert_eq!(until("one of the two is removed", left).await, json!(1));
}
