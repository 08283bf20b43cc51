//! Slack, Discord, a webhook and e-mail, each by a real server on loopback that writes down what it
//! gets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use swarm::channel::webhook::signature;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::fixture::{Swarm, until};

const SECRET: &str = "a-secret-of-two-servers";
/// A title that means something to every format there is.
const HOSTILE: &str = "<!channel> @everyone **b** [x](http://evil) \r\nBcc: all@example.org";

/// What came in by HTTP: the path, the headers, the body.
type Got = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

#[derive(Clone, Default)]
struct Sink {
    got: Got,
    /// What is answered.
    status: Arc<Mutex<Option<StatusCode>>>,
}

impl Sink {
    async fn start() -> (Sink, SocketAddr) {
        let sink = Sink::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/{*path}", post(take))
            .with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (sink, address)
    }

    fn answers(&self, status: StatusCode) {
        *self.status.lock().unwrap() = Some(status);
    }

    /// The first that came in at this path whose body holds this.
    async fn got(&self, path: &str, part: &str) -> (HeaderMap, String) {
        until(&format!("{path} to get '{part}'"), || async {
            let got = self.got.lock().unwrap();
            let mut found = got
                .iter()
                .filter(|(at, _, body)| at == path && body.contains(part));
            found
                .next()
                .map(|(_, headers, body)| (headers.clone(), body.clone()))
        })
        .await
    }
}

async fn take(
    State(sink): State<Sink>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, &'static str) {
    if let Some(status) = *sink.status.lock().unwrap() {
        return (status, "no services/T0/hiddenpart for you");
    }
    sink.got.lock().unwrap().push((path, headers, body));
    (StatusCode::OK, "ok")
}

/// A mail server that takes everything and keeps what was said, message by message.
async fn mail_server() -> (Arc<Mutex<Vec<String>>>, SocketAddr) {
    let mails = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let kept = mails.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = kept.clone();
            tokio::spawn(async move { converse(stream, &kept).await });
        }
    });
    (mails, address)
}

async fn converse(stream: TcpStream, kept: &Mutex<Vec<String>>) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 here\r\n").await.ok()?;
    let mut said = String::new();
    loop {
        let line = lines.next_line().await.ok()??;
        said.push_str(&line);
        said.push('\n');
        let answer: &[u8] = match line.get(..4).unwrap_or(&line) {
            "EHLO" => b"250-here\r\n250 8BITMIME\r\n",
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await.ok()?;
                loop {
                    let line = lines.next_line().await.ok()??;
                    if line == "." {
                        break;
                    }
                    said.push_str(&line);
                    said.push('\n');
                }
                kept.lock().unwrap().push(std::mem::take(&mut said));
                b"250 taken\r\n"
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await.ok()?;
                return None;
            }
            _ => b"250 fine\r\n",
        };
        writer.write_all(answer).await.ok()?;
    }
}

/// A swarm whose messages go to all of these.
async fn start(http: SocketAddr, mail: SocketAddr) -> Swarm {
    let swarm = Swarm::start().await;
    let config = json!({
        "proposals": { "enabled": false },
        "notify": {
            "slack": true,
            "discord": true,
            "webhook": format!("http://{http}/hook"),
            "mail": {
                "server": mail.to_string(),
                "security": "none",
                "from": "Swarm <swarm@example.org>",
                "to": ["me@example.org"],
            },
        },
    });
    std::fs::write(swarm.project.config_file(), config.to_string()).unwrap();
    for (name, value) in [
        (
            "slack-webhook",
            format!("http://{http}/services/T0/hiddenpart"),
        ),
        (
            "discord-webhook",
            format!("http://{http}/api/webhooks/1/hiddenpart"),
        ),
        ("webhook-secret", SECRET.to_owned()),
    ] {
        std::fs::write(swarm.project.secret_file(name), value).unwrap();
    }
    swarm.restart().await
}

async fn ask(swarm: &Swarm, title: &str) {
    swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    let work = worker.work(0).await;
    let token = work["token"].as_str().unwrap();
    let question = json!({
        "title": title, "type": "question", "assign": "human",
        "description": "Up \u{1b}[31mor down? <@U1> @here ](x)",
        "block_dependents_of": [], "blocked_by": [],
    });
    let (status, made) = swarm.agents(token).post("/tickets", question).await;
    assert_eq!(status, StatusCode::OK, "{made}");
}

