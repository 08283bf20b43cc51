//! The event stream: nothing is missed and nothing told twice, whenever a client comes back.

use std::time::Instant;

use futures_util::StreamExt;
use reqwest::{Method, StatusCode};
use ticket::event::Event;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

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

/// How many rows of a kilobyte are written for somebody who does not read: more than a connection
/// holds.
const UNREAD: i64 = 12_000;

async fn write_much(swarm: &Swarm) {
    let database = &swarm.running.hub.database;
    let written = database.call(|store| {
        let words = "x".repeat(1000);
        for _ in 0..UNREAD {
            store.note(&ticket::Actor::Hub, None, "noted", Some(&words))?;
        }
        Ok(())
    });
    written.await.unwrap();
}

/// Opens a stream and leaves it unread, with little room for what comes.
async fn unread(swarm: &Swarm, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let (host, token) = (swarm.running.human, swarm.human().token);
    let mut stream = socket.connect(host).await.unwrap();
    let ask =
        format!("GET {path} HTTP/1.0\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    stream
}

/// What was sent until a line has this id. A stream to an old client is not in pieces.
async fn read_until(stream: &mut TcpStream, id: i64) -> String {
    let mut read = Vec::new();
    let last = format!("id: {id}\n");
    let reading = async {
        let mut piece = vec![0; 64 << 10];
        loop {
            let length = stream.read(&mut piece).await.unwrap();
            assert!(length > 0, "the stream ended");
            read.extend_from_slice(&piece[..length]);
            let end = &read[read.len().saturating_sub(4096)..];
            if String::from_utf8_lossy(end).contains(&last) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8(read).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_holds_up_nobody_and_misses_nothing() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let mut slow = unread(&swarm, "/api/v1/events?after=0").await;
    let mut page = unread(&swarm, "/live?after=0").await;
    write_much(&swarm).await;
    let mut quick = Stream::open(&human, "/events", None).await;
    let made = Instant::now();
    swarm.ticket("now").await;
    let heard = quick.next().await.unwrap();
    assert_eq!(heard.detail.as_deref(), Some("now"));
    assert!(made.elapsed() < AT_ONCE);

    let read = read_until(&mut slow, heard.id).await;
    let ids: Vec<i64> = read
        .lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
        .collect();
    assert!(ids.len() > usize::try_from(UNREAD).unwrap());
    assert_eq!(ids, (1..=heard.id).collect::<Vec<i64>>());
    // A page is told what to fetch, and not every row.
    let read = read_until(&mut page, heard.id).await;
    let told = read.lines().filter(|line| line.starts_with("id: "));
    assert!(told.count() < 100, "{read}");
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
