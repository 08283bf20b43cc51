//! The page: what agents wrote is text, whatever it looks like.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::fixture::Swarm;

const HOSTILE: &str = r#"<img src=x onerror=alert(1)>"'&{{ 7*7 }}</script>"#;

async fn fetched(swarm: &Swarm, path: &str) -> String {
    let human = swarm.human();
    let request = human
        .http
        .request(Method::GET, format!("{}{path}", human.url));
    let response = request.bearer_auth(&human.token).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.text().await.unwrap()
}

#[tokio::test]
async fn hostile_text_stays_text_everywhere() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket(HOSTILE).await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    let beat = json!({ "phase": HOSTILE });
    worker
        .post(&format!("/attempts/{id}/1/heartbeat"), beat)
        .await;
    let submit = json!({ "commit": HOSTILE, "summary": HOSTILE });
    worker
        .post(&format!("/attempts/{id}/1/submit"), submit)
        .await;
    let comment = json!({ "body": HOSTILE, "author": HOSTILE });
    swarm
        .human()
        .post(&format!("/tickets/{id}/comments"), comment)
        .await;
    for path in [
        "/",
        "/fragments/summary",
        "/fragments/tickets",
        "/fragments/agents",
        "/fragments/landings",
        "/fragments/activity",
    ] {
        let page = fetched(&swarm, path).await;
        assert!(!page.contains("<img"), "{path}: {page}");
        assert!(!page.contains("onerror=alert(1)>"), "{path}: {page}");
    }
    let page = fetched(&swarm, "/").await;
    assert!(
        page.contains("&#60;img src=x onerror=alert(1)&#62;"),
        "{page}"
    );
    assert_eq!(page.matches("<script").count(), 1, "only our own script");
}

#[tokio::test]
async fn the_page_is_whole_without_a_script() {
    let swarm = Swarm::start().await;
    swarm.ticket("a ticket").await;
    swarm.worker("agent-1").await;
    let page = fetched(&swarm, "/").await;
    for words in [
        "a ticket",
        "agent-1",
        "idle",
        "enrolled",
        "Nothing was submitted yet",
    ] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
}

#[tokio::test]
async fn a_browser_without_the_token_is_told_what_to_do() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let response = human
        .http
        .get(format!("{}/", human.url))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.text().await.unwrap().contains("swarm open"));
}
