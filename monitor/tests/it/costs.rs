//! What agents say that they used: priced, added up, held against the budgets.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{AT_ONCE, Door, Swarm, kind};

/// A heartbeat: run 1 used so many tokens of `model` so far, and what that cost, if the CLI says so.
fn used(model: &str, input_tokens: u64, cost_microusd: Option<u64>) -> Value {
    json!({ "usage": [{
        "run": 1, "phase": "work", "backend": "claude",
        "models": [{
            "model": model, "input_tokens": input_tokens, "output_tokens": 0,
            "cache_read_tokens": 0, "cache_write_tokens": 0, "cost_microusd": cost_microusd,
        }],
    }] })
}

/// Says it for the attempt that `work` gave; the answer.
async fn beat(worker: &Door, work: &Value, body: &Value) -> Value {
    let path = format!(
        "/attempts/{}/{}/heartbeat",
        work["ticket"]["id"], work["ticket"]["attempt"]
    );
    let (status, heard) = worker.post(&path, body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{heard}");
    heard["over_budget"].clone()
}

async fn cost(swarm: &Swarm, by: &str) -> Value {
    let (status, cost) = swarm.human().get(&format!("/cost?by={by}")).await;
    assert_eq!(status, StatusCode::OK, "{cost}");
    cost
}

#[tokio::test]
async fn what_no_cli_prices_has_a_list_price_or_is_said_to_be_unknown() {
    let prices = r#"{"prices": {"house-*": {"input": 7, "output": 0}}}"#;
    let swarm = Swarm::start_with(prices).await;
    swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    let work = worker.work(0).await;
    assert_eq!(work["allowance"], Value::Null);
    for (model, tokens, said, expected, known) in [
        ("claude-opus-5-5", 1_000_000, None, 4.0, true),
        ("claude-opus-5-5", 1_000_000, Some(3_000_000), 3.0, true),
        ("house-1", 1_000_000, None, 7.0, true),
        ("nobody-knows", 1_000_000, None, 0.0, false),
    ] {
        assert_eq!(
            beat(&worker, &work, &used(model, tokens, said)).await,
            Value::Null
        );
        let cost = cost(&swarm, "model").await;
        let lines = cost["lines"].as_array().unwrap();
        let line = lines.iter().find(|line| line["key"] == model).unwrap();
        assert_eq!(line["cost_usd"], expected, "{model}");
        assert_eq!(line["is_cost_known"], known, "{model}");
        assert_eq!(
            cost["total"]["input_tokens"], 1_000_000,
            "one run, told anew"
        );
    }
    let (_, status) = swarm.human().get("/status").await;
    assert_eq!(status["cost"]["is_waived"], false);
    assert_eq!(status["cost"]["spent"]["is_cost_known"], false);
}

#[tokio::test]
async fn two_agents_share_a_days_budget_and_both_are_told() {
    let swarm = Swarm::start_with(r#"{"budgets": {"max_usd_per_day": 3}}"#).await;
    for title in ["one", "two", "three"] {
        swarm.ticket(title).await;
    }
    let (a, b) = (swarm.worker("agent-1").await, swarm.worker("agent-2").await);
    let (of_a, of_b) = (a.work(0).await, b.work(0).await);
    assert_eq!(
        of_a["allowance"],
        json!({ "microusd": 3_000_000, "budget": "day" })
    );
    let model = "claude-opus-5-5";
    assert_eq!(
        beat(&a, &of_a, &used(model, 1, Some(2_000_000))).await,
        Value::Null
    );
    assert_eq!(
        beat(&b, &of_b, &used(model, 1, Some(1_500_000))).await,
        "day"
    );
    assert_eq!(beat(&a, &of_a, &json!({})).await, "day", "by any heartbeat");
    let end = json!({ "outcome": "released", "reason": "the day's budget is used up" });
    let (status, said) = b
        .post(&format!("/attempts/{}/1/end", of_b["ticket"]["id"]), end)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{said}");
    assert_eq!(b.work(0).await["kind"], "nothing");
    let (_, status) = swarm.human().get("/status").await;
    let problems = status["problems"].to_string();
    assert!(
        problems.contains("the day's budget is used up ($3.50 of $3.00)"),
        "{problems}"
    );

    // It survives a restart, and a budget that was raised counts at once.
    let swarm = swarm.restart().await;
    let b = swarm.agents(&b.token);
    assert_eq!(b.work(0).await["kind"], "nothing");
    let config = std::fs::read_to_string(swarm.project.config_file()).unwrap();
    let config = config.replace("3", "9");
    std::fs::write(swarm.project.config_file(), config).unwrap();
    let swarm = swarm.restart().await;
    let b = swarm.agents(&b.token);
    let work = b.work(AT_ONCE.as_secs()).await;
    assert_eq!(work["kind"], "ticket");
    assert_eq!(
        work["allowance"],
        json!({ "microusd": 5_500_000, "budget": "day" })
    );
}

#[tokio::test]
async fn a_ticket_over_its_budget_is_handed_over_and_can_be_given_back() {
    let swarm = Swarm::start_with(r#"{"budgets": {"max_usd_per_ticket": 1}}"#).await;
    let human = swarm.human();
    let id = swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    let work = worker.work(0).await;
    assert_eq!(
        work["allowance"],
        json!({ "microusd": 1_000_000, "budget": "ticket" })
    );
    let heard = beat(&worker, &work, &used("m", 1, Some(1_200_000))).await;
    assert_eq!(heard, "ticket");
    let end = json!({ "outcome": "agent-failed", "reason": "the ticket's budget is used up" });
    worker.post(&format!("/attempts/{id}/1/end"), end).await;
    let (_, ticket) = human.get(&format!("/tickets/{id}")).await;
    assert_eq!(ticket["assigned_to"], "human");
    assert_eq!(ticket["spent_usd"], 1.2);
    assert_eq!(ticket["attempts"][0]["spent"]["cost_usd"], 1.2);
    let asked = ticket["comments"][0]["body"].as_str().unwrap();
    assert!(asked.contains("$1.20 of $1.00"), "{asked}");
    assert_eq!(worker.work(0).await["kind"], "nothing");

    let path = format!("/tickets/{id}/unclaim");
    let (status, refused) = human.post(&path, json!({})).await;
    assert_eq!((status, kind(&refused)), (StatusCode::CONFLICT, "refused"));
    let raise = human.request(reqwest::Method::PATCH, &format!("/tickets/{id}"));
    let raised = raise.json(&json!({ "max_budget_usd": 2.5 })).send().await;
    assert!(raised.unwrap().status().is_success());
    let (status, said) = human.post(&path, json!({})).await;
    assert!(status.is_success(), "{said}");
    let work = worker.work(0).await;
    assert_eq!(
        work["allowance"],
        json!({ "microusd": 1_300_000, "budget": "ticket" })
    );
}

#[tokio::test]
async fn a_report_must_be_sound_and_is_the_agents_own() {
    let swarm = Swarm::start().await;
    swarm.ticket("work").await;
    let (a, b) = (swarm.worker("agent-1").await, swarm.worker("agent-2").await);
    let work = a.work(0).await;
    let path = "/attempts/1/1/heartbeat";
    let (status, said) = b.post(path, used("m", 1, Some(1))).await;
    assert_eq!((status, kind(&said)), (StatusCode::CONFLICT, "stale"));
    for bad in [
        json!({ "usage": [{ "run": 0, "phase": "work", "backend": "x", "models": [] }] }),
        json!({ "usage": [{ "run": 1, "phase": "play", "backend": "x", "models": [] }] }),
        json!({ "usage": [{ "run": 1, "phase": "work", "backend": "x",
                            "models": [{ "model": "m", "input_tokens": -1 }] }] }),
        json!({ "usage": 5 }),
    ] {
        let (status, said) = a.post(path, bad.clone()).await;
        assert!(status.is_client_error(), "{bad}: {said}");
    }
    let hostile = used(&"\u{1b}]0;x".repeat(1000), u64::MAX, Some(u64::MAX));
    assert_eq!(beat(&a, &work, &hostile).await, Value::Null);
    let report = cost(&swarm, "model").await;
    let key = report["lines"][0]["key"].as_str().unwrap();
    assert!(key.len() <= 200 && !key.contains('\u{1b}'), "{key}");
    let (status, said) = swarm.human().get("/cost?since=yesterday").await;
    assert_eq!((status, kind(&said)), (StatusCode::BAD_REQUEST, "invalid"));
    let (status, said) = swarm.human().get("/cost?by=colour").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{said}");
    let agent = swarm.agents(work["token"].as_str().unwrap());
    let (status, _) = agent.get("/cost").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "agents are not asked");
}

#[tokio::test]
async fn a_proposal_run_says_what_it_used() {
    let swarm = Swarm::start_with(
        r#"{"proposals": {"enabled": true, "every_minutes": 0}, "budgets": {"max_usd_per_day": 1}}"#,
    )
    .await;
    let worker = swarm.worker("agent-1").await;
    let work = worker.work(0).await;
    assert_eq!(work["kind"], "propose");
    assert_eq!(
        work["allowance"],
        json!({ "microusd": 1_000_000, "budget": "day" })
    );
    let mut body = used("claude-opus-5-5", 250_000, None);
    body["usage"][0]["phase"] = json!("propose");
    let path = format!("/proposals/{}/heartbeat", work["run"]);
    let (status, heard) = worker.post(&path, body).await;
    assert_eq!(
        (status, &heard["over_budget"]),
        (StatusCode::OK, &json!("day"))
    );
    let report = cost(&swarm, "phase").await;
    assert_eq!(report["lines"][0]["key"], "propose");
    assert_eq!(report["total"]["cost_usd"], 1.0);
    let report = cost(&swarm, "ticket").await;
    assert_eq!(report["lines"][0]["key"], "proposals");
}
