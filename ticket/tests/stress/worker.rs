//! Processes that use the queue: this test program, started again with a role in its environment.
//! Each writes down what it was told in a file of its own, a line for each answer, after it came.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use ticket::comment::NewComment;
use ticket::filter::ClaimFilter;
use ticket::history::Acknowledged;
use ticket::ticket::{NewTicket, Resolution};
use ticket::{Actor, Error, Queue, Store};

/// How long anything may take that has to come.
const DEADLINE: Duration = Duration::from_secs(300);

/// What a worker does until it ends or is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Claims and finishes until nothing is left.
    Drain,
    /// Does the same with the `ticket` program, a process for each call.
    DrainByProgram,
    /// Does a bit of everything, for ever.
    Mix,
    /// Makes some of the first tickets wait for each other.
    Block,
    /// Opens the database, which upgrades it.
    Migrate,
}

const ROLES: [(Role, &str); 5] = [
    (Role::Drain, "drain"),
    (Role::DrainByProgram, "drain-by-program"),
    (Role::Mix, "mix"),
    (Role::Block, "block"),
    (Role::Migrate, "migrate"),
];

/// One line of what a worker was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It stands at the gate.
    Ready,
    /// The history must know it.
    Of(Acknowledged),
    /// This comment stands.
    Commented(i64),
    /// This ticket waits for that one.
    Blocked(i64, i64),
}

/// A folder with a database, a gate before it and the workers' files.
pub struct Scene {
    dir: tempfile::TempDir,
}

/// A process in its role. It is killed when the test is over.
pub struct Worker {
    process: Child,
    told: PathBuf,
}

impl Scene {
    /// With a new database and so many tickets.
    pub fn new(tickets: usize) -> Scene {
        let scene = Scene {
            dir: tempfile::tempdir().unwrap(),
        };
        Store::migrate(&scene.database(), &mut |_| ()).unwrap();
        let mut store = Store::open(&scene.database()).unwrap();
        let new: Vec<NewTicket> = (0..tickets)
            .map(|n| titled(&format!("Ticket {n}")))
            .collect();
        store.session(&Actor::Human).create_all(&new).unwrap();
        scene
    }

    pub fn database(&self) -> PathBuf {
        self.dir.path().join("tickets.db")
    }

    /// Everybody who starts while it is held waits.
    pub fn close_gate(&self) -> Flock<File> {
        let gate = File::create(self.dir.path().join("gate")).unwrap();
        Flock::lock(gate, FlockArg::LockExclusive).unwrap()
    }

    pub fn start(&self, role: Role, name: &str) -> Worker {
        let told = self.dir.path().join(format!("{name}.told"));
        let (_, word) = ROLES.into_iter().find(|(r, _)| *r == role).unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker::plays_its_role", "--nocapture"])
            .env("STRESS_ROLE", word)
            .env("STRESS_NAME", name)
            .env("STRESS_DIR", self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Worker { process, told }
    }

    /// What every worker was told, by name.
    pub fn told(&self) -> Vec<(String, Vec<Told>)> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "told") {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                all.push((name, read(&path)));
            }
        }
        all
    }
}

impl Worker {
    /// Waits until it was told `lines` things; it must not have ended before.
    pub fn wait_for(&mut self, lines: usize) {
        until("a worker goes on", || {
            let enough = std::fs::read(&self.told)
                .is_ok_and(|told| told.iter().filter(|b| **b == b'\n').count() >= lines);
            let ended = self.process.try_wait().unwrap();
            assert!(enough || ended.is_none(), "a worker ended: {ended:?}");
            enough
        });
    }

    /// Waits for its end, which must be a good one.
    pub fn finish(mut self) {
        until("a worker ends", || match self.process.try_wait().unwrap() {
            None => false,
            Some(status) => {
                assert!(status.success(), "a worker ended with {status}");
                true
            }
        });
    }

    /// As the kernel kills: it has no last word.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        let status = self.process.wait().unwrap();
        assert!(!status.success(), "it had ended before it was killed");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until it holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "waited too long until {what}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

pub fn titled(title: &str) -> NewTicket {
    NewTicket {
        title: title.into(),
        ..NewTicket::default()
    }
}

fn read(path: &Path) -> Vec<Told> {
    let text = std::fs::read_to_string(path).unwrap();
    // The last line may be cut: its writer did not come to say it.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| line.parse().unwrap()).collect()
}

impl FromStr for Told {
    type Err = String;

