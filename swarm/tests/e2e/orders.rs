//! What the human says of one agent, or of all at once: restart, stop, pause, resume.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use ticket::Status;
use ticket::attempt::Outcome;

use crate::support::engine::docker;
use crate::support::puppet::{
    SOON, attempts, is_landed, puppets, swarm_ends, task, until_comment, until_landed,
};
use crate::support::swarm::Swarm;

/// The first attempt works for ever; a later one finds what it left.
pub const HALF_DONE: &str = "\
if ATTEMPT == '1':
    write('half', f'done by {AGENT}\\n')
    ticket('comment', TICKET, 'working')
    time.sleep(600)
seen['found'] = Path('half').read_text()
";
/// Works until it is told to go on.
const PATIENT: &str = "\
write(f'work-{TICKET}', 'work\\n')
ticket('comment', TICKET, 'working')
wait_for(lambda: 'go on' in comments(TICKET), 110)
";

#[test]
fn an_agent_is_restarted_and_stopped_and_its_work_goes_back() {
    let swarm = puppets();
    let half = task(&swarm, "Be restarted", HALF_DONE);
    swarm.start(&["--agents", "2"]);
    until_comment(&swarm, half, "working");
    let worker = attempts(&swarm, half)[0].agent.clone();
    let idle = if worker == "agent-1" {
        "agent-2"
    } else {
        "agent-1"
    };
    let before = [&worker, idle].map(|agent| container(&swarm, agent));

    let restarted = told(&swarm, &["agent", "restart", &worker, "--json"]);
    assert_eq!(restarted, json!({ "agent": worker, "state": "starting" }));
    until_landed(&swarm, &[half]);
    let outcomes: Vec<_> = attempts(&swarm, half).iter().map(|a| a.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Released), Some(Outcome::Landed)]);
    assert_eq!(swarm.show(half).ticket.failures, 0);
    swarm.wait_until("its container is there again", SOON, || {
        state(&swarm, &worker) == "idle"
    });
    let after = [&worker, idle].map(|agent| container(&swarm, agent));
    assert_ne!(before[0], after[0], "it is another container");
    assert_eq!(before[1], after[1], "the other agent was left alone");

    let stopped = told(&swarm, &["agent", "stop", idle, "--json"]);
    assert_eq!(stopped, json!({ "agent": idle, "state": "stopped" }));
    swarm.wait_until("it is stopped", SOON, || state(&swarm, idle) == "stopped");
    let patient = task(&swarm, "Done by the other", PATIENT);
    until_comment(&swarm, patient, "working");
    assert_eq!(attempts(&swarm, patient)[0].agent, worker);
    assert_eq!(state(&swarm, idle), "stopped", "nothing starts it again");

    let said = swarm_ends(&swarm, &["agent", "stop", "agent-9"]);
    assert_eq!(said.status.code(), Some(1));
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("there is no agent 'agent-9'"), "{said}");

    swarm.swarm(&["agent", "restart", idle]);
    swarm.wait_until("it is back", SOON, || state(&swarm, idle) == "idle");
    swarm.ticket(&["comment", &patient.to_string(), "go on"]);
    until_landed(&swarm, &[patient]);
    swarm.stop();
}

#[test]
fn who_is_one_too_many_finishes_first_and_the_others_go_on() {
    let swarm = puppets();
    let tickets = ["First", "Second", "Third"].map(|title| task(&swarm, title, PATIENT));
    swarm.start(&["--agents", "3"]);
    for id in tickets {
        until_comment(&swarm, id, "working");
    }
    let stays = container(&swarm, "agent-1");
    swarm.swarm(&["scale", "1"]);
    let late = task(&swarm, "Later", "write('late', 'work\\n')");
    for agent in ["agent-2", "agent-3"] {
        assert_eq!(state(&swarm, agent), "stopping");
    }
    for id in tickets {
        swarm.ticket(&["comment", &id.to_string(), "go on"]);
    }
    until_landed(&swarm, &tickets);
    for id in tickets {
        assert_eq!(attempts(&swarm, id).len(), 1);
    }
    swarm.wait_until("those that had to go are gone", SOON, || {
        let names = swarm.containers();
        !names
            .iter()
            .any(|name| name.ends_with("agent-2") || name.ends_with("agent-3"))
    });
    until_landed(&swarm, &[late]);
    assert_eq!(attempts(&swarm, late)[0].agent, "agent-1");
    assert_eq!(container(&swarm, "agent-1"), stays);
    swarm.swarm(&["scale", "2"]);
    swarm.wait_until("another one comes", SOON, || {
        state(&swarm, "agent-2") == "idle"
    });
    swarm.stop();
}

#[test]
fn a_paused_swarm_stands_still_in_its_containers() {
    let swarm = puppets();
    let id = task(&swarm, "Stand still", PATIENT);
    swarm.start(&["--agents", "1"]);
    until_comment(&swarm, id, "working");
    assert_eq!(
        told(&swarm, &["pause", "lunch", "--json"]),
        json!({ "state": "paused", "reason": "lunch" })
    );
    swarm.wait_until("the agent's processes are stopped", SOON, || {
        stopped(&swarm) > 0
    });
    assert_eq!(state(&swarm, "agent-1"), "frozen");
    swarm.ticket(&["comment", &id.to_string(), "go on"]);
    let other = task(
        &swarm,
        "Wait for the end of it",
        "write('other', 'work\\n')",
    );
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(swarm.show(id).ticket.status, Status::InProgress);
    assert_eq!(swarm.show(other).ticket.status, Status::Open);
    let resume = || told(&swarm, &["resume", "--json"]);
    assert_eq!(resume(), json!({ "state": "running", "resumed": true }));
    assert_eq!(resume(), json!({ "state": "running", "resumed": false }));
    until_landed(&swarm, &[id, other]);
    assert!(is_landed(&swarm, id));
    assert_eq!(attempts(&swarm, id).len(), 1);

    assert_eq!(
        told(&swarm, &["drain", "the evening", "--json"]),
        json!({ "state": "draining", "reason": "the evening" })
    );
    assert_eq!(resume(), json!({ "state": "running", "resumed": true }));

    // What stands still ends as fast as what runs.
    let last = task(&swarm, "Never go on", PATIENT);
    until_comment(&swarm, last, "working");
    swarm.swarm(&["pause", "for good"]);
    swarm.wait_until("the agent's processes are stopped", SOON, || {
        stopped(&swarm) > 0
    });
    swarm.stop();
}

