//! A project of its own for each case, the door that leads to its queue, and the program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use monitor::hub::Running;
use serde_json::Value;
use swarm::Project;
use tempfile::TempDir;
use ticket::client::Client;
use ticket::secret;
use ticket::wire::{HubFile, Role, Work, WorkRequest};
use tokio::runtime::Runtime;

use crate::{fixture, programs};

/// Makes each case three tests: one on each door.
macro_rules! on_every_door {
    ($($case:ident),+ $(,)?) => {
        on_every_door!(@ file, File, $($case),+);
        on_every_door!(@ hub, Hub, $($case),+);
        on_every_door!(@ hub_file, HubFile, $($case),+);
    };
    (@ $name:ident, $door:ident, $($case:ident),+) => {
        mod $name {
            $(
                #[test]
                fn $case() {
                    super::$case(&crate::place::Place::new(crate::place::Door::$door));
                }
            )+
        }
    };
}

/// Which way leads to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The database, which no hub has.
    File,
    /// `TICKET_URL` and `TICKET_TOKEN`.
    Hub,
    /// The hub that runs beside the database.
    HubFile,
}

/// A project with an empty queue.
pub struct Place {
    pub project: Project,
    pub door: Door,
    hub: Option<(Runtime, Running)>,
    dir: TempDir,
}

impl Place {
    pub fn new(door: Door) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let project = fixture::project(&dir, "{}");
        let mut place = Place {
            project,
            door,
            hub: None,
            dir,
        };
        if door == Door::File {
            let database = place.project.database();
            place.ok(&["--db", database.to_str().unwrap(), "migrate"]);
        } else {
            place.start_hub();
        }
        place
    }

    pub fn start_hub(&mut self) {
        let runtime = Runtime::new().unwrap();
        let running = runtime.block_on(Running::start(fixture::settings(&self.project)));
        self.hub = Some((runtime, running.unwrap()));
    }

    pub fn end_hub(&mut self) {
        if let Some((runtime, running)) = self.hub.take() {
            let ended = runtime.block_on(running.end());
            assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
        }
    }

    /// The folder that the program runs in.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join(name), text).unwrap();
    }

    /// The program by this door.
    pub fn program(&self) -> Command {
        let mut command = program(self.folder());
        if self.door == Door::Hub {
            let hub = self.hub_file();
            command.env("TICKET_URL", hub.url);
            command.env("TICKET_TOKEN", hub.token);
        }
        command
    }

    /// Where the hub is and how to speak to it.
    pub fn hub_file(&self) -> HubFile {
        let file = std::fs::read(self.project.hub_file()).unwrap();
        serde_json::from_slice(&file).unwrap()
    }

    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(self.program().args(args), "")
    }

    /// A worker that has a ticket: the program as the agent CLI inside it runs it.
    pub fn agent(&self, name: &str) -> Agent<'_> {
        let (runtime, running) = self.hub.as_ref().unwrap();
        let (code, owned) = (secret::new_token(), name.to_owned());
        let kept = code.clone();
        let register = running
            .hub
            .database
            .call(move |store| store.register_agent(&owned, Role::Worker, None, &kept));
        runtime.block_on(register).unwrap();
        let url = format!("http://{}", running.agents);
        let client = Client::new(&url, "").unwrap();
        let worker = client.with_token(&client.enroll(&code).unwrap().token);
        let Work::Ticket(work) = worker.work(&WorkRequest { wait: 0 }).unwrap() else {
            panic!("there is no work for {name}");
        };
        Agent {
            place: self,
            url,
            token: work.token,
        }
    }

    /// What it prints, without the last line break.
    pub fn ok(&self, args: &[&str]) -> String {
        self.run(args).ok()
    }

    /// As [`Place::ok`], with this on standard input.
    pub fn ok_with(&self, args: &[&str], input: &str) -> String {
        Run::of(self.program().args(args), input).ok()
    }

    /// The JSON that it prints.
    pub fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--format", "json"]].concat();
        serde_json::from_str(&self.ok(&args)).unwrap()
    }

    /// What it says on standard error, and nothing on standard output.
    pub fn fails(&self, args: &[&str], code: i32) -> String {
        self.run(args).fails(code)
    }

    /// Makes a ticket; returns its id.
    pub fn create(&self, args: &[&str]) -> i64 {
        self.ok(&[&["create"], args].concat()).parse().unwrap()
    }

    /// One ticket with all that hangs on it.
    pub fn show(&self, id: i64) -> Value {
        self.json(&["show", &id.to_string()])
    }

    /// The ids that `list` gives, by its filters.
    pub fn listed(&self, filters: &[&str]) -> Vec<i64> {
        ids(&self.json(&[&["list"], filters].concat()))
    }

    /// How many rows the activity log has.
    pub fn events(&self) -> usize {
        let log = self.json(&["log", "--limit", "1000"]);
        log.as_array().unwrap().len()
    }
}

/// An agent CLI at work on its ticket.
pub struct Agent<'a> {
    place: &'a Place,
    url: String,
    token: String,
}

impl Agent<'_> {
    pub fn run(&self, args: &[&str]) -> Run {
        let mut command = program(self.place.folder());
        command.env("TICKET_URL", &self.url);
        command.env("TICKET_TOKEN", &self.token);
        Run::of(command.args(args), "")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.end_hub();
    }
}

/// The ids of a list of tickets.
pub fn ids(list: &Value) -> Vec<i64> {
    let all = list.as_array().unwrap().iter();
    all.map(|t| t["id"].as_i64().unwrap()).collect()
}

/// The program in a folder, with nothing in its environment that names a queue.
pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(folder);
    for name in ["TICKET_DB", "TICKET_URL", "TICKET_TOKEN", "NO_COLOR"] {
        command.env_remove(name);
    }
    command
}

/// The program.
pub fn binary() -> PathBuf {
    programs::program("ticket")
}

/// How one run ended.
#[derive(Debug)]
pub struct Run {
    what: String,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Runs to the end, with this on standard input.
    pub fn of(command: &mut Command, input: impl AsRef<[u8]>) -> Run {
        let what = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_owned();
        // What does not read all of its input closes the pipe early.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Run::new(what, output)
    }

    fn new(what: String, output: Output) -> Run {
        Run {
            what,
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn ok(&self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert_eq!(self.err, "", "{}: data goes to standard output", self.what);
        let line = self.out.strip_suffix('\n');
        line.unwrap_or(&self.out).to_owned()
    }

    pub fn fails(&self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.out, "", "{}: refusals go to standard error", self.what);
        self.err.trim_end().to_owned()
    }
}

/// True for `YYYY-MM-DD HH:MM:SS`.
pub fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00 00:00:00"
}
