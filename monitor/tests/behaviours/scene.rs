//! A hub in this process, and real runners and verifiers beside it as processes of their own.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use monitor::hub::{Running, Settings, Shared};
use serde_json::{Value, json};
use swarm::Project;
use tempfile::TempDir;
use ticket::queue::Queue;
use ticket::ticket::{NewTicket, TicketDetail};
use ticket::wire::Role;
use ticket::{Actor, Store, secret};

use crate::programs;

/// Each takes a candidate in its life; so many stand ready.
const VERIFIERS: usize = 2;
/// The longest wait for anything that is not a stall.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// How long the hub may take to put an ended attempt's tree where it is kept.
const KEPT_WITHIN: Duration = Duration::from_secs(20);
/// How long an agent may take to end whose attempt was ended by its own `ticket` call: a grace of five
/// seconds after TERM, and a busy machine.
const CLEAN_WITHIN: Duration = Duration::from_secs(15);
/// Red while there is a file `red`.
const GATE: &str = "#!/bin/sh\n[ ! -e red ]\n";

/// A swarm whose agents are scripted.
pub struct Scene {
    running: Option<Running>,
    project: Project,
    dir: TempDir,
    runners: Vec<Child>,
    over: Arc<AtomicBool>,
    verifiers: Vec<tokio::task::JoinHandle<()>>,
}

