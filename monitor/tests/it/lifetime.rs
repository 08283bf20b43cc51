//! Start, restart and end of the hub, as a library and as the program.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use monitor::hub::Running;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::StatusCode;
use serde_json::json;
use swarm::Project;
use tempfile::TempDir;
use ticket::client::Client;
use ticket::store::lock::HubLock;

use crate::fixture::{AT_ONCE, PATIENCE, Swarm, project, settings, until};

#[tokio::test]
async fn a_second_hub_is_refused_and_the_first_goes_on() {
    let swarm = Swarm::start().await;
    let Err(second) = Running::start(settings(&swarm.project)).await else {
        panic!("a second hub was started");
    };
    assert!(second.to_string().contains("already running"), "{second}");
    assert_eq!(swarm.human().get("/tickets").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_command_on_the_file_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(&dir, "{}");
    let command = HubLock::shared(&project.hub_lock()).unwrap();
    let starting = tokio::spawn(Running::start(settings(&project)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!starting.is_finished());
    drop(command);
    starting.await.unwrap().unwrap().end().await.unwrap();
}

#[tokio::test]
async fn a_restart_keeps_every_token_and_every_attempt() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    let work = worker.work(0).await;
    let human = swarm.human();

    let swarm = swarm.restart().await;
    assert_eq!(swarm.human().token, human.token);
    let worker = swarm.agents(&worker.token);
    let beat = worker
        .post(&format!("/attempts/{id}/1/heartbeat"), json!({}))
        .await;
    assert_eq!(beat.0, StatusCode::OK);
    let agent = swarm.agents(work["token"].as_str().unwrap());
    let (status, _) = agent
        .post(
            &format!("/tickets/{id}/comments"),
            json!({ "body": "still at it" }),
        )
        .await;
    assert_eq!(status, StatusCode::OK);
    let (_, status) = swarm.human().get("/status").await;
    assert_eq!(status["agents"][0]["state"], "working", "{status}");
}

#[tokio::test]
async fn a_scale_outlives_the_hub_and_nonsense_is_refused() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    assert_eq!(
        human.put("/fleet", json!({ "agents": 5 })).await.0,
        StatusCode::NO_CONTENT
    );
    for agents in [0, 65] {
        let (status, _) = human.put("/fleet", json!({ "agents": agents })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    let swarm = swarm.restart().await;
    let (_, status) = swarm.human().get("/status").await;
    assert_eq!(status["desired_agents"], 5);
}

#[tokio::test]
async fn the_hubs_file_is_private_and_gone_at_the_end() {
    use std::os::unix::fs::PermissionsExt;
    let swarm = Swarm::start().await;
    let file = swarm.project.hub_file();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    swarm.running.end().await.unwrap();
    assert!(!file.exists());
    assert!(
        HubLock::exclusive(&swarm.project.hub_lock())
            .unwrap()
            .is_some()
    );
}

/// The program, ended when the test is over.
struct Program {
    child: Child,
    project: Project,
    _dir: TempDir,
}

impl Program {
    async fn start() -> Program {
        let dir = tempfile::tempdir().unwrap();
        let project = project(&dir, "{}");
        let child = command(project.root()).spawn().unwrap();
        let file = project.hub_file();
        until("the hub is there", || async { file.exists().then_some(()) }).await;
        Program {
            child,
            project,
            _dir: dir,
        }
    }

    /// Uses the CLIs' client, which is not for the runtime's own threads.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(Client) -> T + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        let project = self.project.clone();
        tokio::task::spawn_blocking(move || question(swarm::hub::client(&project).unwrap()))
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < give_up, "the hub does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(project: &Path) -> Command {
    let mut command = Command::new(crate::programs::program("monitor"));
    command
        .args([
            "--human",
            "127.0.0.1:0",
            "--agents",
            "127.0.0.1:0",
            "--project",
        ])
        .arg(project)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_ends_at_once_when_it_is_asked_to() {
    let mut program = Program::start().await;
    let stream = program.ask(|client| client.events(0).unwrap().count());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    let pid = i32::try_from(program.child.id()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    assert_eq!(program.exit_code().await, Some(0));
    assert!(began.elapsed() < AT_ONCE);
    assert!(!program.project.hub_file().exists());
    stream.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_is_answered_and_then_done() {
    let mut program = Program::start().await;
    program
        .ask(|client| client.shutdown())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(program.exit_code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_is_replaced_by_the_next() {
    let mut program = Program::start().await;
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    let token = swarm::hub::hub_file(&program.project).unwrap().token;
    std::fs::remove_file(program.project.hub_file()).unwrap();
    program.child = command(program.project.root()).spawn().unwrap();
    let file = program.project.hub_file();
    until("the next hub is there", || async {
        file.exists().then_some(())
    })
    .await;
    assert_eq!(swarm::hub::hub_file(&program.project).unwrap().token, token);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_is_one_sentence() {
    let program = Program::start().await;
    let no_project = tempfile::tempdir().unwrap();
    for (folder, words) in [
        (program.project.root(), "a hub is already running"),
        (no_project.path(), "is not in a swarm project"),
    ] {
        let output = command(folder).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.starts_with("monitor: ") && said.contains(words),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[tokio::test]
async fn what_a_clock_wrote_that_was_ahead_is_set_right_at_the_next_start() {
    let swarm = Swarm::start().await;
    let id = swarm.ticket("work").await;
    let worker = swarm.worker("agent-1").await;
    worker.work(0).await;
    let end = json!({ "outcome": "agent-failed", "reason": "it broke" });
    let ended = worker.post(&format!("/attempts/{id}/1/end"), end).await;
    assert_eq!(ended.0, StatusCode::NO_CONTENT);
    let path = swarm.project.database();
    let swarm = swarm
        .restart_after(|| {
            let file = rusqlite::Connection::open(&path).unwrap();
            let ahead = "UPDATE tickets SET not_before = not_before + 86400";
            file.execute(ahead, []).unwrap();
        })
        .await;
    let (_, log) = swarm.human().get("/log?limit=50").await;
    assert!(log.to_string().contains("clock_jumped"), "{log}");
    // No longer than after any first failure.
    let work = swarm.agents(&worker.token).work(30).await;
    assert_eq!(work["ticket"]["id"], id, "{work}");
}
