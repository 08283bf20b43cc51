//! Messages to people who are away, against a server that speaks ntfy's publish interface and
//! misbehaves as told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use ticket::attempt::Outcome;
use ticket::wire::EndAttempt;

use crate::fixture::{Swarm, kind, until};

/// What the server does with the next messages; with those after that it takes them.
#[derive(Clone, Copy, Debug)]
enum Mood {
    TooMany,
    Broken,
    /// Takes the message and cuts the line before it answers.
    Takes,
    Denies,
}

#[derive(Default)]
struct Seen {
    moods: VecDeque<Mood>,
    taken: Vec<Value>,
    tries: usize,
    authorization: Option<String>,
}

/// An ntfy server on loopback.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    async fn start(moods: &[Mood]) -> Server {
        let seen = Arc::new(Mutex::new(Seen {
            moods: moods.iter().copied().collect(),
            ..Seen::default()
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/", post(publish))
            .with_state(seen.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Server { address, seen }
    }

    fn config(&self) -> String {
        format!(
            r#"{{"notify": {{"ntfy": "http://{}/topic"}}}}"#,
            self.address
        )
    }

    fn titles(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let titles = seen.taken.iter().map(|m| m["title"].as_str().unwrap());
        titles.map(str::to_owned).collect()
    }

    fn tries(&self) -> usize {
        self.seen.lock().unwrap().tries
    }

    async fn has_taken(&self, number: usize) -> Vec<Value> {
        until("messages to arrive", || async {
            let taken = self.seen.lock().unwrap().taken.clone();
            (taken.len() >= number).then_some(taken)
        })
        .await
    }
}

async fn publish(
    State(seen): State<Arc<Mutex<Seen>>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let mut seen = seen.lock().unwrap();
    seen.tries += 1;
    let authorization = headers.get("authorization").map(|v| v.to_str().unwrap());
    seen.authorization = authorization.map(str::to_owned);
    let message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(message["topic"], "topic");
    match seen.moods.pop_front() {
        None => {
            seen.taken.push(message);
            "{}".into_response()
        }
        Some(Mood::TooMany) => (
            StatusCode::TOO_MANY_REQUESTS,
            [("retry-after", "1")],
            "limit reached",
        )
            .into_response(),
        Some(Mood::Broken) => StatusCode::BAD_GATEWAY.into_response(),
        Some(Mood::Denies) => (StatusCode::FORBIDDEN, "forbidden").into_response(),
        Some(Mood::Takes) => {
            seen.taken.push(message);
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
    }
}

/// A question of an agent that works on a ticket.
async fn ask(swarm: &Swarm, name: &str, title: &str) {
    let ticket = swarm.ticket("work").await;
    let worker = swarm.worker(name).await;
    let work = worker.work(0).await;
    let token = work["token"].as_str().unwrap();
    let question = json!({
        "title": title, "type": "question", "assign": "human", "description": "Red\u{7} or blue?",
        "block_dependents_of": [], "blocked_by": [],
    });
    let (status, made) = swarm.agents(token).post("/tickets", question).await;
    assert_eq!(status, StatusCode::OK, "{made} for {ticket}");
}

#[tokio::test]
async fn a_question_arrives_once_and_a_restart_does_not_repeat_it() {
    let server = Server::start(&[]).await;
    let swarm = Swarm::start_with(&server.config()).await;
    ask(&swarm, "agent-1", "Which colour?").await;
    let taken = server.has_taken(1).await;
    let message = &taken[0];
    let title = message["title"].as_str().unwrap();
    assert!(title.contains("#2 a question: Which colour?"), "{message}");
    assert!(
        message["message"]
            .as_str()
            .unwrap()
            .starts_with("Red or blue?\n\nticket answer 2"),
        "{message}"
    );
    assert_eq!(message["priority"], 4);
    let click = message["click"].as_str().unwrap();
    assert!(click.ends_with("/tickets/2"), "{click}");

    let swarm = swarm.restart().await;
    // A later message shows that the earlier one had its chance.
    ask(&swarm, "agent-2", "Which size?").await;
    server.has_taken(2).await;
    let titles = server.titles();
    assert_eq!(titles.len(), 2, "{titles:?}");
    assert!(titles[1].contains("Which size?"), "{titles:?}");
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn messages_wait_while_the_server_is_away_and_come_without_a_flood() {
    let away = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = away.local_addr().unwrap();
    drop(away);
    let config =
        format!(r#"{{"agents": {{"count": 5}}, "notify": {{"ntfy": "http://{address}/topic"}}}}"#);
    let swarm = Swarm::start_with(&config).await;
    for number in 1..=5 {
        let name = format!("agent-{number}");
        ask(&swarm, &name, &format!("Question {number}")).await;
    }
    let waiting = || async {
        let waiting = swarm
            .running
            .hub
            .database
            .read(|store| store.outbox_waiting("ntfy"));
        let waiting = waiting.await.unwrap();
        (waiting.len() == 5).then_some(waiting)
    };
    until("five messages to wait", waiting).await;

    // The hub is restarted while they wait, and the server comes back.
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let app = Router::new()
        .route("/", post(publish))
        .with_state(seen.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let swarm = swarm.restart().await;
    let server = Server { address, seen };
    let taken = server.has_taken(1).await;
    assert!(
        taken[0]["title"]
            .as_str()
            .unwrap()
            .ends_with("5 × question"),
        "{taken:?}"
    );
    assert!(
        taken[0]["message"].as_str().unwrap().contains("Question 5"),
        "{taken:?}"
    );
    let empty = || async {
        let waiting = swarm
            .running
            .hub
            .database
            .read(|store| store.outbox_waiting("ntfy"));
        waiting.await.unwrap().is_empty().then_some(())
    };
    until("the outbox to be empty", empty).await;
    assert_eq!(server.titles().len(), 1);
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_server_in_a_bad_mood_gets_the_message_in_the_end() {
    for (mood, tries) in [(Mood::TooMany, 2), (Mood::Broken, 2), (Mood::Denies, 2)] {
        let server = Server::start(&[mood]).await;
        let swarm = Swarm::start_with(&server.config()).await;
        ask(&swarm, "agent-1", "Which colour?").await;
        server.has_taken(1).await;
        assert_eq!(server.tries(), tries, "{mood:?}");
        swarm.running.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_sent_again_under_the_same_sequence_id() {
    let server = Server::start(&[Mood::Takes]).await;
    let swarm = Swarm::start_with(&server.config()).await;
    ask(&swarm, "agent-1", "Which colour?").await;
    let taken = server.has_taken(2).await;
    assert_eq!(taken[0]["sequence_id"], taken[1]["sequence_id"]);
    assert!(taken[0]["sequence_id"].is_string());
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_topic_that_denies_is_a_problem_in_the_status() {
    let server = Server::start(&[Mood::Denies; 50]).await;
    let swarm = Swarm::start_with(&server.config()).await;
    ask(&swarm, "agent-1", "Which colour?").await;
    let human = swarm.human();
    let problem = until("the problem to show", || async {
        let (_, status) = human.get("/status").await;
        let problems = status["problems"].as_array().unwrap().clone();
        problems
            .into_iter()
            .find(|p| p.as_str().unwrap().contains("ntfy"))
    })
    .await;
    let problem = problem.as_str().unwrap();
    assert!(problem.contains("it answered 403: forbidden"), "{problem}");
    assert!(!problem.contains("/topic"), "{problem}");
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_refused_login_is_one_message_that_says_what_to_run_and_no_secret() {
    let server = Server::start(&[]).await;
    let swarm = Swarm::start_with(&server.config()).await;
    std::fs::write(
        swarm.project.credentials_file(),
        r#"{"ANTHROPIC_API_KEY":"sk-planted"}"#,
    )
    .unwrap();
    let workers = [swarm.worker("agent-1").await, swarm.worker("agent-2").await];
    let mut working = Vec::new();
    for worker in &workers {
        swarm.ticket("work").await;
        working.push(worker.work(0).await);
    }
    for (worker, work) in workers.iter().zip(&working) {
        let end = EndAttempt::new(Outcome::AuthFailed, "401 for sk-planted");
        let (ticket, attempt) = (&work["ticket"]["id"], &work["ticket"]["attempt"]);
        let path = format!("/attempts/{ticket}/{attempt}/end");
        let (status, said) = worker
            .post(&path, serde_json::to_value(&end).unwrap())
            .await;
        assert!(status.is_success(), "{said}");
    }
    let taken = server.has_taken(1).await;
    let text = taken[0]["message"].as_str().unwrap();
    assert!(text.contains("swarm login"), "{text}");
    assert!(text.contains("401 for …"), "{text}");
    assert_eq!(taken[0]["priority"], 5);
    // The hub is restarted, then something else is told: still one.
    let swarm = swarm.restart().await;
    until("the outbox to be empty", || async {
        let waiting = swarm
            .running
            .hub
            .database
            .read(|store| store.outbox_waiting("ntfy"));
        waiting.await.unwrap().is_empty().then_some(())
    })
    .await;
    assert_eq!(server.titles().len(), 1, "{:?}", server.titles());
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_test_message_goes_out_at_once_or_says_why_not() {
    let server = Server::start(&[Mood::Denies]).await;
    let swarm = Swarm::start_with(&server.config()).await;
    let test = || async { swarm.human().post("/notify/test", json!({})).await };
    let (status, said) = test().await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert_eq!(said[0]["taken"], false, "{said}");
    assert!(
        said[0]["said"]
            .as_str()
            .unwrap()
            .contains("SWARM_NTFY_TOKEN"),
        "{said}"
    );
    let (_, said) = test().await;
    let sentence = format!("ntfy at http://{}/ took the message", server.address);
    assert_eq!(
        said,
        json!([{ "channel": "ntfy", "taken": true, "said": sentence }])
    );
    let only = json!({ "channel": "slack" });
    let (status, said) = swarm.human().post("/notify/test", only).await;
    assert!(status.is_client_error(), "{status}");
    assert!(said.to_string().contains("slack is not set"), "{said}");
    swarm.running.end().await.unwrap();

    let swarm = Swarm::start().await;
    let (status, said) = swarm.human().post("/notify/test", json!({})).await;
    assert!(status.is_client_error(), "{status}");
    assert_eq!(kind(&said), "refused", "{said}");
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn only_what_the_configuration_lists_is_told() {
    let server = Server::start(&[]).await;
    let mut config: Value = serde_json::from_str(&server.config()).unwrap();
    config["notify"]["events"] = json!(["idle"]);
    let config = config.to_string();
    let swarm = Swarm::start_with(&config).await;
    ask(&swarm, "agent-1", "Which colour?").await;
    until("the question to be seen", || async {
        let memory = swarm
            .running
            .hub
            .database
            .read(|store| store.outbox_memory("ntfy"));
        memory.await.unwrap().filter(|m| m.contains("question"))
    })
    .await;
    let waiting = swarm
        .running
        .hub
        .database
        .read(|store| store.outbox_waiting("ntfy"));
    assert_eq!(waiting.await.unwrap(), []);
    assert_eq!(server.tries(), 0);
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn the_token_is_sent_and_is_in_no_configuration() {
    let server = Server::start(&[]).await;
    let swarm = Swarm::start_with(&server.config()).await;
    std::fs::write(swarm.project.secret_file("ntfy-token"), "tk_mine").unwrap();
    let swarm = swarm.restart().await;
    let (status, _) = swarm.human().post("/notify/test", json!({})).await;
    assert_eq!(status, StatusCode::OK);
    let sent = server.seen.lock().unwrap().authorization.clone();
    assert_eq!(sent.as_deref(), Some("Bearer tk_mine"));
    tokio::time::timeout(Duration::from_secs(10), swarm.running.end())
        .await
        .unwrap()
        .unwrap();
}
