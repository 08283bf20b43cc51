//! An ntfy server on loopback: publish by JSON and by plain text, action buttons as a phone sends them,
//! and the JSON stream with `since`, as ntfy documents them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::fixture::until;

/// The reply topic of these tests.
pub const REPLIES: &str = "answers-to-4711-0815";

/// What a connection is told.
#[derive(Clone)]
enum Told {
    Message(Value),
    Cut,
}

struct Inner {
    /// Every message of every topic, in order.
    messages: Vec<Value>,
    /// Whether the stream is refused at present.
    is_away: bool,
    /// Servers from before 2026.
    knows_no_copy: bool,
    /// What a client must send in `Authorization`, by topic.
    tokens: HashMap<String, String>,
    /// The `since` of every stream that was asked for.
    since: Vec<String>,
}

/// The server.
#[derive(Clone)]
pub struct Ntfy {
    pub address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    told: broadcast::Sender<Told>,
}

impl Ntfy {
    pub async fn start() -> Ntfy {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Ntfy {
            address: listener.local_addr().unwrap(),
            inner: Arc::new(Mutex::new(Inner {
                messages: Vec::new(),
                is_away: false,
                knows_no_copy: false,
                tokens: HashMap::new(),
                since: Vec::new(),
            })),
            told: broadcast::channel(64).0,
        };
        let app = Router::new()
            .route("/", post(publish_json))
            .route("/{topic}", post(publish_text))
            .route("/{topic}/json", get(stream))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    pub fn config(&self) -> String {
        let address = self.address;
        format!(r#"{{"notify": {{"ntfy": "http://{address}/topic", "reply_topic": "{REPLIES}"}}}}"#)
    }

    /// Ends every stream and takes no new one until [`Ntfy::come_back`].
    pub fn go_away(&self) {
        self.inner.lock().unwrap().is_away = true;
        let _ = self.told.send(Told::Cut);
    }

    pub fn come_back(&self) {
        self.inner.lock().unwrap().is_away = false;
    }

    pub fn know_no_copy(&self) {
        self.inner.lock().unwrap().knows_no_copy = true;
    }

    pub fn want_token(&self, topic: &str, token: &str) {
        let bearer = format!("Bearer {token}");
        self.inner
            .lock()
            .unwrap()
            .tokens
            .insert(topic.into(), bearer);
    }

    /// The `since` of every stream so far.
    pub fn streams(&self) -> Vec<String> {
        self.inner.lock().unwrap().since.clone()
    }

    pub async fn is_listened_to(&self) {
        until("the hub to listen", || async {
            (self.told.receiver_count() > 0).then_some(())
        })
        .await;
    }

    /// What the human got so far.
    pub fn got(&self) -> Vec<Value> {
        let inner = self.inner.lock().unwrap();
        let messages = inner.messages.iter().filter(|m| m["topic"] == "topic");
        messages.cloned().collect()
    }

    /// The `number`th message that the human gets whose title holds this.
    pub async fn gets(&self, title: &str, number: usize) -> Value {
        until(&format!("message {number} with '{title}'"), || async {
            let mut got = self.got().into_iter();
            let holds = |m: &Value| m["title"].as_str().unwrap().contains(title);
            got.by_ref().filter(holds).nth(number - 1)
        })
        .await
    }

    /// A human taps a button.
    pub async fn tap(&self, message: &Value, label: &str) -> StatusCode {
        let button = button(message, label);
        assert_eq!(button["action"], "http");
        let mut request = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = std::mem::take(&mut request)
            .post(button["url"].as_str().unwrap())
            .body(button["body"].as_str().unwrap().to_owned());
        for (name, value) in button["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        request.send().await.unwrap().status()
    }

    /// A human pastes what a button copied, and writes on.
    pub fn paste(&self, message: &Value, label: &str, words: &str) {
        let button = button(message, label);
        assert_eq!(button["action"], "copy");
        self.say(&format!("{}{words}", button["value"].as_str().unwrap()));
    }

    /// Somebody publishes to the reply topic.
    pub fn say(&self, text: &str) {
        self.keep(json!({ "topic": REPLIES, "message": text }));
    }

    fn keep(&self, mut message: Value) {
        let mut inner = self.inner.lock().unwrap();
        message["id"] = json!(format!("id{}", inner.messages.len()));
        message["event"] = json!("message");
        message["time"] = json!(ticket::moment::now());
        inner.messages.push(message.clone());
        // Nobody may listen.
        let _ = self.told.send(Told::Message(message));
    }

    fn lets_in(&self, topic: &str, headers: &HeaderMap) -> bool {
        let inner = self.inner.lock().unwrap();
        let sent = headers.get("authorization").map(|v| v.to_str().unwrap());
        inner
            .tokens
            .get(topic)
            .is_none_or(|token| sent == Some(token))
    }
}

/// The button with this on it.
pub fn button<'a>(message: &'a Value, label: &str) -> &'a Value {
    let buttons = message["actions"].as_array().unwrap();
    let found = buttons.iter().find(|b| b["label"] == label);
    found.unwrap_or_else(|| panic!("no button '{label}' in {message}"))
}

async fn publish_json(State(server): State<Ntfy>, headers: HeaderMap, body: String) -> Response {
    let message: Value = serde_json::from_str(&body).unwrap();
    let topic = message["topic"].as_str().unwrap();
    if !server.lets_in(topic, &headers) {
        return (StatusCode::FORBIDDEN, "forbidden").into_response();
    }
    let buttons = message["actions"].as_array().cloned().unwrap_or_default();
    assert!(buttons.len() <= 3, "{message}");
    let copies = buttons.iter().any(|b| b["action"] == "copy");
    if copies && server.inner.lock().unwrap().knows_no_copy {
        return (StatusCode::BAD_REQUEST, "action type unknown").into_response();
    }
    server.keep(message);
    "{}".into_response()
}

async fn publish_text(
    State(server): State<Ntfy>,
    Path(topic): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if !server.lets_in(&topic, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    server.keep(json!({ "topic": topic, "message": body }));
    "{}".into_response()
}

async fn stream(
    State(server): State<Ntfy>,
    Path(topic): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if !server.lets_in(&topic, &headers) {
        return (StatusCode::FORBIDDEN, "forbidden").into_response();
    }
    let since = query["since"].clone();
    let (mut told, missed) = {
        let mut inner = server.inner.lock().unwrap();
        inner.since.push(since.clone());
        if inner.is_away {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        let since: i64 = since.parse().unwrap();
        let is_missed = |m: &&Value| m["topic"] == *topic && m["time"].as_i64().unwrap() >= since;
        let missed: Vec<Value> = inner.messages.iter().filter(is_missed).cloned().collect();
        (server.told.subscribe(), missed)
    };
    let (lines, sent) = mpsc::channel::<String>(64);
    tokio::spawn(async move {
        let open = json!({ "id": "o", "time": 1, "event": "open", "topic": topic });
        for message in [open].into_iter().chain(missed) {
            if lines.send(format!("{message}\n")).await.is_err() {
                return;
            }
        }
        while let Ok(Told::Message(message)) = told.recv().await {
            let is_ours = message["topic"] == *topic;
            if is_ours && lines.send(format!("{message}\n")).await.is_err() {
                return;
            }
        }
    });
    Body::from_stream(ReceiverStream::new(sent).map(Ok::<_, Infallible>)).into_response()
}
