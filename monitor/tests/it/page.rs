//! The page: what agents wrote is text, whatever it looks like.

use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
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
    let ticket = format!("/tickets/{id}");
    for path in [
        "/",
        "/needs",
        "/agents",
        "/landing",
        "/activity",
        &ticket,
        &format!("/parts{ticket}"),
        &format!("/parts{ticket}/forms"),
        "/parts/summary",
        "/parts/tickets",
        "/parts/needs",
        "/parts/agents",
        "/parts/landings",
        "/parts/activity",
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
    let id = swarm.ticket("a ticket").await;
    swarm.worker("agent-1").await;
    for (path, expected) in [
        ("/", vec!["a ticket", "Nobody claims", "Needs you"]),
        ("/agents", vec!["agent-1", "idle"]),
        ("/activity", vec!["enrolled"]),
        ("/landing", vec!["Nothing was submitted yet"]),
        ("/needs", vec!["Nothing needs you"]),
        (
            &format!("/tickets/{id}"),
            vec!["a ticket", "open", "priority", "Comment"],
        ),
    ] {
        if path == "/" {
            let paused = json!({ "reason": "for the night" });
            swarm.human().post("/drain", paused).await;
        }
        let page = fetched(&swarm, path).await;
        for words in expected {
            assert!(page.contains(words), "{words} is not in {page}");
        }
    }
}

/// Sends a form as a browser does that runs no script. Returns the status, where it leads, the page.
async fn sent(
    swarm: &Swarm,
    path: &str,
    origin: &str,
    fields: &[(&str, &str)],
) -> (StatusCode, String, String) {
    let human = swarm.human();
    let http = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()
        .unwrap();
    let login = http.get(format!("{}/login?token={}", human.url, human.token));
    let login = login.send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let response = http
        .post(format!("{}{path}", human.url))
        .header("cookie", cookie)
        .header("origin", origin)
        .header("sec-fetch-mode", "navigate")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(serde_urlencoded::to_string(fields).unwrap())
        .send()
        .await
        .unwrap();
    let status = response.status();
    let leads = response.headers().get("location");
    let leads = leads.map_or("", |l| l.to_str().unwrap()).to_owned();
    (status, leads, response.text().await.unwrap())
}

#[tokio::test]
async fn forms_work_without_a_script() {
    let swarm = Swarm::start().await;
    let ours = swarm.human().url;
    let other = swarm.ticket("another").await;
    let new = [
        ("title", "From the page"),
        ("description", "one\r\ntwo"),
        ("labels", "a, b"),
        ("blocked_by", &format!("#{other}")),
        ("priority", "1"),
    ];
    let (status, leads, _) = sent(&swarm, "/tickets", &ours, &new).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let (_, ticket) = swarm.human().get(&leads).await;
    for (field, value) in [
        ("title", json!("From the page")),
        ("description", json!("one\ntwo")),
        ("labels", json!(["a", "b"])),
        ("blocked_by", json!([other])),
        ("priority", json!(1)),
    ] {
        assert_eq!(ticket[field], value, "{ticket}");
    }
    for (action, fields) in [
        ("comment", vec![("text", "done\r\nsoon")]),
        ("unblock", vec![("by", other.to_string().leak() as &str)]),
        ("update", vec![("title", "Renamed"), ("priority", "3")]),
        ("cancel", vec![]),
    ] {
        let (status, back, page) = sent(&swarm, &format!("{leads}/{action}"), &ours, &fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{action}: {page}");
        assert_eq!(back, leads);
    }
    let (_, ticket) = swarm.human().get(&leads).await;
    assert_eq!(ticket["title"], "Renamed");
    assert_eq!(ticket["resolution"], "cancelled");
    assert_eq!(ticket["comments"][0]["body"], "done\nsoon");

    let why = [("text", "for the night")];
    let human = swarm.human();
    for (action, reason, frozen) in [
        ("drain", json!("for the night"), false),
        ("pause", json!("for the night"), true),
        ("resume", json!(null), false),
    ] {
        let (status, _, page) = sent(&swarm, &format!("/swarm/{action}"), &ours, &why).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{action}: {page}");
        assert_eq!(human.get("/paused").await.1, reason, "{action}");
        assert_eq!(swarm.running.hub.freeze.is_on(), frozen, "{action}");
    }

    let reopen = [("text", "needed after all")];
    let (status, back, _) = sent(&swarm, &format!("{leads}/reopen"), &ours, &reopen).await;
    assert_eq!((status, back), (StatusCode::SEE_OTHER, leads.clone()));
    let (_, ticket) = human.get(&leads).await;
    let said = ticket["comments"][1]["body"].as_str().unwrap();
    let new = said.strip_prefix("Taken up again as #").unwrap();
    let new = new.split(':').next().unwrap();
    let again = format!("/tickets/{new}");
    human.post(&format!("{again}/cancel"), json!({})).await;
    let (status, _, page) = sent(&swarm, &format!("{again}/retry"), &ours, &[]).await;
    assert_eq!(status, StatusCode::CONFLICT, "{page}");
    let (status, _, page) = sent(&swarm, "/agents/agent-1/restart", &ours, &[]).await;
    assert_eq!(status, StatusCode::CONFLICT, "{page}");
    assert!(page.contains("this hub runs no containers"), "{page}");
}

#[tokio::test]
async fn a_refused_form_says_why_and_leads_back() {
    let swarm = Swarm::start().await;
    let ours = swarm.human().url;
    let id = swarm.ticket("a ticket").await;
    let ticket = format!("/tickets/{id}");
    for (path, fields, status, words) in [
        ("/tickets", vec![("title", " ")], 400, "cannot be empty"),
        (
            "/tickets",
            vec![("title", "x"), ("blocked_by", "<b>")],
            400,
            "&#39;&#60;b&#62;&#39; is not the number of a ticket",
        ),
        (&format!("{ticket}/block"), vec![("by", "999")], 404, "999"),
        (&format!("{ticket}/fly"), vec![], 404, "no action"),
        ("/swarm/fly", vec![], 404, "no action"),
        ("/swarm/scale", vec![], 400, "is missing"),
    ] {
        let (found, _, page) = sent(&swarm, path, &ours, &fields).await;
        assert_eq!(found.as_u16(), status, "{path}: {page}");
        assert!(page.contains(words), "{path}: {words} is not in {page}");
        assert!(page.contains("Go back"), "{path}: {page}");
    }
    let (status, _, _) = sent(&swarm, "/tickets", "http://evil.example", &[("title", "x")]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
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
