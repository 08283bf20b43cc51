//! `swarm demo` from an empty folder to its end, and Ctrl-C on the way.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use swarm::Project;
use swarm::fleet::Fleet;
use tempfile::TempDir;

/// A demo takes a minute on a slow machine, and the first one builds the images.
const DEADLINE: Duration = Duration::from_secs(600);
/// Ending the containers takes seconds.
const STOP_DEADLINE: Duration = Duration::from_secs(60);

fn demo(dir: &TempDir, arguments: &[&str]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_swarm"));
    for other in ["monitor", "agent-runner", "ticket"] {
        let file = program.with_file_name(other);
        assert!(
            file.is_file(),
            "{} is missing: run 'cargo build --bins'",
            file.display()
        );
    }
    let mut command = Command::new(program);
    command
        .arg("demo")
        .args(arguments)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

fn project(dir: &TempDir) -> PathBuf {
    dir.path().join("swarm-demo-1")
}

/// Nothing of the project is left on the engine.
fn assert_gone(root: &Path) {
    let id = Project::open(root).unwrap().id().to_string();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let fleet = Fleet::connect().await.unwrap();
        assert_eq!(fleet.list(&id).await.unwrap(), []);
        assert!(fleet.networks(&id).await.unwrap().is_empty());
        assert!(fleet.volumes(&id).await.unwrap().is_empty());
        let images = format!("swarm-{id}-agent");
        assert!(fleet.image_tags(&images).await.unwrap().is_empty());
    });
}

fn wait(child: &mut Child, deadline: Duration) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap();
        }
        if start.elapsed() > deadline {
            child.kill().unwrap();
            panic!("it did not end within {deadline:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_demo_lands_every_ticket_and_leaves_nothing_running() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = demo(&dir, &["--agents", "3", "--json"]).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let code = wait(&mut child, DEADLINE);
    let document = std::io::read_to_string(&mut out).unwrap();
    let report: Value = serde_json::from_str(&document).unwrap();
    assert_eq!((code, &report["ok"]), (0, &Value::Bool(true)), "{document}");
    assert_eq!(report["done"], report["tickets"]);
    let landed = report["landed"].as_array().unwrap();
    assert!(landed.len() >= 8, "{document}");
    for row in landed {
        assert!(row["total"].as_f64().unwrap() > 0.0, "{row}");
        assert!(
            row["agent"].as_str().unwrap().starts_with("agent-"),
            "{row}"
        );
    }
    let commits = report["commits"].as_array().unwrap();
    assert_eq!(commits.len(), landed.len() + 2);
    assert!(
        commits.iter().all(|commit| commit["result"] == "green"),
        "{document}"
    );
    for shown in ["red_gates", "questions", "hand_overs"] {
        assert!(
            report["shown"][shown].as_u64().unwrap() > 0,
            "{shown}: {document}"
        );
    }
    assert_gone(&project(&dir));
}

#[test]
fn an_interrupted_demo_takes_its_containers_with_it() {
    for until in ["Made a sample project", "claims #1"] {
        let dir = tempfile::tempdir().unwrap();
        let mut child = demo(&dir, &[]).spawn().unwrap();
        // Kept open to the end: a closed pipe would end the program by itself.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen = lines.any(|line| line.unwrap().contains(until));
        assert!(seen, "no line with {until:?}");
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        assert_eq!(wait(&mut child, STOP_DEADLINE), 128 + Signal::SIGINT as i32);
        assert_gone(&project(&dir));
    }
}

#[test]
fn a_demo_that_nobody_reads_ends_with_its_containers() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = demo(&dir, &[]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("claims #1")));
    drop(lines);
    assert_eq!(
        wait(&mut child, STOP_DEADLINE),
        128 + Signal::SIGPIPE as i32
    );
    assert_gone(&project(&dir));
}
