//! The queue of verifications.

use std::collections::BTreeMap;
use std::time::Duration;

use monitor::verification::{Order, Pending, Verifications};
use ticket::Error;
use ticket::wire::{Verdict, VerdictResult};
use tokio::time::timeout;

use crate::fixture::{PATIENCE, verdict};

fn order(queue: &Verifications, commit: &str) -> Pending {
    queue.order(Order {
        commit: commit.to_owned(),
        gate_commit: "gate".into(),
        own_gate_too: false,
        env: BTreeMap::new(),
        timeout: Duration::from_secs(60),
    })
}

async fn said(pending: Pending) -> Verdict {
    timeout(PATIENCE, pending.verdict())
        .await
        .expect("no verdict")
}

/// True when there is nothing for this verifier now.
async fn waits(queue: &Verifications, name: &str) -> bool {
    timeout(Duration::from_millis(20), queue.next(name))
        .await
        .is_err()
}

#[tokio::test]
async fn an_order_goes_to_one_verifier_and_its_verdict_comes_back() {
    let queue = Verifications::new(1);
    let pending = order(&queue, "a");
    let job = queue.next("v1").await.unwrap();
    assert_eq!((job.commit.as_str(), job.timeout_seconds), ("a", 60));
    assert!(waits(&queue, "v2").await);
    queue
        .verdict(job.id, "v1", verdict(VerdictResult::Green))
        .unwrap();
    assert_eq!(said(pending).await.result, VerdictResult::Green);
}

#[tokio::test]
async fn a_waiting_verifier_is_woken() {
    let queue = Verifications::new(1);
    let waiting = queue.clone();
    let verifier = tokio::spawn(async move { waiting.next("v1").await.unwrap().commit });
    tokio::task::yield_now().await;
    let _pending = order(&queue, "a");
    assert_eq!(timeout(PATIENCE, verifier).await.unwrap().unwrap(), "a");
}

#[tokio::test]
async fn asked_again_a_verifier_gets_the_same_job_and_a_new_token() {
    let queue = Verifications::new(1);
    let _pending = order(&queue, "a");
    let _other = order(&queue, "b");
    let once = queue.next("v1").await.unwrap();
    let again = queue.next("v1").await.unwrap();
    assert_eq!(once.id, again.id);
    assert!(queue.holder_of(&once.token).is_none());
    assert!(queue.holder_of(&again.token).is_some());
}

#[tokio::test]
async fn only_the_verifier_that_has_the_job_may_judge() {
    let queue = Verifications::new(1);
    let pending = order(&queue, "a");
    let job = queue.next("v1").await.unwrap();
    for (id, name) in [(job.id, "v2"), (job.id + 1, "v1")] {
        let refused = queue.verdict(id, name, verdict(VerdictResult::Green));
        assert!(matches!(refused, Err(Error::Stale(_))));
    }
    queue
        .verdict(job.id, "v1", verdict(VerdictResult::Red))
        .unwrap();
    let twice = queue.verdict(job.id, "v1", verdict(VerdictResult::Green));
    assert!(matches!(twice, Err(Error::Stale(_))));
    assert_eq!(said(pending).await.result, VerdictResult::Red);
}

#[tokio::test]
async fn a_verifier_verifies_once() {
    let queue = Verifications::new(1);
    let _first = order(&queue, "a");
    let _second = order(&queue, "b");
    let job = queue.next("v1").await.unwrap();
    queue
        .verdict(job.id, "v1", verdict(VerdictResult::Green))
        .unwrap();
    assert!(matches!(queue.next("v1").await, Err(Error::Refused(_))));
    queue.verifier_gone("v1");
    assert_eq!(queue.next("v1").await.unwrap().commit, "b");
}

#[tokio::test]
async fn the_token_fetches_until_the_gate_starts_or_speaks() {
    let queue = Verifications::new(1);
    let _pending = order(&queue, "a");
    let job = queue.next("v1").await.unwrap();
    assert!(queue.holder_of(&job.token).is_some());
    assert!(queue.holder_of("another").is_none());
    queue.started(job.id, "v1").unwrap();
    assert!(queue.holder_of(&job.token).is_none());
    queue
        .verdict(job.id, "v1", verdict(VerdictResult::Green))
        .unwrap();
}

