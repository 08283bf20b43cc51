//! Who gets in by the agents' listener, and what each token is good for.

use reqwest::StatusCode;
use serde_json::json;
use ticket::wire::Role;

use crate::fixture::{Swarm, kind};

#[tokio::test]
async fn a_code_is_good_for_one_enrolment() {
    let swarm = Swarm::start().await;
    let code = swarm.register("agent-1", Role::Worker).await;
    let nobody = swarm.agents("");
    let (status, enrolled) = nobody.post("/enroll", json!({ "code": code })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(enrolled["role"], "worker");
    for code in [code.as_str(), "made up"] {
        let (status, body) = nobody.post("/enroll", json!({ "code": code })).await;
        assert_eq!(
            (status, kind(&body)),
            (StatusCode::UNAUTHORIZED, "unauthorized")
        );
    }
}

#[tokio::test]
async fn the_humans_token_is_nothing_here() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    for token in ["", "wrong", &human.token] {
        let (status, _) = swarm.agents(token).get("/tickets").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn what_only_the_human_may_is_not_here_at_all() {
    let swarm = Swarm::start().await;
    swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    let work = worker.work(0).await;
    let agent = swarm.agents(work["token"].as_str().unwrap());
    for path in ["/status", "/events", "/services/hub/logs"] {
        for token in [&worker, &agent] {
            assert_eq!(token.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
    for path in ["/shutdown", "/fleet/leave", "/verifications"] {
        let (status, _) = agent.post(path, json!({})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let (status, _) = agent.put("/fleet", json!({ "agents": 9 })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_runner_is_not_its_agent_and_an_agent_not_its_runner() {
    let swarm = Swarm::start().await;
    swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    let work = worker.work(0).await;
    let agent = swarm.agents(work["token"].as_str().unwrap());

    let (status, body) = worker.get("/tickets").await;
    assert_eq!((status, kind(&body)), (StatusCode::FORBIDDEN, "forbidden"));
    assert_eq!(agent.get("/tickets").await.0, StatusCode::OK);

    let (status, _) = agent.post("/work", json!({ "wait": 0 })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = agent.post("/attempts/1/1/heartbeat", json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = worker
        .post("/verifications/next", json!({ "wait": 0 }))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let verifier = swarm.enrolled("verifier-1", Role::Verifier).await;
    let (status, _) = verifier.post("/work", json!({ "wait": 0 })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_agent_speaks_in_its_own_name_and_on_its_own_ticket() {
    let swarm = Swarm::start().await;
    let (mine, other) = (swarm.ticket("mine").await, swarm.ticket("other").await);
    let worker = swarm.worker("agent-1").await;
    let work = worker.work(0).await;
    let agent = swarm.agents(work["token"].as_str().unwrap());

    let comment = json!({ "body": "I am the human", "author": "human" });
    let (status, _) = agent
        .post(&format!("/tickets/{mine}/comments"), comment.clone())
        .await;
    assert_eq!(status, StatusCode::OK);
    let (_, comments) = agent.get(&format!("/tickets/{mine}/comments")).await;
    assert_eq!(comments[0]["author"], "agent-1");

    let (status, _) = agent
        .post(&format!("/tickets/{other}/comments"), comment)
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    for what in ["mark-done", "approve"] {
        let (status, _) = agent
            .post(&format!("/tickets/{mine}/{what}"), json!({}))
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{what}");
    }
    let (status, _) = agent
        .post("/tickets/claim-next", json!({ "agent": "agent-1" }))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_one_sentence() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    for (path, body) in [
        ("/tickets", json!({ "title": "x", "colour": "red" })),
        ("/tickets", json!({ "title": " " })),
        ("/tickets", json!([])),
        ("/tickets/claim-next", json!({})),
    ] {
        let (status, body) = human.post(path, body).await;
        assert_eq!(
            (status, kind(&body)),
            (StatusCode::BAD_REQUEST, "invalid"),
            "{path}"
        );
    }
    let (status, body) = human.get("/tickets/seven").await;
    assert_eq!((status, kind(&body)), (StatusCode::BAD_REQUEST, "invalid"));
    let (status, body) = human.get("/tickets/7").await;
    assert_eq!((status, kind(&body)), (StatusCode::NOT_FOUND, "not-found"));
    let huge = json!({ "title": "x", "description": "x".repeat(3 << 20) });
    let (status, _) = human.post("/tickets", huge).await;
    assert!(status.is_client_error(), "{status}");
}