/// What tells an agent's container from its replacement.
fn container(swarm: &Swarm, agent: &str) -> String {
    docker(&["inspect", "--format", "{{.Id}}", &name(swarm, agent)])
}

fn name(swarm: &Swarm, agent: &str) -> String {
    format!("swarm-{}-{agent}", swarm.id().expect("an id"))
}

fn state(swarm: &Swarm, agent: &str) -> String {
    let agents = swarm.status_json().agents.into_iter();
    let mut found = agents.filter(|a| a.name == agent).map(|a| a.state);
    found.next().unwrap_or_default()
}

/// How many processes of the first agent's container are stopped.
fn stopped(swarm: &Swarm) -> usize {
    let script = "cat /proc/[0-9]*/stat 2>/dev/null || true";
    let container = name(swarm, "agent-1");
    let stats = docker(&["exec", &container, "sh", "-c", script]);
    stats.lines().filter(|line| line.contains(") T ")).count()
}

/// A gate that takes its time, and says so.
const SLOW_GATE: &str = "\
write('check', 'for n in 1 2 3 4 5 6 7 8; do echo gate says $n; sleep 1; done\\n')
";
/// So long the page's stream is listened to, in seconds.
const LISTENED: &str = "60";

#[test]
fn what_verify_prints_is_on_the_page_and_in_the_terminal_while_it_runs() {
    let swarm = puppets();
    let first = task(&swarm, "Make the gate slow", SLOW_GATE);
    swarm.start(&["--agents", "1"]);
    let file = std::fs::read(swarm.folder().join("hub.json")).expect("a running hub");
    let hub: ticket::wire::HubFile = serde_json::from_slice(&file).expect("hub.json");
    let mut page = Command::new("curl");
    page.args(["--silent", "--no-buffer", "--noproxy", "*"])
        .args(["--max-time", LISTENED])
        .args(["--header", &format!("Authorization: Bearer {}", hub.token)])
        .arg(format!("{}/live?verify=true", hub.url));
    let mut page = Listened::to(&mut page);
    let mut watch = Listened::to(ours(&swarm).args(["watch", "--json"]));
    assert_eq!(watch.next_document()["result"], "up-to-date");

    swarm.wait_until("it is handed in", SOON, || {
        !swarm.status_json().landings.is_empty()
    });
    let landing = swarm.status_json().landings[0].id.to_string();
    let mut terminal = Listened::to(ours(&swarm).args(["logs", "--landing", &landing, "-f"]));
    page.until("gate says 3");
    terminal.until("gate says 3");
    let now = swarm.swarm(&["logs", "--landing", &landing, "--tail", "1"]);
    assert!(now.contains("\nverifying, submitted "), "{now}");
    assert!(
        now.lines()
            .last()
            .is_some_and(|line| line.starts_with("verify: gate says ")),
        "{now}"
    );
    assert!(!is_landed(&swarm, first), "it was heard too late");
    terminal.until("gate says 8");
    terminal.until("landed, submitted ");
    assert!(
        terminal
            .rest()
            .iter()
            .all(|line| !line.contains("gate says")),
        "said twice"
    );
    until_landed(&swarm, &[first]);
    let after = swarm.swarm(&["logs", "--landing", &landing]);
    assert!(after.contains("\nlanded, submitted "), "{after}");
    let moved = watch.next_document();
    assert_eq!(
        (&moved["result"], &moved["commits"]),
        (&json!("moved"), &json!(1))
    );
    swarm.stop();
    assert!(watch.rest().is_empty(), "it ends with the swarm");
}

/// What a program prints while it runs. Dropped, it is ended.
struct Listened {
    program: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Listened {
    fn to(command: &mut Command) -> Listened {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut program = command.spawn().expect("a program");
        let output = program.stdout.take().expect("a pipe");
        Listened {
            program,
            lines: BufReader::new(output).lines(),
        }
    }

    fn until(&mut self, words: &str) {
        let heard = self
            .lines
            .find(|line| line.as_ref().is_ok_and(|line| line.contains(words)));
        assert!(heard.is_some(), "it ended without '{words}'");
    }

    fn next_document(&mut self) -> Value {
        let line = self.lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    }

    /// To its end.
    fn rest(&mut self) -> Vec<String> {
        self.lines.by_ref().map_while(Result::ok).collect()
    }
}

impl Drop for Listened {
    fn drop(&mut self) {
        // 'timeout' passes that on.
        if let Ok(pid) = i32::try_from(self.program.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.program.wait();
    }
}

fn ours(swarm: &Swarm) -> Command {
    swarm.command(Path::new(env!("CARGO_BIN_EXE_swarm")))
}

/// The document that `swarm` prints.
fn told(swarm: &Swarm, arguments: &[&str]) -> Value {
    serde_json::from_str(&swarm.swarm(arguments)).expect("JSON")
}