#[tokio::test]
async fn three_verifiers_may_fail_before_a_job_does() {
    let queue = Verifications::new(1);
    let pending = order(&queue, "a");
    let job = queue.next("v1").await.unwrap();
    queue.verifier_gone("v1");
    queue.next("v2").await.unwrap();
    queue
        .verdict(job.id, "v2", verdict(VerdictResult::Error))
        .unwrap();
    queue.next("v3").await.unwrap();
    queue.verifier_gone("v3");
    let verdict = said(pending).await;
    assert_eq!(verdict.result, VerdictResult::Error);
    assert_eq!(
        verdict.log_tail,
        "v1 ended without a verdict\nv2 could not run it: the log\nv3 ended without a verdict"
    );
    assert!(waits(&queue, "v4").await);
}

#[tokio::test]
async fn a_job_that_failed_once_comes_before_those_that_wait() {
    let queue = Verifications::new(1);
    let _first = order(&queue, "a");
    let _second = order(&queue, "b");
    queue.next("v1").await.unwrap();
    queue.verifier_gone("v1");
    assert_eq!(queue.next("v2").await.unwrap().commit, "a");
}

#[tokio::test(start_paused = true)]
async fn a_silent_verifier_loses_its_job() {
    let queue = Verifications::new(1);
    let _pending = order(&queue, "a");
    queue.next("v1").await.unwrap();
    let job = queue.next("v2").await.unwrap();
    assert_eq!(job.commit, "a");
    assert!(queue.demand().borrow().obsolete.contains("v1"));
    let late = queue.verdict(job.id, "v1", verdict(VerdictResult::Green));
    assert!(matches!(late, Err(Error::Stale(_))));
}

#[tokio::test]
async fn an_order_that_is_taken_back_is_forgotten() {
    let queue = Verifications::new(1);
    let waiting = order(&queue, "a");
    drop(waiting);
    assert!(waits(&queue, "v1").await);
    let running = order(&queue, "b");
    let job = queue.next("v1").await.unwrap();
    drop(running);
    assert!(queue.holder_of(&job.token).is_none());
    assert!(queue.demand().borrow().obsolete.contains("v1"));
    let late = queue.verdict(job.id, "v1", verdict(VerdictResult::Green));
    assert!(matches!(late, Err(Error::Stale(_))));
}

#[tokio::test]
async fn the_fleet_is_told_how_many_verifiers_are_wanted() {
    let queue = Verifications::new(1);
    let mut demand = queue.demand();
    let mut now = || {
        let demand = demand.borrow_and_update();
        (
            demand.ready,
            demand.taken.iter().cloned().collect::<Vec<_>>(),
        )
    };
    assert_eq!(now(), (1, vec![]));
    let _first = order(&queue, "a");
    let second = order(&queue, "b");
    assert_eq!(now(), (3, vec![]));
    let job = queue.next("v1").await.unwrap();
    assert_eq!(now(), (2, vec!["v1".to_owned()]));
    drop(second);
    queue
        .verdict(job.id, "v1", verdict(VerdictResult::Green))
        .unwrap();
    assert_eq!(now(), (1, vec!["v1".to_owned()]));
    queue.verifier_gone("v1");
    assert_eq!(now(), (1, vec![]));
}

#[tokio::test]
async fn a_long_log_keeps_its_end() {
    let queue = Verifications::new(1);
    let pending = order(&queue, "a");
    let job = queue.next("v1").await.unwrap();
    let mut long = verdict(VerdictResult::Red);
    long.log_tail = format!("{}the end", "é".repeat(100_000));
    queue.verdict(job.id, "v1", long).unwrap();
    let log = said(pending).await.log_tail;
    assert!(log.len() <= 64 << 10 && log.ends_with("éthe end"));
}
