//! `swarm logs --session` from outside: the real program on a running hub, and on the files that one
//! left.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use monitor::hub::Running;
use reqwest::{Method, StatusCode};
use swarm::Project;
use ticket::transcript::{End, What};

use crate::fixture::{Door, PATIENCE, Swarm, answer, beginning, settings};
use crate::programs;

fn line(what: What<'_>) -> String {
    what.line(ticket::transcript::now())
}

/// A whole run that said one thing.
fn run(said: &str, ends: bool) -> String {
    let end = End {
        ending: "completed".into(),
        ..End::default()
    };
    let mut all = beginning() + &line(What::Out(said, false));
    if ends {
        all += &line(What::End(&end));
    }
    all
}

async fn hand_in(door: &Door, run: i64, offset: u64, piece: &str) {
    let request = door
        .request(
            Method::POST,
            &format!("/attempts/1/1/runs/{run}/transcript"),
        )
        .query(&[("offset", offset)])
        .body(piece.to_owned());
    assert_eq!(answer(request).await.0, StatusCode::OK);
}

/// The program in a project's folder.
fn program(project: &Project) -> Command {
    let mut command = Command::new(programs::program("swarm"));
    command.current_dir(project.root());
    command
}

/// The exit code, and what was printed on both.
async fn swarm(project: &Project, arguments: &str) -> (i32, String, String) {
    let mut command = program(project);
    command.arg("logs").args(arguments.split_whitespace());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A program that follows; it ends with this.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    fn start(project: &Project, arguments: &str) -> Following {
        let mut child = program(project)
            .arg("logs")
            .args(arguments.split_whitespace())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .try_for_each(|l| to.send(l))
        });
        Following { child, lines }
    }

    /// The next line that it prints, without its time.
    fn line(&self) -> String {
        let line = tokio::task::block_in_place(|| self.lines.recv_timeout(PATIENCE)).unwrap();
        match line.split_once(" | ") {
            Some((_, said)) => said.to_owned(),
            None => line,
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_the_same_from_the_hub_and_from_the_files() {
    let (hub, worker) = Swarm::at_work().await;
    let (first, second) = (run("one", true), run("two", true));
    hand_in(&worker, 1, 0, &first).await;
    hand_in(&worker, 2, 0, &second).await;
    let project = hub.project.clone();
    let questions = [
        "agent-1 --session",
        "--ticket 1",
        "agent-1 --ticket 1 --attempt 1 --run 1",
        "--ticket 1 --run 2 --raw",
        "agent-1 --session --tail 1",
        "agent-1 --session --tail 2 --raw",
        "agent-1 --session --tail 0",
    ];
    let mut from_hub = Vec::new();
    for question in questions {
        from_hub.push(swarm(&project, question).await);
    }
    hub.running.end().await.unwrap();
    for (question, from_hub) in questions.iter().zip(&from_hub) {
        assert_eq!(&swarm(&project, question).await, from_hub, "{question}");
        assert_eq!((from_hub.0, from_hub.2.as_str()), (0, ""), "{question}");
    }
    let printed: Vec<String> = from_hub.into_iter().map(|(_, out, _)| out).collect();
    let [newest, of_ticket, chosen, raw, last, last_raw, none] = &printed[..] else {
        panic!("{printed:?}");
    };
    assert!(
        newest.contains("| two\n") && newest.ends_with("=== end: completed\n"),
        "{newest}"
    );
    assert_eq!(newest, of_ticket);
    assert!(chosen.contains("| one\n"), "{chosen}");
    assert_eq!(*raw, second);
    assert_eq!(last, "=== end: completed\n");
    assert_eq!(
        *last_raw,
        second.split_inclusive('\n').skip(1).collect::<String>()
    );
    assert_eq!(none, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_hears_of_each_run_once_across_a_restart() {
    let (mut hub, worker) = Swarm::at_work().await;
    // It waits for the first run.
    let following = Following::start(&hub.project, "agent-1 --session -f");
    let of_ticket = Following::start(&hub.project, "--ticket 1 --attempt 1 --run 1 -f");
    let first = run("one", false);
    hand_in(&worker, 1, 0, &first).await;
    for following in [&following, &of_ticket] {
        assert!(
            following
                .line()
                .starts_with("=== #1 attempt 1, run 1: work by agent-1")
        );
        assert_eq!(following.line(), "one");
    }

    let mut settings = settings(&hub.project);
    settings.agents = hub.running.agents;
    hub.running.end().await.unwrap();
    hub.running = Running::start(settings).await.unwrap();
    let rest = line(What::Out("later", false)) + &line(What::End(&End::default()));
    hand_in(&worker, 1, first.len() as u64, &rest).await;
    hand_in(&worker, 2, 0, &run("two", true)).await;
    assert_eq!(
        [following.line(), following.line()],
        ["later", "=== end: "].map(str::to_owned)
    );
    assert!(following.line().starts_with("=== #1 attempt 1"));
    assert_eq!(
        [following.line(), following.line()],
        ["two", "=== end: completed"]
    );
    // The chosen run is over, and that is all.
    assert_eq!(
        [of_ticket.line(), of_ticket.line()],
        ["later", "=== end: "].map(str::to_owned)
    );
    let ended = tokio::task::block_in_place(|| of_ticket.lines.recv_timeout(PATIENCE));
    assert!(ended.is_err(), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_in_one_sentence() {
    let (hub, worker) = Swarm::at_work().await;
    let project = hub.project.clone();
    let refused = |question: &'static str| {
        let project = project.clone();
        async move {
            let (code, out, err) = swarm(&project, question).await;
            assert_eq!((code, out.as_str()), (1, ""), "{question}: {err}");
            err
        }
    };
    assert_eq!(
        refused("agent-1 --session").await,
        "error: 'agent-1' has no session\n"
    );
    hand_in(&worker, 1, 0, &run("one", true)).await;
    for question in [
        (
            "agent-9 --session",
            "error: 'agent-9' has no session: there are those of agent-1\n",
        ),
        (
            "--ticket 1 --run 7",
            "error: ticket 1 has no such session: there are attempt/run 1/1\n",
        ),
        (
            "--ticket 7",
            "error: ticket 7 has no session: no agent CLI ran, or it was too long ago\n",
        ),
    ] {
        assert_eq!(refused(question.0).await, question.1);
    }
    for question in [
        "",
        "--session",
        "agent-1 --raw",
        "agent-1 --session --run 1",
        "--ticket x",
    ] {
        let (code, _, err) = swarm(&project, question).await;
        assert_eq!(code, 2, "{question}: {err}");
    }
}
