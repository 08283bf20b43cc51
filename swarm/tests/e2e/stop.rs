//! `swarm stop` lets agents finish, for a while, and leaves nothing behind.

use std::fs::{self, File};
use std::path::Path;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use ticket::Status;
use ticket::attempt::Outcome;

use crate::support::puppet::{
    SOON, attempts, is_landed, puppets, task, until_comment, until_landed,
};
use crate::support::swarm::Swarm;

/// Works until it is told to go on.
const PATIENT: &str = "\
write(f'work-{TICKET}', 'work\\n')
ticket('comment', TICKET, 'working')
wait_for(lambda: 'go on' in comments(TICKET), 600)
";
const QUICK: &str = "write(f'work-{TICKET}', 'work\\n')";

#[test]
fn agents_finish_what_they_have_and_ctrl_c_lets_them_go_on() {
    let swarm = puppets();
    let first = task(&swarm, "Be finished", PATIENT);
    swarm.start(&["--agents", "2"]);
    until_comment(&swarm, first, "working");

    // Ctrl-C: nothing is stopped, and agents that had left already are back.
    let mut stop = Stop::begin(&swarm);
    stop.until_said(&swarm, &format!("with #{first}"));
    swarm.wait_until("the idle agent has left", SOON, || {
        let agents = swarm.status_json().agents.into_iter();
        let workers = agents.filter(|agent| agent.name.starts_with("agent-"));
        workers.count() == 1
    });
    let child = Pid::from_raw(stop.child.id().try_into().expect("a pid"));
    kill(child, Signal::SIGINT).expect("a child");
    assert_eq!(stop.code(), Some(130), "{}", stop.said());
    assert!(stop.said().contains("the swarm goes on"), "{}", stop.said());
    let other = task(&swarm, "By the one that is back", QUICK);
    until_landed(&swarm, &[other]);
    assert_eq!(swarm.show(first).ticket.status, Status::InProgress);

    // To the end: what is under way lands, and nothing new is begun.
    let mut stop = Stop::begin(&swarm);
    stop.until_said(&swarm, &format!("with #{first}"));
    let late = task(&swarm, "Too late", QUICK);
    swarm.ticket(&["comment", &first.to_string(), "go on"]);
    assert_eq!(stop.code(), Some(0), "{}", stop.said());
    assert_eq!(swarm.containers(), Vec::<String>::new());
    assert!(is_landed(&swarm, first));
    assert_eq!(attempts(&swarm, first).len(), 1);
    assert_eq!(swarm.show(late).ticket.status, Status::Open);

    // The time is over: it goes back with what was done, and the next start is not held up.
    let last = task(&swarm, "Never be finished", PATIENT);
    swarm.start(&["--agents", "2"]);
    until_landed(&swarm, &[late]);
    until_comment(&swarm, last, "working");
    let said = swarm.swarm(&["stop", "--drain-timeout", "2s", "--json"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["stopped"], "orderly");
    assert_eq!(said["unfinished"][0]["ticket"], last);
    assert_eq!(swarm.containers(), Vec::<String>::new());
    assert_eq!(attempts(&swarm, last)[0].outcome, Some(Outcome::Released));
    let tree = format!("refs/attempts/{last}/1:work-{last}");
    assert_eq!(swarm.repository(&["show", &tree]), "work");
}

/// A `swarm stop` under way.
struct Stop {
    child: Child,
    place: std::path::PathBuf,
}

impl Stop {
    fn begin(swarm: &Swarm) -> Stop {
        let place = swarm.folder().join("said-by-stop");
        let said = File::create(&place).expect("a file");
        let mut command = swarm.command(Path::new(env!("CARGO_BIN_EXE_swarm")));
        let child = command.arg("stop").stderr(said).spawn().expect("a program");
        Stop { child, place }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.place).expect("a file")
    }

    fn until_said(&self, swarm: &Swarm, words: &str) {
        swarm.wait_until(&format!("stop says {words:?}"), SOON, || {
            self.said().contains(words)
        });
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().expect("a child").code()
    }
}
