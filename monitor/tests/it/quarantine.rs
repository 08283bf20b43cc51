//! A ticket that agents cannot do: it becomes a question, and the answer makes it theirs again.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{Door, Swarm};

/// One attempt that fails, with this log.
async fn fail(worker: &Door, ticket: i64, attempt: i64) {
    // Longer than the wait after a first failure.
    let work = worker.work(30).await;
    assert_eq!(
        (&work["ticket"]["id"], &work["ticket"]["attempt"]),
        (&json!(ticket), &json!(attempt)),
        "{work}"
    );
    let end = json!({
        "outcome": "verify-red", "reason": format!("the gate stayed red {attempt}"),
        "log_tail": format!("first line\nred log of {attempt}\u{1b}[2J"),
    });
    let path = format!("/attempts/{ticket}/{attempt}/end");
    assert_eq!(worker.post(&path, end).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_ticket_that_failed_too_often_is_asked_about_and_the_answer_opens_it_again() {
    let swarm = Swarm::start_with(r#"{"queue": {"max_attempts": 2}}"#).await;
    let human = swarm.human();
    let id = swarm.ticket("hopeless").await;
    let worker = swarm.worker("agent-1").await;
    fail(&worker, id, 1).await;
    fail(&worker, id, 2).await;
    let other = swarm.ticket("another").await;
    let second = swarm.worker("agent-2").await;
    assert_eq!(
        second.work(5).await["ticket"]["id"],
        other,
        "the others go on"
    );

    let (_, shown) = human.get(&format!("/tickets/{id}")).await;
    assert_eq!(
        (&shown["status"], &shown["assigned_to"]),
        (&json!("open"), &json!("human"))
    );
    let question = shown["comments"][0]["body"].as_str().unwrap();
    for told in [
        "2 attempts failed",
        "attempt 1 by agent-1: verify-red: the gate stayed red 1",
        "attempt 2 by agent-1: verify-red: the gate stayed red 2",
        "red log of 2",
        &format!("ticket answer {id}"),
    ] {
        assert!(question.contains(told), "'{told}' is not in {question}");
    }
    let (_, status) = human.get("/shift").await;
    assert_eq!(status["waiting"][0]["ticket"], id, "{status}");
    assert_eq!(status["waiting"][0]["wanted"], "quarantine");

    let answer = json!({ "body": "Leave the old format alone." });
    let (answered, said) = human.post(&format!("/tickets/{id}/answer"), answer).await;
    assert_eq!(answered, StatusCode::NO_CONTENT, "{said}");
    let (_, shown) = human.get(&format!("/tickets/{id}")).await;
    assert_eq!(
        (&shown["status"], &shown["assigned_to"], &shown["failures"]),
        (&json!("open"), &Value::Null, &json!(0))
    );
    let again = worker.work(0).await;
    assert_eq!(
        (&again["ticket"]["id"], &again["ticket"]["attempt"]),
        (&json!(id), &json!(3))
    );
    let comments = again["ticket"]["comments"].to_string();
    assert!(
        comments.contains("Leave the old format alone."),
        "{comments}"
    );

    // It has all its attempts again: the next failure is the first one.
    let end = json!({ "outcome": "agent-failed", "reason": "once more" });
    let path = format!("/attempts/{id}/3/end");
    assert_eq!(worker.post(&path, end).await.0, StatusCode::NO_CONTENT);
    let (_, shown) = human.get(&format!("/tickets/{id}")).await;
    assert_eq!(
        (&shown["failures"], &shown["assigned_to"]),
        (&json!(1), &Value::Null)
    );
}
