//! A swarm of its own for a test: a folder, the built commands, and nothing left behind.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tempfile::TempDir;
use ticket::ticket::{Ticket, TicketDetail};
use ticket::wire::{HubFile, SwarmStatus};

use super::command::{describe, output, printed, within};
use super::engine::{self, Kind, labelled};

/// How long a command may take. The first start of all fetches packages and builds images.
const COMMAND_DEADLINE: Duration = Duration::from_secs(900);
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How much of each container's log a failed test shows, in lines.
const LOG_LINES: &str = "150";
/// Variables of whoever runs the tests that would lead to an account or a queue of theirs.
const NOT_OURS: [&str; 8] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CONFIG_DIR",
    "TICKET_DB",
    "TICKET_TOKEN",
    "TICKET_URL",
];
/// Agents of tests may be at something that never ends.
const STOP: [&str; 3] = ["stop", "--drain-timeout", "0"];
const GIT_CONFIG: &str = "\
[user]
\tname = A User
\temail = user@example.org
[init]
\tdefaultBranch = main
";

/// A project in a home of its own, and its swarm. Dropped, the swarm is stopped, and the test fails
/// when it left a container or a network.
pub struct Swarm {
    home: TempDir,
    folder: &'static str,
    env: BTreeMap<String, String>,
}

impl Swarm {
    /// A repository whose first commit holds what `fill` put into the folder.
    pub fn on(fill: impl FnOnce(&Path)) -> Swarm {
        engine::require();
        for program in ["swarm", "ticket", "monitor", "agent-runner"] {
            let path = built(program);
            assert!(
                path.is_file(),
                "this test needs {}: run 'cargo build --bins' first",
                path.display(),
            );
        }
        let swarm = Swarm {
            home: tempfile::tempdir().expect("a temporary folder"),
            folder: "project",
            env: BTreeMap::new(),
        };
        fs::write(swarm.home.path().join(".gitconfig"), GIT_CONFIG).expect("a writable home");
        fs::create_dir(swarm.root()).expect("a writable home");
        fill(&swarm.root());
        swarm.git(&["init", "--quiet"]);
        swarm.git(&["add", "--all"]);
        swarm.git(&["commit", "--quiet", "--message", "Start"]);
        swarm
    }

    /// The project's folder.
    pub fn root(&self) -> PathBuf {
        self.home.path().join(self.folder)
    }

    /// Moves the project to another folder.
    pub fn move_to(&mut self, folder: &'static str) {
        let before = self.root();
        self.folder = folder;
        fs::rename(before, self.root()).expect("a folder that can be moved");
    }

    /// Its `.swarm/`.
    pub fn folder(&self) -> PathBuf {
        self.root().join(".swarm")
    }

    /// Its id; `None` before init.
    pub fn id(&self) -> Option<String> {
        let id = fs::read_to_string(self.folder().join("id")).ok()?;
        Some(id.trim().to_string())
    }

