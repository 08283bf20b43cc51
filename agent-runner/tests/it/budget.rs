//! A run that spends: each turn is reported as it ends, and the hub's answer ends the agent CLI before
//! its next one is over.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use agent_runner::agent::stream::Transcript;
use agent_runner::agent::{Ending, Run};
use agent_runner::interrupt::{Interrupt, Why};
use agent_runner::pulse::{Pulse, Whose};
use agent_runner::recorder::Recorder;
use serde_json::Value;
use ticket::client::Client;
use ticket::usage::{Budget, RunUsage};

use crate::fixture::{console, sweeping};

/// Tokens that a turn sends.
const TURN: u64 = 1000;
/// After so many turns the budget is used up.
const TURNS: u64 = 2;

/// A hub that hears of heartbeats; what each said of input tokens.
fn hub() -> (String, Receiver<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (to, heard) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let to = to.clone();
            thread::spawn(move || while answer(stream.as_ref().unwrap(), &to).is_some() {});
        }
    });
    (url, heard)
}

fn answer(mut stream: &TcpStream, to: &std::sync::mpsc::Sender<u64>) -> Option<()> {
    let mut lines = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    let beat: Value = serde_json::from_slice(&body).ok()?;
    let tokens = beat["usage"][0]["models"][0]["input_tokens"].as_u64();
    let said = match tokens {
        Some(tokens) if tokens >= TURNS * TURN => r#"{"over_budget":"day"}"#,
        _ => r#"{"over_budget":null}"#,
    };
    tokens.map(|tokens| to.send(tokens));
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{said}",
        said.len()
    )
    .ok()
}

#[test]
fn an_agent_over_its_budget_is_ended_within_a_turn() {
    let _sweeping = sweeping();
    let (url, heard) = hub();
    let interrupt = Interrupt::default();
    let client = Client::new(&url, "token").unwrap();
    let pulse = Pulse::start(
        client,
        Whose::Attempt(1, 1),
        Duration::from_secs(60),
        interrupt.clone(),
        "agent",
    );
    let tell = pulse.accountant();
    // A turn takes a second; it would take fifty of them.
    let script = r#"
        for n in $(seq 50); do
            echo '{"type":"assistant","message":{"id":"m'$n'","model":"m","content":[],"usage":{"input_tokens":1000}},"session_id":"s"}'
            sleep 1
        done"#;
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let report = Run {
        command,
        stdin: Vec::new(),
        reader: Box::new(Transcript::new(false)),
        timeout: Duration::from_secs(60),
        interrupt: &interrupt,
        console: &console(),
        speaker: "agent".into(),
        recorder: Recorder::none(),
        every: Duration::from_secs(60),
        stall: None,
        on_served: Box::new(|| ()),
        on_usage: Box::new(move |models| {
            tell(RunUsage {
                run: 1,
                models,
                ..RunUsage::default()
            });
        }),
        on_session: Box::new(|_| ()),
    }
    .run(|| {});
    assert_eq!(report.ending, Ending::Interrupted(Why::Budget(Budget::Day)));
    let used = report.usage[0].usage.input_tokens;
    assert!(used <= (TURNS + 1) * TURN, "one turn more at most: {used}");
    let first: Vec<u64> = heard.try_iter().take(2).collect();
    assert_eq!(first, [TURN, 2 * TURN], "each turn as it ends");
    assert_eq!(pulse.over_budget(), Some(Budget::Day));
}
