//! A Messages API on this machine, for the real `claude` program in its containers.
//!
//! It answers with what a [`Script`] says; an answer is a function of the request alone, so any
//! number of agents share one server. It keeps notes of what it was asked, for the test to look at.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

mod answer;
mod conversation;
mod script;

use conversation::Conversation;
pub use script::{Script, Step};

/// The largest request; a conversation with its tools is some hundred kilobytes.
const MAX_REQUEST: usize = 32 << 20;

/// A running server; dropped, it is gone.
pub struct MessagesApi {
    address: SocketAddr,
    notes: Arc<Mutex<Vec<Note>>>,
    _runtime: Runtime,
}

/// One request, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The key it came with.
    pub key: Option<String>,
    /// Which program asked.
    pub agent: String,
    /// The kind of prompt; empty when it was no step of a script, such as the making of a title.
    pub kind: String,
    /// The marker of the scene; `None` when no scene fitted.
    pub marker: Option<&'static str>,
    /// Which step.
    pub step: usize,
    /// What tools said, when they failed.
    pub tool_errors: Vec<String>,
    /// What the answer used, as the answer says.
    pub used: Used,
}

/// Tokens, as an answer counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    pub input: i64,
    pub output: i64,
    pub cache_read: i64,
    pub cache_write: i64,
}

impl Used {
    /// Both together.
    pub fn and(self, other: Used) -> Used {
        Used {
            input: self.input + other.input,
            output: self.output + other.output,
            cache_read: self.cache_read + other.cache_read,
            cache_write: self.cache_write + other.cache_write,
        }
    }
}

struct Desk {
    script: Script,
    notes: Arc<Mutex<Vec<Note>>>,
}

impl MessagesApi {
    /// Serves `script` on a free port of an address of this machine.
    pub fn start(address: IpAddr, script: Script) -> MessagesApi {
        let runtime = Runtime::new().expect("threads for the scripted Messages API");
        let notes = Arc::default();
        let desk = Arc::new(Desk {
            script,
            notes: Arc::clone(&notes),
        });
        let app = Router::new()
            .route("/v1/messages", post(messages))
            .layer(DefaultBodyLimit::max(MAX_REQUEST))
            .with_state(desk);
        let listener = runtime
            .block_on(TcpListener::bind((address, 0)))
            .unwrap_or_else(|e| {
                panic!("the scripted Messages API cannot listen on {address}: {e}")
            });
        let address = listener.local_addr().expect("an address was bound");
        runtime.spawn(async move { axum::serve(listener, app).await });
        MessagesApi {
            address,
            notes,
            _runtime: runtime,
        }
    }

    /// What `ANTHROPIC_BASE_URL` is to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub fn notes(&self) -> Vec<Note> {
        self.notes.lock().expect("nobody panics with it").clone()
    }
}

async fn messages(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (step, note) = decide(&desk.script, &request);
    let header = |name| Some(headers.get(name)?.to_str().ok()?.to_string());
    let message = answer::message(&request, &step);
    let tokens = |name: &str| message["usage"][name].as_i64().unwrap_or_default();
    let used = Used {
        input: tokens("input_tokens"),
        output: tokens("output_tokens"),
        cache_read: tokens("cache_read_input_tokens"),
        cache_write: tokens("cache_creation_input_tokens"),
    };
    desk.notes
        .lock()
        .expect("nobody panics with it")
        .push(Note {
            key: header("x-api-key"),
            agent: header("user-agent").unwrap_or_default(),
            used,
            ..note
        });
    if request["stream"] == true {
        (
            [(header::CONTENT_TYPE, "text/event-stream")],
            answer::stream(&message),
        )
            .into_response()
    } else {
        axum::Json(message).into_response()
    }
}

/// The answer to a request, and what is noted about it. Pure.
fn decide(script: &Script, request: &Value) -> (Step, Note) {
    let mut note = Note {
        key: None,
        agent: String::new(),
        kind: String::new(),
        marker: None,
        step: 0,
        tool_errors: Vec::new(),
        used: Used::default(),
    };
    let has_tools = request["tools"].as_array().is_some_and(|t| !t.is_empty());
    let Some(read) = Conversation::read(request).filter(|_| has_tools) else {
        return (Step::say("A scripted answer"), note);
    };
    note.kind = read.kind().into();
    note.step = read.step();
    note.tool_errors = read.tool_errors();
    match script.next(&read) {
        Some((marker, step)) => {
            note.marker = Some(marker);
            (step, note)
        }
        None => (Step::say("The script says nothing about this."), note),
    }
}