impl Scene {
    /// With so many agents that speak stream-json.
    pub async fn with_agents(agents: usize) -> Scene {
        Scene::with_backend(agents, r#"{"kind": "claude", "program": "@AGENT@"}"#).await
    }

    /// With so many agents of this backend; `@AGENT@` stands for the scripted program.
    pub async fn with_backend(agents: usize, backend: &str) -> Scene {
        Scene::with_settings(
            agents,
            backend,
            json!({ "proposals": { "enabled": false } }),
        )
        .await
    }

    /// The same with further tables of the configuration.
    pub async fn with_settings(agents: usize, backend: &str, more: Value) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path(), agents, backend, &more);
        let loopback = "127.0.0.1:0".parse().unwrap();
        let settings = Settings {
            project: project.root().to_owned(),
            human: loopback,
            agents: loopback,
            container: None,
        };
        let running = Running::start(settings).await.unwrap();
        let mut scene = Scene {
            running: Some(running),
            project,
            dir,
            runners: Vec::new(),
            over: Arc::default(),
            verifiers: Vec::new(),
        };
        for number in 1..=agents {
            let process = scene.process();
            let runner = process
                .start(&format!("agent-{number}"), Role::Worker)
                .await;
            scene.runners.push(runner);
        }
        for number in 1..=VERIFIERS {
            let (process, over) = (scene.process(), Arc::clone(&scene.over));
            scene
                .verifiers
                .push(tokio::spawn(verify(process, over, number)));
        }
        scene
    }

    fn process(&self) -> Process {
        let running = self.running.as_ref().unwrap();
        Process {
            hub: Arc::clone(&running.hub),
            url: format!("http://{}", running.agents),
            dir: self.dir.path().to_owned(),
        }
    }

    /// Does something with the database, as the hub.
    pub async fn store<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Store) -> ticket::Result<T> + Send + 'static,
    ) -> T {
        let database = &self.running.as_ref().unwrap().hub.database;
        database.call(what).await.unwrap()
    }

    /// The hub, as the human's requests have it.
    pub fn hub(&self) -> &Shared {
        &self.running.as_ref().unwrap().hub
    }

    /// What the agents of a ticket wrote beside their trees, so far.
    pub fn ticks(&self, ticket: i64) -> usize {
        let ticks = self.dir.path().join("pids").join(format!("{ticket}.ticks"));
        fs::read(ticks).map_or(0, |ticks| ticks.len())
    }

    /// Waits until they write no more; returns how much that is.
    pub async fn until_still(&self, ticket: i64) -> usize {
        let begun = Instant::now();
        let mut before = self.ticks(ticket);
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = self.ticks(ticket);
            if now == before {
                return now;
            }
            assert!(begun.elapsed() < PATIENCE, "it writes on:\n{}", self.logs());
            before = now;
        }
    }

    /// Makes a ticket as the human.
    pub async fn ticket(&self, title: &str) -> i64 {
        let new = NewTicket {
            title: title.to_owned(),
            ..NewTicket::default()
        };
        self.store(move |store| store.session(&Actor::Human).create(&new))
            .await
    }

    /// A ticket as the human sees it.
    pub async fn show(&self, id: i64) -> TicketDetail {
        self.store(move |store| store.session(&Actor::Human).show(id))
            .await
    }

    /// Waits until `check` says so of a ticket.
    pub async fn until(
        &self,
        what: &str,
        id: i64,
        check: impl Fn(&TicketDetail) -> bool,
    ) -> TicketDetail {
        let begun = Instant::now();
        loop {
            let detail = self.show(id).await;
            if check(&detail) {
                return detail;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "waited in vain: {what}: {detail:#?}\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What git says in the hub's repository.
    pub fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command
            .arg("--git-dir")
            .arg(self.project.repository())
            .args(args);
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Whether this is kept of an attempt, as soon as the hub has put it where it stays.
    pub async fn keeps(&self, ticket: i64, attempt: i64, file: &str) -> bool {
        let object = format!("refs/attempts/{ticket}/{attempt}:{file}");
        let begun = Instant::now();
        while begun.elapsed() < KEPT_WITHIN {
            if !self
                .git(&["rev-parse", "--verify", "--quiet", &object])
                .is_empty()
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// The end of what every runner printed.
    pub fn logs(&self) -> String {
        let mut all = String::new();
        for number in 1..=self.runners.len() {
            let log = fs::read(self.dir.path().join(format!("agent-{number}.log"))).unwrap();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().rev().take(30).collect();
            all.push_str(&format!("--- agent-{number}\n"));
            for line in lines.iter().rev() {
                all.push_str(line);
                all.push('\n');
            }
        }
        all
    }

    /// Everything that the runners printed.
    pub fn printed(&self) -> Vec<u8> {
        (1..=self.runners.len())
            .flat_map(|n| fs::read(self.dir.path().join(format!("agent-{n}.log"))).unwrap())
            .collect()
    }

    /// What its first attempt left running for too long; none once all of it is gone, or when another
    /// attempt has begun.
    pub async fn left_running(&self, ticket: i64) -> Option<Vec<String>> {
        let begun = Instant::now();
        loop {
            let left = self.left_over(ticket);
            if left.is_empty() || self.show(ticket).await.attempts.len() > 1 {
                return None;
            }
            if begun.elapsed() > CLEAN_WITHIN {
                return Some(left);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How often an agent CLI was started for a ticket, or for `propose`.
    pub fn starts(&self, of: &str) -> usize {
        let noted = fs::read_to_string(self.dir.path().join("pids").join(of));
        noted.unwrap_or_default().lines().count()
    }

    /// How much the work directory of an agent holds, in bytes.
    pub fn held(&self, agent: &str) -> u64 {
        let du = Command::new("du")
            .args(["--summarize", "--block-size=1"])
            .arg(self.dir.path().join(agent))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&du.stdout).into_owned();
        said.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// The processes that the agents of a ticket noted and that still run.
    pub fn left_over(&self, ticket: i64) -> Vec<String> {
        let pids = self.dir.path().join("pids");
        let noted = fs::read_to_string(pids.join(ticket.to_string())).unwrap_or_default();
        let ours = pids.display().to_string();
        let runs = |pid: &&str| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environ).contains(&ours)
        };
        noted.lines().filter(runs).map(String::from).collect()
    }

    /// The most memory that any runner ever had, in kilobytes.
    pub fn peak(&self) -> u64 {
        let peaks = self.runners.iter().map(|runner| {
            let status = fs::read_to_string(format!("/proc/{}/status", runner.id())).unwrap();
            let peak = status
                .lines()
                .find_map(|l| l.strip_prefix("VmHWM:"))
                .unwrap();
            peak.trim().trim_end_matches(" kB").parse().unwrap()
        });
        peaks.max().unwrap()
    }

    /// Ends everything; no runner may have died by itself.
    pub async fn end(mut self) {
        for runner in &mut self.runners {
            assert!(runner.try_wait().unwrap().is_none(), "a runner died");
        }
        self.over.store(true, Ordering::Relaxed);
        for verifier in self.verifiers.drain(..) {
            verifier.await.unwrap();
        }
        for runner in &mut self.runners {
            end_gently(runner);
        }
        self.running.take().unwrap().end().await.unwrap();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for runner in &mut self.runners {
            end_gently(runner);
        }
    }
}

/// TERM, which a runner answers within a second, then KILL.
fn end_gently(child: &mut Child) {
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// What it takes to start a runner.
struct Process {
    hub: Shared,
    url: String,
    dir: PathBuf,
}

impl Process {
    async fn start(&self, name: &str, role: Role) -> Child {
        let code = secret::new_token();
        let (agent, kept) = (name.to_owned(), code.clone());
        let registered = self
            .hub
            .database
            .call(move |store| store.register_agent(&agent, role, None, &kept));
        registered.await.unwrap();
        let runner = programs::program("agent-runner");
        let ticket = programs::program("ticket");
        let path = std::env::var("PATH").unwrap_or_default();
        let log = File::create(self.dir.join(format!("{name}.log"))).unwrap();
        Command::new(runner)
            .arg("--work")
            .arg(self.dir.join(name))
            .env_clear()
            .env(
                "PATH",
                format!("{}:{path}", ticket.parent().unwrap().display()),
            )
            .env("HOME", &self.dir)
            .env("SWARM_HUB", &self.url)
            .env("SWARM_CODE", code)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }
}

/// Keeps a verifier ready.
async fn verify(process: Process, over: Arc<AtomicBool>, place: usize) {
    for life in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("verifier-{}", place + life * VERIFIERS);
        let mut verifier = process.start(&name, Role::Verifier).await;
        while verifier.try_wait().unwrap().is_none() {
            if over.load(Ordering::Relaxed) {
                tokio::task::spawn_blocking(move || end_gently(&mut verifier))
                    .await
                    .unwrap();
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        process.hub.verifications.verifier_gone(&name);
        let _ = fs::remove_dir_all(process.dir.join(&name));
    }
}

/// A project as `swarm init` leaves it, with a gate on main.
fn project(dir: &Path, agents: usize, backend: &str, more: &Value) -> Project {
    let root = dir.join("project");
    fs::create_dir_all(&root).unwrap();
    fs::create_dir_all(dir.join("pids")).unwrap();
    let project = Project::create(&root).unwrap();
    let agent = dir.join("scripted-agent");
    fs::write(&agent, include_str!("scripted-agent")).unwrap();
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let backend = backend.replace("@AGENT@", &agent.display().to_string());
    let backend: Value = serde_json::from_str(&backend).unwrap();
    let mut config = json!({
        "verify": { "retries": 2 },
        "queue": { "max_attempts": 3, "lease_seconds": 60 },
        "agents": {
            "count": agents,
            "stall_minutes": 1,
            "backend": backend,
            "env": { "PIDS": dir.join("pids") },
        },
    });
    let tables = config.as_object_mut().unwrap();
    tables.extend(more.as_object().unwrap().clone());
    fs::write(project.config_file(), config.to_string()).unwrap();
    let mut options = git2::RepositoryInitOptions::new();
    options.bare(true).initial_head("main");
    let git = git2::Repository::init_opts(project.repository(), &options).unwrap();
    let who = git2::Signature::now("somebody", "somebody@example.org").unwrap();
    let gate = git.blob(GATE.as_bytes()).unwrap();
    let mut tree = git.treebuilder(None).unwrap();
    tree.insert("verify.sh", gate, 0o100_755).unwrap();
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    git.commit(Some("refs/heads/main"), &who, &who, "first", &tree, &[])
        .unwrap();
    project.commit_id().unwrap();
    project
}
