//! The event stream: nothing is missed and nothing told twice, whenever a client comes back.

use std::time::Instant;

use futures_util::StreamExt;
use reqwest::{Method, StatusCode};
use ticket::event::Event;

use crate::fixture::{AT_ONCE, Door, PATIENCE, Swarm};

/// An open stream.
struct Stream {
    bytes: std::pin::Pin<Box<dyn futures_util::Stream<Item = Vec<u8>> + Send>>,
    read: String,
}

impl Stream {
    async fn open(door: &Door, path: &str, last: Option<i64>) -> Stream {
        let mut request = door.request(Method::GET, path);
        if let Some(id) = last {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        // A connection that is cut off is an end, too.
        let bytes = response
            .bytes_stream()
            .filter_map(async |b| b.ok().map(|b| b.to_vec()));
        Stream {
            bytes: Box::pin(bytes),
            read: String::new(),
        }
    }

    /// The next event; none when the stream ended.
    async fn next(&mut self) -> Option<Event> {
        tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some((message, rest)) = self.read.split_once("\n\n") {
                    let (message, rest) = (message.to_owned(), rest.to_owned());
                    self.read = rest;
                    if let Some(event) = event(&message) {
                        return Some(event);
                    }
                    continue;
                }
                let more = self.bytes.next().await?;
                self.read.push_str(std::str::from_utf8(&more).unwrap());
            }
        })
        .await
        .expect("an event in time")
    }
}

/// Id and name of a message must say the same as its data.
fn event(message: &str) -> Option<Event> {
    let field = |name: &str| {
        let mut lines = message.lines();
        lines.find_map(|l| l.strip_prefix(name)?.strip_prefix(": "))
    };
    let event: Event = serde_json::from_str(field("data")?).unwrap();
    assert_eq!(field("id"), Some(event.id.to_string().as_str()));
    assert_eq!(field("event"), Some(event.action.as_str()));
    Some(event)
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    swarm.ticket("one").await;
    let mut stream = Stream::open(&human, "/events?after=0", None).await;
    let first = stream.next().await.unwrap();
    assert_eq!(
        (first.action.as_str(), first.detail.as_deref()),
        ("created", Some("one"))
    );
    drop(stream);

    swarm.ticket("two").await;
    swarm.ticket("three").await;
    let mut stream = Stream::open(&human, "/events?after=0", Some(first.id)).await;
    for title in ["two", "three"] {
        assert_eq!(stream.next().await.unwrap().detail.as_deref(), Some(title));
    }
    let made = Instant::now();
    swarm.ticket("four").await;
    assert_eq!(stream.next().await.unwrap().detail.as_deref(), Some("four"));
    assert!(made.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn a_stream_without_a_cursor_begins_now() {
    let swarm = Swarm::start().await;
    swarm.ticket("before").await;
    let mut stream = Stream::open(&swarm.human(), "/events", None).await;
    swarm.ticket("after").await;
    assert_eq!(
        stream.next().await.unwrap().detail.as_deref(),
        Some("after")
    );
}

#[tokio::test]
async fn a_long_history_is_told_in_order_without_gaps() {
    let swarm = Swarm::start().await;
    let database = &swarm.running.hub.database;
    database
        .call(|store| {
            for n in 0..1200 {
                store.note(&ticket::Actor::Hub, None, "noted", Some(&n.to_string()))?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let mut stream = Stream::open(&swarm.human(), "/events?after=0", None).await;
    for n in 0..1200 {
        assert_eq!(stream.next().await.unwrap().detail, Some(n.to_string()));
    }
}

#[tokio::test]
async fn an_open_stream_does_not_hold_up_the_end() {
    let swarm = Swarm::start().await;
    let mut stream = Stream::open(&swarm.human(), "/events", None).await;
    let began = Instant::now();
    swarm.running.end().await.unwrap();
    assert!(stream.next().await.is_none());
    assert!(began.elapsed() < AT_ONCE);
}
