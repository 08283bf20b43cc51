//! How workers get something to do, and what becomes of it when they are not there any more.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};
use ticket::wire::Role;

use crate::fixture::{AT_ONCE, PATIENCE, Swarm, kind, until};

/// Until a worker stands in line.
async fn someone_waits(swarm: &Swarm) {
    let hub = &swarm.running.hub;
    until("a worker waits", || async {
        hub.line.try_lock().is_err().then_some(())
    })
    .await;
}

/// An end as a runner says it.
fn ended(outcome: &str) -> Value {
    json!({ "outcome": outcome, "reason": "because", "log_tail": null, "snapshot": null,
            "session_id": null })
}

#[tokio::test]
async fn a_waiting_worker_gets_a_new_ticket_at_once() {
    let swarm = Swarm::start().await;
    let worker = swarm.worker("agent-1").await;
    let waiting = tokio::spawn(async move { (worker.work(60).await, Instant::now()) });
    someone_waits(&swarm).await;
    let made = Instant::now();
    let id = swarm.ticket("work").await;
    let (work, got) = waiting.await.unwrap();
    assert_eq!(
        (&work["kind"], &work["ticket"]["id"]),
        (&json!("ticket"), &json!(id))
    );
    assert!(got - made < AT_ONCE);
}

#[tokio::test]
async fn an_assignment_says_all_that_an_attempt_needs() {
    let swarm = Swarm::start_with(r#"{"agents": {"model": "m"}}"#).await;
    let secrets = r#"{"ANTHROPIC_API_KEY":"sk-test"}"#;
    std::fs::write(swarm.project.credentials_file(), secrets).unwrap();
    std::fs::write(swarm.project.prompts().join("work.md"), "mine").unwrap();
    let id = swarm.ticket("work").await;
    let work = swarm.worker("agent-1").await.work(0).await;
    let head = swarm.running.hub.bare.open().unwrap().head().unwrap();
    assert_eq!(
        work["base"],
        json!({ "branch": "main", "commit": head.to_string() })
    );
    assert_eq!(work["ticket"]["attempt"], 1);
    assert_eq!(work["agent"]["cli"]["model"], "m");
    assert_eq!(work["agent"]["secrets"]["ANTHROPIC_API_KEY"], "sk-test");
    assert_eq!(work["agent"]["prompts"]["work"], "mine");
    assert_eq!(work["agent"]["prompts"].as_object().unwrap().len(), 5);
    assert_eq!(work["lease_seconds"], 120);
    let attempt = swarm
        .running
        .hub
        .database
        .call(move |store| store.attempt(id, 1))
        .await;
    assert_eq!(attempt.unwrap().base_commit, Some(head.to_string()));
}

#[tokio::test]
async fn the_longest_waiting_worker_is_served_first() {
    let swarm = Swarm::start().await;
    let mut waiting = Vec::new();
    for n in 1..=3 {
        let worker = swarm.worker(&format!("agent-{n}")).await;
        waiting.push(tokio::spawn(async move { worker.work(60).await }));
        // The second request must come after the first one stands in line.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let mut served = Vec::new();
    for n in 1..=3 {
        swarm.ticket(&format!("work {n}")).await;
        let work = (&mut waiting[n - 1]).await.unwrap();
        served.push(work["ticket"]["title"].as_str().unwrap().to_owned());
    }
    assert_eq!(served, ["work 1", "work 2", "work 3"]);
}

#[tokio::test]
async fn a_worker_that_went_away_takes_no_ticket_with_it() {
    let swarm = Swarm::start().await;
    let gone = swarm.worker("agent-1").await;
    let there = swarm.worker("agent-2").await;
    let waiting = tokio::spawn(async move { gone.work(60).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let second = tokio::spawn(async move { there.work(60).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    waiting.abort();
    let made = Instant::now();
    let id = swarm.ticket("work").await;
    let work = second.await.unwrap();
    assert_eq!(work["ticket"]["id"], id);
    assert!(made.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn a_ticket_whose_answer_was_lost_is_given_again() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    assert_eq!(worker.work(0).await["ticket"]["attempt"], 1);
    let again = worker.work(0).await;
    assert_eq!(
        (&again["ticket"]["id"], &again["ticket"]["attempt"]),
        (&json!(id), &json!(2))
    );
    assert_eq!(again["history"][0]["outcome"], "released");
}

#[tokio::test]
async fn no_ticket_is_lost_to_an_answer_that_nobody_reads() {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;
    let swarm = Swarm::start().await;
    let (gone, there) = (swarm.worker("agent-1").await, swarm.worker("agent-2").await);
    let body = json!({ "wait": 60 }).to_string();
    let request = format!(
        "POST /api/v1/work HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        gone.token,
        body.len()
    );
    for round in 0..20 {
        let id = swarm.ticket("work").await;
        let mut stream = TcpStream::connect(swarm.running.agents).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_micros(round * 400)).await;
        drop(stream);
        // What still got through is taken back when the same agent asks again.
        let mine = gone.work(0).await;
        let work = if mine["kind"] == "ticket" {
            mine
        } else {
            there.work(10).await
        };
        assert_eq!(work["ticket"]["id"], id, "round {round}: {work}");
        let (status, _) = swarm
            .human()
            .post(&format!("/tickets/{id}/mark-done"), json!({}))
            .await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn a_claim_by_hand_is_not_taken_for_a_lost_one() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket("by hand").await;
    let (status, _) = swarm
        .human()
        .post("/tickets/claim-next", json!({ "agent": "agent-1" }))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        swarm.worker("agent-1").await.work(0).await["kind"],
        "nothing"
    );
    assert_eq!(swarm.status_of(id).await, "in_progress");
}

#[tokio::test]
async fn a_deferred_ticket_wakes_its_worker_when_its_time_has_come() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    let (status, _) = worker
        .post(&format!("/attempts/{id}/1/end"), ended("agent-failed"))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let began = Instant::now();
    assert_eq!(worker.work(0).await["kind"], "nothing");
    let work = worker.work(60).await;
    assert_eq!(work["ticket"]["attempt"], 2);
    let waited = began.elapsed();
    assert!(waited.as_secs() >= 8 && waited < PATIENCE, "{waited:?}");
}

#[tokio::test]
async fn one_agent_too_many_is_dismissed_at_once() {
    let swarm = Swarm::start_with(r#"{"agents": {"count": 2}}"#).await;
    let (one, two) = (swarm.worker("agent-1").await, swarm.worker("agent-2").await);
    let first = tokio::spawn(async move { one.work(60).await });
    let second = tokio::spawn(async move { two.work(60).await });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let (status, _) = swarm.human().put("/fleet", json!({ "agents": 1 })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let began = Instant::now();
    assert_eq!(second.await.unwrap(), json!({ "kind": "stop" }));
    assert!(began.elapsed() < AT_ONCE);
    assert!(!first.is_finished());
    swarm.ticket("work").await;
    assert_eq!(first.await.unwrap()["kind"], "ticket");
}

#[tokio::test]
async fn all_agents_leave_together_and_stay_when_told_so() {
    let swarm = Swarm::start_with(r#"{"agents": {"count": 1}}"#).await;
    let human = swarm.human();
    let worker = swarm.worker("agent-1").await;
    assert_eq!(
        human.post("/fleet/leave", json!({})).await.0,
        StatusCode::NO_CONTENT
    );
    swarm.ticket("work").await;
    assert_eq!(worker.work(60).await, json!({ "kind": "stop" }));
    assert_eq!(human.delete("/fleet/leave").await.0, StatusCode::NO_CONTENT);
    assert_eq!(worker.work(60).await["kind"], "ticket");

    human.post("/pause", json!({ "reason": "lunch" })).await;
    let (status, said) = human.post("/fleet/leave", json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(said.to_string().contains("paused"), "{said}");
}

#[tokio::test]
async fn an_idle_agent_proposes_within_its_ration() {
    let config = r#"{"proposals": {"enabled": true, "max_open": 1, "every_minutes": 0}}"#;
    let swarm = Swarm::start_with(config).await;
    let (one, two) = (swarm.worker("agent-1").await, swarm.worker("agent-2").await);
    let run = one.work(0).await;
    assert_eq!(run["kind"], "propose");
    assert_eq!(two.work(0).await["kind"], "nothing");
    let (_, status) = swarm.human().get("/status").await;
    assert_eq!(status["agents"][0]["state"], "proposing");

    let proposer = swarm.agents(run["token"].as_str().unwrap());
    let idea = json!({ "title": "an idea", "type": "task", "assign": "agent-1" });
    let (status, made) = proposer.post("/tickets", idea.clone()).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let (status, _) = proposer.post("/tickets", idea).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (_, ticket) = proposer.get(&format!("/tickets/{}", made["id"])).await;
    assert_eq!(
        (&ticket["type"], &ticket["assigned_to"]),
        (&json!("proposal"), &json!("human"))
    );

    let end = format!("/proposals/{}/end", run["run"]);
    let (status, _) = two.post(&end, json!({ "reason": null })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = one.post(&end, json!({ "reason": null })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(proposer.get("/tickets").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(one.work(0).await["kind"], "nothing");
}

#[tokio::test]
async fn a_proposal_run_ends_with_its_runner_and_waits_for_another() {
    let config = r#"{"proposals": {"enabled": true, "max_open": 1, "every_minutes": 60}}"#;
    let swarm = Swarm::start_with(config).await;
    let one = swarm.worker("agent-1").await;
    let run = one.work(0).await;
    assert_eq!(
        (&run["kind"], &run["tries"]),
        (&json!("propose"), &json!(1))
    );
    let beat = format!("/proposals/{}/heartbeat", run["run"]);
    let (status, _) = one.post(&beat, json!({ "session_id": "s" })).await;
    assert_eq!(status, StatusCode::OK);
    let proposer = swarm.agents(run["token"].as_str().unwrap());
    assert_eq!(proposer.get("/tickets").await.0, StatusCode::OK);

    let again = swarm.worker("agent-1").await;
    assert_eq!(proposer.get("/tickets").await.0, StatusCode::UNAUTHORIZED);
    let (status, _) = again.post(&beat, json!({})).await;
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "it waits for the next idle agent"
    );
    assert_eq!(
        again.work(0).await["kind"],
        "nothing",
        "for ten seconds at least"
    );
    let taken = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let work = again.work(0).await;
            if work["kind"] == "propose" {
                return work;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let taken = taken.await.unwrap();
    assert_eq!((&taken["run"], &taken["tries"]), (&run["run"], &json!(2)));
    assert_eq!(taken["resume"], "s");
}

#[tokio::test]
async fn what_was_given_away_is_not_the_old_attempts_any_more() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket("work").await;
    let (one, two) = (swarm.worker("agent-1").await, swarm.worker("agent-2").await);
    let first = one.work(0).await;
    let agent = swarm.agents(first["token"].as_str().unwrap());
    let path = |attempt: i64, what: &str| format!("/attempts/{id}/{attempt}/{what}");

    let foreign = two.post(&path(1, "heartbeat"), json!({})).await;
    assert_eq!(
        (foreign.0, kind(&foreign.1)),
        (StatusCode::CONFLICT, "stale")
    );

    let taken = swarm
        .human()
        .post(&format!("/tickets/{id}/unclaim"), json!({}))
        .await;
    assert_eq!(taken.0, StatusCode::NO_CONTENT);
    let late = one.post(&path(1, "heartbeat"), json!({})).await;
    assert_eq!((late.0, kind(&late.1)), (StatusCode::CONFLICT, "stale"));
    assert_eq!(
        two.work(0).await["kind"],
        "nothing",
        "its tree may still come"
    );
    let settled = one.post(&path(1, "end"), ended("released")).await;
    assert_eq!(settled.0, StatusCode::NO_CONTENT);

    assert_eq!(two.work(0).await["ticket"]["attempt"], 2);
    for (what, body) in [
        ("heartbeat", json!({})),
        (
            "submit",
            json!({ "commit": "0".repeat(40), "summary": null }),
        ),
        ("end", ended("released")),
    ] {
        let (status, body) = one.post(&path(1, what), body).await;
        assert_eq!(
            (status, kind(&body)),
            (StatusCode::CONFLICT, "stale"),
            "{what}"
        );
    }
    let comment = json!({ "body": "still here" });
    let (status, _) = agent
        .post(&format!("/tickets/{id}/comments"), comment)
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        two.post(&path(2, "heartbeat"), json!({})).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_runner_hears_at_once_what_became_of_its_submission() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket("work").await;
    let (one, two) = (swarm.worker("agent-1").await, swarm.worker("agent-2").await);
    one.work(0).await;
    let never_pushed = json!({ "commit": "1".repeat(40), "summary": "done" });
    let (status, landing) = one
        .post(&format!("/attempts/{id}/1/submit"), never_pushed)
        .await;
    assert_eq!(status, StatusCode::OK, "{landing}");
    let path = format!("/landings/{}?wait=60", landing["id"]);
    let (status, _) = two.get(&path).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let began = Instant::now();
    let (_, landing) = one.get(&path).await;
    assert_eq!(landing["state"], "bounced", "{landing}");
    let human = swarm.human();
    assert_eq!(human.get(&path).await, (StatusCode::OK, landing.clone()));
    let (status, _) = human.get("/landings/999").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let log = format!("/landings/{}/log", landing["id"]);
    let (status, refusal) = human.get(&log).await;
    assert_eq!(
        (status, kind(&refusal)),
        (StatusCode::CONFLICT, "refused"),
        "a hub without containers"
    );
    assert!(landing["reason"].is_string());
    assert!(began.elapsed() < PATIENCE);
    assert_eq!(swarm.status_of(id).await, "in_progress");
    let beat = one
        .post(&format!("/attempts/{id}/1/heartbeat"), json!({}))
        .await;
    assert_eq!(beat.0, StatusCode::OK);
}

#[tokio::test]
async fn a_commit_is_verified_for_the_human_by_a_verifier() {
    let swarm = Swarm::start().await;
    let verifier = swarm.enrolled("verifier-1", Role::Verifier).await;
    let human = swarm.human();
    let (status, _) = human
        .post("/verifications", json!({ "commit": "9".repeat(40) }))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let asked = tokio::spawn(async move {
        human
            .post("/verifications", json!({ "commit": "main" }))
            .await
    });
    let (_, job) = verifier
        .post("/verifications/next", json!({ "wait": 60 }))
        .await;
    assert_eq!(job["commit"], job["gate_commit"]);
    let id = &job["id"];
    let (status, _) = verifier
        .post(&format!("/verifications/{id}/started"), json!({}))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let verdict = json!({ "result": "green", "log_tail": "fine", "took_ms": 3 });
    let (status, _) = verifier
        .post(&format!("/verifications/{id}/verdict"), verdict.clone())
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(asked.await.unwrap(), (StatusCode::OK, verdict));
}

#[tokio::test]
async fn a_hub_that_ends_lets_waiting_workers_go() {
    let swarm = Swarm::start().await;
    let worker = swarm.worker("agent-1").await;
    let waiting = tokio::spawn(async move { worker.work(60).await });
    someone_waits(&swarm).await;
    let began = Instant::now();
    swarm.running.end().await.unwrap();
    assert_eq!(waiting.await.unwrap(), json!({ "kind": "nothing" }));
    assert!(began.elapsed() < AT_ONCE);
}
