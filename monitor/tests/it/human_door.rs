//! Who gets in by the human listener.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::fixture::{Swarm, answer, kind};

#[tokio::test]
async fn without_the_token_nothing_is_told() {
    let swarm = Swarm::start().await;
    for token in ["", "wrong"] {
        let stranger = swarm.human().with_token(token);
        for path in [
            "/tickets",
            "/status",
            "/events",
            "/log",
            "/services/hub/logs",
        ] {
            let (status, body) = stranger.get(path).await;
            assert_eq!(
                (status, kind(&body)),
                (StatusCode::UNAUTHORIZED, "unauthorized")
            );
        }
        let (status, _) = stranger.post("/shutdown", json!({})).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    assert!(!swarm.running.hub.closing.is_cancelled());
}

#[tokio::test]
async fn an_agents_token_is_nothing_here() {
    let swarm = Swarm::start().await;
    let worker = swarm.worker("agent-1").await;
    let (status, _) = swarm
        .human()
        .with_token(&worker.token)
        .get("/tickets")
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_repository_can_be_fetched_with_the_token() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let address = format!("{}/git/info/refs?service=git-upload-pack", human.url);
    for (token, expected) in [
        (human.token.as_str(), StatusCode::OK),
        ("wrong", StatusCode::UNAUTHORIZED),
    ] {
        let request = human.http.get(&address).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn health_needs_no_token() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    for path in ["healthz", "readyz"] {
        let address = format!("{}/{path}", human.url);
        let response = human.http.get(address).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_is_refused() {
    let swarm = Swarm::start().await;
    let port = swarm.running.human.port();
    for (host, expected) in [
        (format!("localhost:{port}"), StatusCode::OK),
        (format!("[::1]:{port}"), StatusCode::OK),
        (
            format!("evil.example:{port}"),
            StatusCode::MISDIRECTED_REQUEST,
        ),
        ("127.0.0.1".to_owned(), StatusCode::MISDIRECTED_REQUEST),
    ] {
        let request = swarm.human().request(Method::GET, "/tickets");
        let (status, _) = answer(request.header("host", &host)).await;
        assert_eq!(status, expected, "{host}");
    }
}

#[tokio::test]
async fn logging_in_takes_the_token_out_of_the_address() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let login = |token: &str| {
        let address = format!("{}/login?token={token}", human.url);
        human.http.get(address).send()
    };
    let wrong = login("wrong").await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    assert!(wrong.headers().get("set-cookie").is_none());

    let right = login(&human.token).await.unwrap();
    assert_eq!(right.status(), StatusCode::SEE_OTHER);
    assert_eq!(right.headers()["location"], "/");
    let cookie = right.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert!(
        !cookie.contains(&human.token),
        "the cookie is not the token"
    );

    let cookie = cookie.split(';').next().unwrap();
    let page = human
        .http
        .get(format!("{}/", human.url))
        .header("cookie", cookie);
    assert_eq!(page.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn another_sites_page_cannot_write() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let address = format!("{}/login?token={}", human.url, human.token);
    let login = human.http.get(address).send().await.unwrap();
    let cookie = login.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let write = |headers: &[(&str, &str)]| {
        let mut request = human
            .http
            .post(format!("{}/api/v1/tickets", human.url))
            .header("cookie", cookie)
            .json(&json!({ "title": "made by a page" }));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request)
    };
    let (status, body) = write(&[("origin", "http://evil.example")]).await;
    assert_eq!((status, kind(&body)), (StatusCode::FORBIDDEN, "forbidden"));
    let (status, _) = write(&[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = write(&[]).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, _) = write(&[("origin", &human.url)]).await;
    assert_eq!(status, StatusCode::OK);
    let (_, count) = human.get("/tickets/count").await;
    assert_eq!(count["count"], 1);
}

#[tokio::test]
async fn every_answer_forbids_foreign_content_and_other_origins() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    for path in [
        "/",
        "/healthz",
        "/api/v1/tickets",
        "/nothing",
        "/assets/page.js",
    ] {
        let request = human.http.get(format!("{}{path}", human.url));
        let response = request
            .header("origin", "http://evil.example")
            .send()
            .await
            .unwrap();
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
        assert!(
            headers.get("access-control-allow-origin").is_none(),
            "{path}"
        );
    }
}
