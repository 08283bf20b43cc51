//! Long lists come page by page, and what a client has already is not sent again.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use ticket::Queue;
use ticket::client::Client;
use ticket::filter::{Filter, LogFilter};
use ticket::learning::LearningFilter;

use crate::fixture::{Door, Swarm, kind};

/// More than two pages.
const MANY: i64 = 2500;

/// A page, and where the next one is.
async fn page(door: &Door, path: &str) -> (Vec<i64>, Option<String>) {
    let request = door.request(Method::GET, path);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let link = response.headers().get("link").map(|link| {
        let link = link.to_str().unwrap();
        let path = link.strip_suffix(">; rel=\"next\"").unwrap();
        path.strip_prefix("</api/v1").unwrap().to_owned()
    });
    let rows: Vec<Value> = response.json().await.unwrap();
    let ids = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    (ids, link)
}

/// All pages, one after the other, with how many there were.
async fn walk(door: &Door, path: &str) -> (Vec<i64>, usize) {
    let (mut all, mut next) = page(door, path).await;
    let mut pages = 1;
    while let Some(path) = next {
        let (ids, after) = page(door, &path).await;
        all.extend(ids);
        next = after;
        pages += 1;
    }
    (all, pages)
}

async fn full() -> Swarm {
    let swarm = Swarm::start().await;
    let tickets: Vec<Value> = (1..=MANY)
        .map(|n| json!({ "title": format!("{n}") }))
        .collect();
    let (status, ids) = swarm.human().post("/tickets/batch", json!(tickets)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(ids.as_array().unwrap().len(), MANY as usize);
    swarm
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let swarm = full().await;
    let human = swarm.human();
    let up: Vec<i64> = (1..=MANY).collect();
    let down: Vec<i64> = (1..=MANY).rev().collect();

    assert_eq!(walk(&human, "/tickets").await, (up.clone(), 3));
    assert_eq!(
        walk(&human, "/tickets?limit=500&status=open").await,
        (up.clone(), 6)
    );
    assert_eq!(
        walk(&human, "/tickets?after=2400&limit=7").await.0,
        up[2400..]
    );
    let events = |ids: Vec<i64>| ids.len();
    assert_eq!(
        events(walk(&human, "/log?limit=1000&after=0").await.0),
        up.len()
    );
    assert_eq!(walk(&human, "/log?limit=999").await.0, down);
    assert_eq!(walk(&human, "/log?limit=3&ticket=7").await, (vec![7], 1));
    assert_eq!(walk(&human, "/log?after=0&ticket=7").await, (vec![7], 1));
    assert_eq!(page(&human, "/log").await.0, down[..20]);
    assert_eq!(page(&human, "/log?limit=50000").await.0.len(), 1000);
    assert_eq!(page(&human, "/tickets?limit=0").await, (vec![], None));
    assert_eq!(
        page(&human, "/tickets?after=9223372036854775807").await,
        (vec![], None)
    );

    let (url, token) = (human.url.clone(), human.token.clone());
    let client = tokio::task::spawn_blocking(move || {
        let mut client = Client::new(&url, &token).unwrap();
        let of = |limit| Filter {
            limit,
            ..Filter::default()
        };
        let ids =
            |tickets: Vec<ticket::Ticket>| -> Vec<i64> { tickets.iter().map(|t| t.id).collect() };
        assert_eq!(ids(client.list(&of(None)).unwrap()), up);
        assert_eq!(ids(client.list(&of(Some(1200))).unwrap()), up[..1200]);
        assert_eq!(ids(client.list(&of(Some(3))).unwrap()), up[..3]);
        assert!(client.list(&of(Some(0))).unwrap().is_empty());
        let log = LogFilter {
            limit: Some(2200),
            ticket: None,
        };
        let log: Vec<i64> = client.log(&log).unwrap().iter().map(|e| e.id).collect();
        assert_eq!(log, down[..2200]);
    });
    client.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn learnings_go_back_page_by_page() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let database = &swarm.running.hub.database;
    database
        .call(|store| {
            let mut session = store.session(&ticket::Actor::Human);
            for n in 0..1500 {
                let new = ticket::learning::NewLearning {
                    body: format!("learned {n}"),
                    ..Default::default()
                };
                session.learn(&new)?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let newest: Vec<i64> = (501..=1500).collect();
    let (ids, next) = page(&human, "/learnings").await;
    assert_eq!(ids, newest);
    let (ids, next) = page(&human, &next.unwrap()).await;
    assert_eq!((ids, next), ((1..=500).collect(), None));

    let client = tokio::task::spawn_blocking(move || {
        let mut client = Client::new(&human.url, &human.token).unwrap();
        for (limit, expected) in [
            (None, 1..=1500),
            (Some(1100), 401..=1500),
            (Some(2), 1499..=1500),
        ] {
            let filter = LearningFilter {
                limit,
                ..LearningFilter::default()
            };
            let found = client.learnings(&filter).unwrap();
            let ids: Vec<i64> = found.iter().map(|learning| learning.id).collect();
            assert_eq!(ids, expected.collect::<Vec<_>>());
        }
    });
    client.await.unwrap();
}

#[tokio::test]
async fn submissions_are_listed_newest_first() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    for n in 1..=3 {
        let id = swarm.ticket(&format!("work {n}")).await;
        let worker = swarm.worker(&format!("agent-{n}")).await;
        worker.work(0).await;
        let submit = json!({ "commit": "0".repeat(40), "summary": "done" });
        let (status, body) = worker
            .post(&format!("/attempts/{id}/1/submit"), submit)
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    assert_eq!(walk(&human, "/landings?limit=2").await, (vec![3, 2, 1], 2));
    let (status, landings) = human.get("/landings?limit=1").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(landings[0]["agent"], "agent-3");
}

#[tokio::test]
async fn a_cursor_that_makes_no_sense_is_refused() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    for path in [
        "/log?after=1&before=9",
        "/log?after=one",
        "/tickets?after=",
        "/tickets?after=99999999999999999999",
        "/tickets?limit=-1",
        "/tickets?after=1&after=2",
        "/tickets?cursor=1",
        "/landings?before=x",
        "/learnings?before=1.5",
    ] {
        let (status, body) = human.get(path).await;
        assert_eq!(
            (status, kind(&body)),
            (StatusCode::BAD_REQUEST, "invalid"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    swarm.ticket("one").await;
    for path in [
        "/tickets",
        "/status",
        "/tickets/1",
        "/log",
        "/tickets/count",
    ] {
        let ask = |known: Option<&str>| {
            let request = human.request(Method::GET, path);
            match known {
                Some(tag) => request.header("if-none-match", tag),
                None => request,
            }
            .send()
        };
        let first = ask(None).await.unwrap();
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        let again = ask(Some(&format!("\"other\", {tag}"))).await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
        assert_eq!(again.headers()["etag"], tag.as_str());
        assert!(again.bytes().await.unwrap().is_empty());

        swarm.ticket("another").await;
        let comment = json!({ "body": "changed" });
        human.post("/tickets/1/comments", comment).await;
        let changed = ask(Some(&tag)).await.unwrap();
        assert_eq!(changed.status(), StatusCode::OK, "{path}");
        assert_ne!(changed.headers()["etag"], tag.as_str(), "{path}");
    }
    let missing = human
        .request(Method::GET, "/tickets/99")
        .send()
        .await
        .unwrap();
    assert!(missing.headers().get("etag").is_none());
}
