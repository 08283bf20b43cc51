//! A hub and its keeper, as programs: killed without warning again and again, told to end, and unable
//! to start.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use swarm::Project;
use tempfile::TempDir;
use ticket::Queue;
use ticket::client::Client;
use ticket::ticket::NewTicket;
use ticket::wire::HubFile;

use crate::fixture::{PATIENCE, project, until};

/// How often a hub is killed: each pause is twice as long as the one before.
const KILLS: u32 = 6;

/// A keeper with its hub; both are gone when the test is over.
struct Kept {
    keeper: Child,
    project: Project,
    _dir: TempDir,
}

impl Kept {
    async fn start() -> Kept {
        let dir = tempfile::tempdir().unwrap();
        let project = project(&dir, "{}");
        let keeper = command(project.root()).spawn().unwrap();
        let kept = Kept {
            keeper,
            project,
            _dir: dir,
        };
        kept.answers().await;
        kept
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.keeper.id()).unwrap())
    }

    /// The hub's process, when there is one.
    fn hub(&self) -> Option<Pid> {
        children(self.id()).into_iter().find(|process| {
            let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            let has = |word: &[u8]| arguments.split(|byte| *byte == 0).any(|one| one == word);
            // Before it has become the hub it looks as its keeper does.
            !has_ended(*process) && has(b"--project") && !has(b"--keep")
        })
    }

    /// The hub's process, as soon as there is another one than this.
    async fn next_hub(&self, before: Option<Pid>) -> Pid {
        until("there is another hub", || async {
            self.hub().filter(|hub| Some(*hub) != before)
        })
        .await
    }

    /// Where the hub is, as soon as one answers.
    async fn answers(&self) -> HubFile {
        until("the hub answers", || swarm::hub::running(&self.project)).await
    }

    /// Uses the CLIs' client, which is not for the runtime's own threads.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Client) -> ticket::Result<T> + Send + 'static,
    ) -> T {
        let project = self.project.clone();
        let asked = move || question(&mut swarm::hub::client(&project).unwrap());
        tokio::task::spawn_blocking(asked).await.unwrap().unwrap()
    }

    async fn ended(&mut self) -> ExitStatus {
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.keeper.try_wait().unwrap() {
                return status;
            }
            assert!(tokio::time::Instant::now() < give_up, "it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let hub = self.hub();
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        if let Some(process) = hub {
            let _ = kill(process, Signal::SIGKILL);
        }
    }
}

fn command(project: &Path) -> Command {
    let mut command = Command::new(crate::programs::program("monitor"));
    command
        .args(["--keep", "--human", "127.0.0.1:0"])
        .args(["--agents", "127.0.0.1:0", "--project"])
        .arg(project)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn children(parent: Pid) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter();
    let tasks = tasks.flatten().flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: Vec<String> = children.collect();
    let numbers = children.iter().flat_map(|line| line.split_whitespace());
    numbers
        .map(|number| Pid::from_raw(number.parse().unwrap()))
        .collect()
}

fn has_ended(process: Pid) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat"));
    state.map_or(true, |state| {
        state
            .rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_killed_again_and_again_comes_back_with_all_it_had() {
    let mut kept = Kept::start().await;
    let token = kept.answers().await.token;
    let id = kept.ask(|hub| hub.create(&new_ticket())).await;
    let mut before = None;
    for number in 0..KILLS {
        let hub = kept.next_hub(before).await;
        // Some die before they are ready, others when they are.
        if number % 2 == 0 {
            kept.answers().await;
        }
        kill(hub, Signal::SIGKILL).unwrap();
        before = Some(hub);
    }
    kept.next_hub(before).await;
    assert_eq!(kept.answers().await.token, token);
    let shown = kept.ask(move |hub| hub.show(id)).await;
    assert_eq!(shown.ticket.title, new_ticket().title);

    kill(kept.id(), Signal::SIGTERM).unwrap();
    assert_eq!(kept.ended().await.code(), Some(0));
    assert!(
        !kept.project.hub_file().exists(),
        "it ended in an orderly way"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_hub_was_running_ends_before_the_next_one_starts() {
    let kept = Kept::start().await;
    let hub = kept.next_hub(None).await;
    let file = kept.answers().await;
    let address = file.url.strip_prefix("http://").unwrap();
    // A fetch that never says what it wants: git waits for it.
    let mut fetch = TcpStream::connect(address).unwrap();
    write!(
        fetch,
        "POST /git/git-upload-pack HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 100\r\n\r\n",
        file.token
    )
    .unwrap();
    let git = until("git serves it", || async { children(hub).first().copied() }).await;
    // It would end by itself when nobody speaks to it any more.
    kill(git, Signal::SIGSTOP).unwrap();

    kill(hub, Signal::SIGKILL).unwrap();
    kept.next_hub(Some(hub)).await;
    assert!(has_ended(git), "git outlived its hub");
    kept.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_waits_ends_at_once_when_it_is_told_to() {
    let mut kept = Kept::start().await;
    let mut before = None;
    for _ in 0..KILLS {
        let hub = kept.next_hub(before).await;
        kill(hub, Signal::SIGKILL).unwrap();
        before = Some(hub);
    }
    // One whose threads are still ending can be told to end, too.
    until("the keeper has buried the hub", || async {
        children(kept.id()).is_empty().then_some(())
    })
    .await;
    kill(kept.id(), Signal::SIGINT).unwrap();
    assert_eq!(kept.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_cannot_start_ends_its_keeper_with_its_code() {
    let kept = Kept::start().await;
    let nowhere = tempfile::tempdir().unwrap();
    for (project, code, words) in [
        (kept.project.root(), 1, "a hub is already running"),
        (nowhere.path(), 1, "is not in a swarm project"),
    ] {
        let said = refused(command(project));
        assert_eq!(said.status.code(), Some(code));
        let said = String::from_utf8(said.stderr).unwrap();
        assert!(said.contains(words), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let mut unknown = command(nowhere.path());
    unknown.arg("--nonsense");
    assert_eq!(refused(unknown).status.code(), Some(2));
    fs::write(kept.project.config_file(), "{").unwrap();
    let broken = refused(command(kept.project.root()));
    assert_eq!(broken.status.code(), Some(1));
}

fn refused(mut command: Command) -> Output {
    command.stderr(Stdio::piped()).output().unwrap()
}

fn new_ticket() -> NewTicket {
    NewTicket {
        title: "Outlive the hub".into(),
        ..NewTicket::default()
    }
}
