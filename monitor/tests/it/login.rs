//! The account's credential while the hub runs.

use axum::http::StatusCode;
use serde_json::json;

use crate::fixture::{Swarm, until};

fn login(token: &str, expires_in: i64) -> String {
    let expires_at = chrono::Utc::now().timestamp() + expires_in;
    json!({
        "values": { "CLAUDE_CODE_OAUTH_TOKEN": token },
        "expires_at": expires_at,
        "login_file": null,
    })
    .to_string()
}

#[tokio::test]
async fn a_renewed_login_lets_one_agent_try_again_without_a_restart() {
    let swarm = Swarm::start().await;
    std::fs::write(swarm.project.credentials_file(), login("old", 60)).unwrap();
    let human = swarm.human();
    let ends_soon = || async {
        let (_, status) = human.get("/status").await;
        let problems = status["problems"].to_string();
        problems.contains("the login ends at").then_some(())
    };
    until("the end of the login to be seen", ends_soon).await;

    let worker = swarm.worker("agent-1").await;
    let id = swarm.ticket("work").await;
    let work = worker.work(0).await;
    assert_eq!(work["agent"]["secrets"]["CLAUDE_CODE_OAUTH_TOKEN"], "old");
    let end = json!({ "outcome": "auth-failed", "reason": "401", "log_tail": null,
                      "snapshot": null, "session_id": null });
    let (status, said) = worker.post(&format!("/attempts/{id}/1/end"), end).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{said}");
    assert_eq!(worker.work(0).await["kind"], "nothing");
    let (_, paused) = human.get("/paused").await;
    assert!(paused.as_str().unwrap().contains("swarm login"), "{paused}");

    std::fs::write(swarm.project.credentials_file(), login("new", 8 * 3600)).unwrap();
    let again = worker.work(30).await;
    assert_eq!(again["ticket"]["id"], id, "{again}");
    assert_eq!(again["agent"]["secrets"]["CLAUDE_CODE_OAUTH_TOKEN"], "new");
    let (_, status) = human.get("/status").await;
    assert!(
        !status["problems"].to_string().contains("the login ends at"),
        "{status}"
    );
    swarm.running.end().await.unwrap();
}