#[tokio::test]
async fn a_question_goes_out_by_every_way_and_means_nothing_to_any_format() {
    let (sink, http) = Sink::start().await;
    let (mails, smtp) = mail_server().await;
    let swarm = start(http, smtp).await;
    let title = HOSTILE.replace(['\r', '\n'], " ");
    ask(&swarm, &title).await;

    let (_, slack) = sink.got("services/T0/hiddenpart", "a question").await;
    let slack: Value = serde_json::from_str(&slack).unwrap();
    let text = slack["text"].as_str().unwrap();
    assert!(
        text.contains("&lt;!channel&gt;") && !text.contains('<'),
        "{text}"
    );
    assert!(text.contains("/tickets/2"), "{text}");

    let (_, discord) = sink.got("api/webhooks/1/hiddenpart", "a question").await;
    let discord: Value = serde_json::from_str(&discord).unwrap();
    assert_eq!(discord["allowed_mentions"], json!({ "parse": [] }));
    let content = discord["content"].as_str().unwrap();
    assert!(content.contains("\\@everyone \\*\\*b\\*\\*"), "{content}");
    assert!(content.chars().count() <= 2000);

    let (headers, body) = sink.got("hook", "a question").await;
    let timestamp: i64 = headers["x-swarm-timestamp"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((ticket::moment::now() - timestamp).abs() < 60);
    assert_eq!(
        headers["x-swarm-signature"].to_str().unwrap(),
        signature(SECRET, timestamp, body.as_bytes())
    );
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body["event"], &body["ticket"]),
        (&json!("question"), &json!(2))
    );
    assert!(!body.to_string().contains("\\u001b"), "{body}");

    let mail = until("the mail", || async {
        mails.lock().unwrap().first().cloned()
    })
    .await;
    assert!(mail.contains("MAIL FROM:<swarm@example.org>"), "{mail}");
    let to: Vec<&str> = mail.lines().filter(|l| l.starts_with("RCPT")).collect();
    assert_eq!(to, ["RCPT TO:<me@example.org>"]);
    assert!(
        !mail.lines().any(|l| l.to_lowercase().starts_with("bcc")),
        "{mail}"
    );
    for secret in [SECRET, "hiddenpart"] {
        assert!(!mail.contains(secret), "{mail}");
    }
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn a_test_tries_every_way_and_says_what_came_of_each() {
    let (sink, http) = Sink::start().await;
    let (mails, smtp) = mail_server().await;
    let swarm = start(http, smtp).await;
    let (status, said) = swarm.human().post("/notify/test", json!({})).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let tried: Vec<(&str, bool)> = said
        .as_array()
        .unwrap()
        .iter()
        .map(|t| {
            (
                t["channel"].as_str().unwrap(),
                t["taken"].as_bool().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("slack", true),
        ("discord", true),
        ("webhook", true),
        ("mail", true),
    ];
    assert_eq!(tried, expected, "{said}");
    assert_eq!(mails.lock().unwrap().len(), 1);

    sink.answers(StatusCode::NOT_FOUND);
    let only = json!({ "channel": "slack" });
    let (_, said) = swarm.human().post("/notify/test", only).await;
    assert_eq!(said.as_array().unwrap().len(), 1, "{said}");
    let sentence = said[0]["said"].as_str().unwrap();
    assert!(sentence.contains("check SWARM_SLACK_WEBHOOK"), "{sentence}");
    assert!(!sentence.contains("hiddenpart"), "{sentence}");
    swarm.running.end().await.unwrap();
}

#[tokio::test]
async fn one_way_that_is_away_holds_up_no_other() {
    let (sink, http) = Sink::start().await;
    // Nobody is at home there.
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let smtp = away.local_addr().unwrap();
    drop(away);
    let swarm = start(http, smtp).await;
    ask(&swarm, "Which colour?").await;
    sink.got("hook", "Which colour?").await;
    let waiting = |name: &'static str| {
        let database = &swarm.running.hub.database;
        database.read(move |store| store.outbox_waiting(name))
    };
    until("the others to have sent", || async {
        let webhook = waiting("webhook").await.unwrap();
        webhook.is_empty().then_some(())
    })
    .await;
    assert_eq!(waiting("mail").await.unwrap().len(), 1);
    swarm.running.end().await.unwrap();
}
