//! What one client cannot take from the others: connections, time, and the hub's end.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use monitor::listener::doors::Traffic;
use monitor::listener::{Limits, serve};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::fixture::{PATIENCE, Swarm, until};

/// How long the listener of these tests waits for headers.
const HEADERS: Duration = Duration::from_millis(300);

/// A listener that answers "here", and its end.
struct Small {
    address: SocketAddr,
    traffic: Traffic,
    closing: CancellationToken,
}

impl Small {
    async fn start(change: impl FnOnce(&mut Limits)) -> Small {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        let mut limits = Limits::with(100);
        limits.headers = HEADERS;
        change(&mut limits);
        let (traffic, closing) = (Traffic::default(), CancellationToken::new());
        tokio::spawn(serve(
            listener,
            router,
            limits,
            traffic.clone(),
            closing.clone(),
        ));
        Small {
            address,
            traffic,
            closing,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

/// What comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes));
    // A reset is an end, too.
    let _ = read.await.expect("the connection is closed in time");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn half_open_requests_do_not_stay() {
    let small = Small::start(|_| ()).await;
    for sent in [
        "",
        "GET",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n",
    ] {
        let mut stream = small.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let began = Instant::now();
        rest(&mut stream).await;
        assert!(began.elapsed() < PATIENCE, "{sent:?}");
    }
    until("nothing is open", || async {
        (small.traffic.open() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn headers_that_trickle_in_are_cut_off() {
    let small = Small::start(|_| ()).await;
    let mut stream = small.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n")
        .await
        .unwrap();
    let trickle = async {
        for n in 0.. {
            let line = format!("x-{n}: 1\r\n");
            if stream.write_all(line.as_bytes()).await.is_err() {
                return n;
            }
            tokio::time::sleep(HEADERS / 6).await;
        }
        unreachable!("the numbers end")
    };
    let lines = tokio::time::timeout(PATIENCE, trickle)
        .await
        .expect("cut off");
    assert!(lines > 0);
}

#[tokio::test]
async fn a_connection_that_rests_is_closed() {
    let small = Small::start(|_| ()).await;
    let mut stream = small.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("here"), "{answer}");
}

#[tokio::test]
async fn who_finds_no_place_waits_and_then_gets_one() {
    let small = Small::start(|limits| {
        limits.connections = 2;
        limits.headers = PATIENCE;
    })
    .await;
    let held = [small.connect().await, small.connect().await];
    until("both places are taken", || async {
        (small.traffic.open() == 2).then_some(())
    })
    .await;
    let mut third = small.connect().await;
    let ask = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    third.write_all(ask).await.unwrap();
    let early = tokio::time::timeout(HEADERS, third.read_u8()).await;
    assert!(early.is_err(), "it was served beyond the limit");
    assert_eq!(small.traffic.open(), 2);
    drop(held);
    let answer = rest(&mut third).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn one_peer_has_so_many_and_no_more() {
    let small = Small::start(|limits| {
        limits.per_peer = 2;
        limits.headers = PATIENCE;
    })
    .await;
    let _held = [small.connect().await, small.connect().await];
    until("both places are taken", || async {
        (small.traffic.open() == 2).then_some(())
    })
    .await;
    let mut third = small.connect().await;
    assert_eq!(rest(&mut third).await, "");
}

#[tokio::test]
async fn who_does_not_read_is_let_go() {
    let small = Small::start(|limits| limits.unread = Duration::from_millis(500)).await;
    let mut stream = small.connect().await;
    // Answers beyond what both kernels keep for a reader that does not come.
    let asking = async {
        let ask = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
        while stream.write_all(&ask).await.is_ok() {}
    };
    let asked = tokio::time::timeout(PATIENCE, asking).await;
    assert!(asked.is_ok(), "the connection stays open unread");
    until("its place is free", || async {
        (small.traffic.open() == 0).then_some(())
    })
    .await;
}

/// Opens the stream of events and reads its head.
async fn follower(host: SocketAddr, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(host).await.unwrap();
    let ask = format!(
        "GET /api/v1/events?after=0 HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    stream
}

/// The hub must have ended by then, whoever follows it.
const END: Duration = Duration::from_secs(5);
/// A loaded machine may be late now and then; a hub that waits for its followers is late each time.
const TRIES: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_followers_do_not_hold_up_the_end() {
    let mut late = Vec::new();
    for _ in 0..TRIES {
        let took = end_of_a_followed_hub().await;
        if took < END {
            return;
        }
        late.push(took);
    }
    panic!("the end took {late:?}");
}

/// How long a hub takes to end that a hundred follow, some of whom have much to read and do not.
async fn end_of_a_followed_hub() -> Duration {
    let swarm = Swarm::start().await;
    let database = &swarm.running.hub.database;
    database
        .call(|store| {
            let words = "x".repeat(1000);
            for _ in 0..3000 {
                store.note(&ticket::Actor::Hub, None, "noted", Some(&words))?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let human = swarm.human();
    let mut followers = Vec::new();
    for _ in 0..100 {
        followers.push(follower(swarm.running.human, &human.token).await);
    }
    until("all follow", || async {
        (swarm.running.hub.streams.open() == 100).then_some(())
    })
    .await;
    // The others are served meanwhile.
    assert_eq!(human.get("/tickets").await.0, StatusCode::OK);
    let began = Instant::now();
    swarm.running.end().await.unwrap();
    began.elapsed()
}

#[tokio::test]
async fn a_follower_that_is_gone_leaves_its_place() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let stream = follower(swarm.running.human, &human.token).await;
    assert_eq!(swarm.running.hub.streams.open(), 1);
    drop(stream);
    // The next event shows that nobody is there.
    until("its place is free", || async {
        swarm.ticket("something happens").await;
        (swarm.running.hub.streams.open() == 0).then_some(())
    })
    .await;
    let request = human.request(Method::GET, "/tickets/count");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}
