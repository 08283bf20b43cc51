//! Leases that run out, and those that do not.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::fixture::{Swarm, kind, until};

/// The shortest lease that a configuration allows.
const LEASE: &str = r#"{"queue": {"lease_seconds": 10}}"#;
/// Three signs of life in a lease.
const BEAT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn silence_releases_a_ticket_and_a_sign_of_life_keeps_it() {
    let swarm = Swarm::start_with(LEASE).await;
    let (kept, lost) = (swarm.ticket("kept").await, swarm.ticket("lost").await);
    let (alive, silent) = (swarm.worker("agent-1").await, swarm.worker("agent-2").await);
    assert_eq!(alive.work(0).await["ticket"]["id"], kept);
    assert_eq!(silent.work(0).await["ticket"]["id"], lost);
    let beating = {
        let alive = alive.clone();
        tokio::spawn(async move {
            loop {
                let (status, _) = alive
                    .post(&format!("/attempts/{kept}/1/heartbeat"), json!({}))
                    .await;
                assert_eq!(status, StatusCode::OK);
                tokio::time::sleep(BEAT).await;
            }
        })
    };
    until("the silent one's ticket is open again", || async {
        (swarm.status_of(lost).await == "open").then_some(())
    })
    .await;
    assert_eq!(swarm.status_of(kept).await, "in_progress");
    let late = silent
        .post(&format!("/attempts/{lost}/1/heartbeat"), json!({}))
        .await;
    assert_eq!((late.0, kind(&late.1)), (StatusCode::CONFLICT, "stale"));
    let (_, log) = swarm.human().get("/log?limit=100").await;
    let expired = log
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["action"] == "lease_expired");
    assert_eq!(expired.map(|e| &e["ticket_id"]).collect::<Vec<_>>(), [lost]);
    beating.abort();
}

#[tokio::test]
async fn a_lease_runs_anew_after_the_hub_was_away() {
    let swarm = Swarm::start_with(LEASE).await;
    let id = swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let swarm = swarm.restart().await;
    let worker = swarm.agents(&worker.token);
    // The lease of before the restart would be over by then.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(swarm.status_of(id).await, "in_progress");
    let (status, _) = worker
        .post(&format!("/attempts/{id}/1/heartbeat"), json!({}))
        .await;
    assert_eq!(status, StatusCode::OK);
    until("it runs out all the same", || async {
        (swarm.status_of(id).await == "open").then_some(())
    })
    .await;
}