    /// Sets a variable for every later command.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env.insert(name.into(), value.into());
    }

    /// `swarm init` without questions.
    pub fn init(&self, arguments: &[&str]) {
        let root = self.root();
        let mut init = self.command(&built("swarm"));
        init.arg("init").arg(root).arg("--no-interview");
        // The one image that is there wherever these tests run.
        if !arguments.contains(&"--base-image") {
            init.args(["--base-image", swarm::config::DEFAULT_BASE_IMAGE]);
        }
        printed(init.args(arguments));
    }

    /// Changes the configuration.
    pub fn configure(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let file = self.folder().join("config.json");
        let text = fs::read_to_string(&file).expect("init writes a configuration");
        let mut config = serde_json::from_str(&text).expect("init writes JSON");
        change(&mut config);
        fs::write(&file, config.to_string()).expect("a configuration of ours");
    }

    /// `swarm start`; returns what it printed.
    pub fn start(&self, arguments: &[&str]) -> String {
        self.swarm(&[&["start"], arguments].concat())
    }

    /// `swarm stop` without letting anybody finish, and nothing of it runs or is connected any more.
    pub fn stop(&self) {
        self.swarm(&STOP);
        assert_eq!(
            self.left(),
            Vec::<String>::new(),
            "'swarm stop' left something"
        );
    }

    /// What `swarm` prints; it must exit with 0.
    pub fn swarm(&self, arguments: &[&str]) -> String {
        printed(self.command(&built("swarm")).args(arguments))
    }

    /// Runs `swarm`, whatever comes of it.
    pub fn try_swarm(&self, arguments: &[&str]) {
        output(self.command(&built("swarm")).args(arguments));
    }

    /// What the hub answers at this path to the human.
    pub fn page(&self, path: &str) -> String {
        let file = fs::read(self.folder().join("hub.json")).expect("a running hub");
        let hub: HubFile = serde_json::from_slice(&file).expect("hub.json as the hub writes it");
        let mut command = within(COMMAND_DEADLINE, "curl");
        let bearer = format!("Authorization: Bearer {}", hub.token);
        let address = format!("{}{path}", hub.url);
        printed(
            command
                .args([
                    "--silent",
                    "--show-error",
                    "--fail",
                    "--noproxy",
                    "*",
                    "--header",
                ])
                .args([bearer, address]),
        )
    }

    /// What `ticket` prints; it must exit with 0.
    pub fn ticket(&self, arguments: &[&str]) -> String {
        printed(self.command(&built("ticket")).args(arguments))
    }

    /// Makes a ticket as the human; returns its id.
    pub fn create(&self, title: &str, more: &[&str]) -> i64 {
        let id = self.ticket(&[&["create", title], more].concat());
        id.parse()
            .unwrap_or_else(|_| panic!("'ticket create' printed '{id}'"))
    }

    /// A ticket with all that hangs on it.
    pub fn show(&self, id: i64) -> TicketDetail {
        json(&self.ticket(&["show", &id.to_string(), "--format", "json"]))
    }

    /// Every ticket.
    pub fn tickets(&self) -> Vec<Ticket> {
        let all = "open,in_progress,ready,done";
        json(&self.ticket(&["list", "--status", all, "--format", "json"]))
    }

    /// `swarm status --json`.
    pub fn status_json(&self) -> SwarmStatus {
        json(&self.swarm(&["status", "--json"]))
    }

    /// What `git` prints in the user's tree; it must exit with 0.
    pub fn git(&self, arguments: &[&str]) -> String {
        printed(self.command(Path::new("git")).args(arguments))
    }

    /// What `git` prints in the repository that agents work on.
    pub fn repository(&self, arguments: &[&str]) -> String {
        let place = self.folder().join("repo.git");
        printed(
            self.command(Path::new("git"))
                .arg("--git-dir")
                .arg(place)
                .args(arguments),
        )
    }

    /// Returns as soon as `condition` is true; fails when that takes longer than `deadline`.
    pub fn wait_until(&self, what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + deadline;
        while !condition() {
            assert!(
                Instant::now() < end,
                "after {} s, not yet: {what}",
                deadline.as_secs()
            );
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The names of the project's containers.
    pub fn containers(&self) -> Vec<String> {
        self.labelled(Kind::Container)
    }

    /// The images that its containers were made from.
    pub fn images_in_use(&self) -> Vec<String> {
        let id = self.id().unwrap_or_default();
        engine::images_in_use(&id)
    }

    /// The names of everything of this kind that belongs to the project.
    pub fn labelled(&self, kind: Kind) -> Vec<String> {
        self.id().map_or_else(Vec::new, |id| labelled(kind, &id))
    }

    /// A program in the project's folder, with this home and these variables.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = within(COMMAND_DEADLINE, program);
        for name in NOT_OURS {
            command.env_remove(name);
        }
        command
            .current_dir(self.root())
            .env("HOME", self.home.path())
            .envs(&self.env);
        command
    }

    /// Containers and networks.
    fn left(&self) -> Vec<String> {
        let containers = self.labelled(Kind::Container);
        let networks = self.labelled(Kind::Network);
        containers.into_iter().chain(networks).collect()
    }

    /// Stops the swarm and removes what it has in the engine. Returns what 'swarm stop' did wrong.
    fn end(&self) -> Option<String> {
        let mut stop = self.command(&built("swarm"));
        let stopped = self.id().map(|_| output(stop.args(STOP)));
        let failure = stopped.filter(|output| !output.status.success());
        let failure = failure.map(|output| describe(&stop, &output));
        let left = self.left();
        // The hub first, or it starts its agents again.
        let hubs = left.iter().filter(|name| name.ends_with("-hub"));
        engine::remove(Kind::Container, &hubs.cloned().collect::<Vec<_>>());
        for kind in [Kind::Container, Kind::Network, Kind::Volume, Kind::Image] {
            engine::remove(kind, &self.labelled(kind));
        }
        failure.or((!left.is_empty()).then(|| format!("'swarm stop' left {left:?}")))
    }

    /// Everything that helps to see why a test failed.
    fn show_logs(&self) {
        for arguments in [["swarm", "status"], ["ticket", "list"], ["ticket", "log"]] {
            let [program, words @ ..] = arguments;
            let mut command = self.command(&built(program));
            let output = output(command.args(words));
            eprintln!("===== {}", describe(&command, &output));
        }
        for container in self.containers() {
            let log = engine::docker_says(&["logs", "--tail", LOG_LINES, &container]);
            eprintln!("===== log of {container}\n{log}");
        }
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        if !thread::panicking() {
            if let Some(failure) = self.end() {
                panic!("{failure}");
            }
            return;
        }
        // A second panic would end the other tests with this one.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            self.show_logs();
            self.end()
        }));
        if let Ok(Some(failure)) = ended {
            eprintln!("===== {failure}");
        }
    }
}

/// A program as cargo built it for these tests.
fn built(program: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_swarm")).with_file_name(program)
}

fn json<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e} in what was printed: {text}"))
}