    fn from_str(line: &str) -> Result<Told, String> {
        let mut words = line.split(' ');
        let what = words.next().unwrap_or_default();
        let mut number = || words.next().and_then(|w| w.parse().ok()).ok_or(line);
        Ok(match what {
            "ready" => Told::Ready,
            "created" => Told::Of(Acknowledged::Created(number()?)),
            "done" => Told::Of(Acknowledged::Done(number()?)),
            "commented" => Told::Commented(number()?),
            "blocked" => Told::Blocked(number()?, number()?),
            "claimed" => {
                let (ticket, attempt) = (number()?, number()?);
                let agent = words.next().ok_or(line)?.to_owned();
                Told::Of(Acknowledged::Claimed(ticket, attempt, agent))
            }
            _ => return Err(line.into()),
        })
    }
}

// --- Inside the process ------------------------------------------------------------------------

/// Not a test: what a process does that [`Scene::start`] started.
#[test]
fn plays_its_role() {
    let Ok(word) = std::env::var("STRESS_ROLE") else {
        return;
    };
    let (role, _) = ROLES.into_iter().find(|(_, w)| *w == word).unwrap();
    let dir = PathBuf::from(std::env::var_os("STRESS_DIR").unwrap());
    if role == Role::Migrate {
        return super::migration::open(&dir.join("tickets.db"));
    }
    let name = std::env::var("STRESS_NAME").unwrap();
    let mut part = Part {
        told: File::create(dir.join(format!("{name}.told"))).unwrap(),
        store: Store::open(&dir.join("tickets.db")).unwrap(),
        name,
    };
    part.say("ready");
    if let Ok(gate) = File::open(dir.join("gate")) {
        drop(Flock::lock(gate, FlockArg::LockShared).unwrap());
    }
    match role {
        Role::Drain => while part.drain() {},
        Role::DrainByProgram => while part.drain_by_program() {},
        Role::Mix => loop {
            part.mix();
        },
        Role::Block => (0..BLOCKS).for_each(|_| part.block()),
        Role::Migrate => (),
    }
}

/// How often a process of [`Role::Block`] tries, among so many tickets.
const BLOCKS: usize = 150;
const AMONG: i64 = 40;

struct Part {
    name: String,
    store: Store,
    told: File,
}

impl Part {
    fn say(&mut self, line: &str) {
        self.told.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn queue<T>(
        &mut self,
        work: impl FnOnce(&mut dyn Queue) -> ticket::Result<T>,
    ) -> ticket::Result<T> {
        work(&mut self.store.session(&Actor::Human))
    }

    fn claim(&mut self) -> Option<i64> {
        let name = self.name.clone();
        let claimed = self.queue(|q| q.claim_next(&name, &ClaimFilter::default()));
        let ticket = claimed.unwrap()?.detail.ticket;
        self.say(&format!("claimed {} {} {name}", ticket.id, ticket.attempt));
        Some(ticket.id)
    }

    fn done(&mut self, id: i64) {
        self.queue(|q| q.mark_done(id, Some(Resolution::Passed)))
            .unwrap();
        self.say(&format!("done {id}"));
    }

    fn drain(&mut self) -> bool {
        let claimed = self.claim();
        if let Some(id) = claimed {
            self.done(id);
        }
        claimed.is_some()
    }

    fn drain_by_program(&mut self) -> bool {
        let name = self.name.clone();
        let (code, answer) = self.program(&["claim-next", "--agent", &name, "--format", "json"]);
        if code == 1 && answer.is_empty() {
            return false;
        }
        assert_eq!(code, 0, "claim-next");
        let ticket: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let (id, attempt) = (ticket["id"].as_i64().unwrap(), &ticket["attempt"]);
        self.say(&format!("claimed {id} {attempt} {name}"));
        assert_eq!(
            self.program(&["mark-done", &id.to_string()]).0,
            0,
            "mark-done"
        );
        self.say(&format!("done {id}"));
        true
    }

    fn program(&self, words: &[&str]) -> (i32, String) {
        let output = Command::new(crate::programs::program("ticket"))
            .arg("--db")
            .arg(self.store.path())
            .args(words)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    }

    fn block(&mut self) {
        let (id, by) = (rand::random_range(1..=AMONG), rand::random_range(1..=AMONG));
        match self.queue(|q| q.block(id, by)) {
            Ok(()) => self.say(&format!("blocked {id} {by}")),
            // A circle, or it stood already.
            Err(Error::Refused(_)) => (),
            Err(error) => panic!("{error}"),
        }
    }

    /// One step of a life that goes on until the kill.
    fn mix(&mut self) {
        let title = format!("Made by {}", self.name);
        match rand::random_range(0..6) {
            0 | 1 => {
                let id = self.queue(|q| q.create(&titled(&title))).unwrap();
                self.say(&format!("created {id}"));
            }
            2 => {
                if let Some(id) = self.claim() {
                    let comment = self.queue(|q| q.comment(id, &NewComment::new("It is mine")));
                    let comment = comment.unwrap();
                    self.say(&format!("commented {comment}"));
                }
            }
            3 => {
                if let Some(id) = self.claim() {
                    self.queue(|q| q.unclaim(id)).unwrap();
                }
            }
            4 => {
                self.drain();
            }
            _ => self.block_two_of_mine(&title),
        }
    }

    fn block_two_of_mine(&mut self, title: &str) {
        let first = self.queue(|q| q.create(&titled(title))).unwrap();
        self.say(&format!("created {first}"));
        let waits = NewTicket {
            blocked_by: vec![first],
            ..titled(title)
        };
        let second = self.queue(|q| q.create(&waits)).unwrap();
        self.say(&format!("created {second}"));
        self.say(&format!("blocked {second} {first}"));
    }
}
