//! A hub without a fleet: its repository, its database, and its two git endpoints on port 0.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use monitor::database::Database;
use monitor::git::access::Door;
use monitor::git::http::Endpoint;
use monitor::git::{Bare, Oid, Repository};
use monitor::lander::{Lander, LanderSettings};
use monitor::verification::Verifications;
use tempfile::TempDir;
use ticket::landing::Landing;
use ticket::store::{ClaimPolicy, Store};
use ticket::ticket::NewTicket;
use ticket::wire::{Role, Submit, Verdict, VerdictResult};
use ticket::{Actor, Queue};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The longest that any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// The largest pack that the endpoints take.
pub const MAX_PUSH: u64 = 2 << 20;
/// The human's token.
pub const HUMAN: &str = "the-human";

pub struct Hub {
    pub runtime: Runtime,
    pub bare: Bare,
    pub database: Database,
    pub verifications: Verifications,
    /// The agents' endpoint.
    pub agents: String,
    /// The human's endpoint.
    pub human: String,
    closing: CancellationToken,
    landers: Vec<tokio::task::JoinHandle<()>>,
    pub dir: TempDir,
}

/// One claimed ticket.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub agent: String,
    pub ticket: i64,
    pub number: i64,
    pub token: String,
}

impl Attempt {
    pub fn branch(&self) -> String {
        ticket::attempt::branch(self.ticket, self.number)
    }

    pub fn kept(&self) -> String {
        ticket::attempt::snapshot_ref(self.ticket, self.number)
    }
}

impl Hub {
    /// A hub whose main holds one commit with these files.
    pub fn with(files: &[(&str, &str)]) -> Hub {
        let dir = tempfile::tempdir().unwrap();
        let origin = dir.path().join("origin");
        git(dir.path(), &["init", "-q", "-b", "main", "origin"]);
        for (name, text) in files {
            write(&origin, name, text);
        }
        commit_all(&origin, "first");
        git(dir.path(), &["clone", "-q", "--bare", "origin", "repo.git"]);
        let db = dir.path().join("tickets.db");
        Store::migrate(&db, &mut |_| ()).unwrap();
        let runtime = Runtime::new().unwrap();
        let bare = Bare::new(dir.path().join("repo.git"), "main");
        let database = Database::new(Store::open(&db).unwrap()).unwrap();
        let verifications = Verifications::new(1);
        let agents = Door::Agents {
            database: database.clone(),
            verifications: verifications.clone(),
        };
        let human = Door::Human {
            token_hash: ticket::secret::hash(HUMAN),
        };
        Hub {
            agents: serve(&runtime, Endpoint::new(bare.clone(), agents, MAX_PUSH)),
            human: serve(&runtime, Endpoint::new(bare.clone(), human, MAX_PUSH)),
            runtime,
            bare,
            database,
            verifications,
            closing: CancellationToken::new(),
            landers: Vec::new(),
            dir,
        }
    }

    /// The same repository and database under a new hub, as after a kill.
    pub fn restarted(mut self) -> Hub {
        self.stop_landing();
        self.verifications = Verifications::new(1);
        self
    }

    pub fn repository(&self) -> Repository {
        self.bare.open().unwrap()
    }

    pub fn head(&self) -> Oid {
        self.repository().head().unwrap()
    }

    pub fn store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> ticket::Result<T> + Send + 'static,
    ) -> T {
        self.runtime.block_on(self.database.call(work)).unwrap()
    }

    /// A new agent with its runner's token.
    pub fn enroll(&self, name: &str, role: Role) -> String {
        let name = name.to_owned();
        self.store(move |store| {
            let code = ticket::secret::new_token();
            store.register_agent(&name, role, None, &code)?;
            Ok(store.enroll(&code)?.token)
        })
    }

    /// A new ticket, claimed by `agent`.
    pub fn attempt(&self, agent: &str, title: &str) -> Attempt {
        let new = NewTicket {
            title: title.to_owned(),
            ..NewTicket::default()
        };
        self.store(move |store| store.session(&Actor::Human).create(&new));
        self.claim(agent)
    }

    /// The next ticket, claimed by `agent`.
    pub fn claim(&self, agent: &str) -> Attempt {
        let name = agent.to_owned();
        let policy = ClaimPolicy {
            lease_seconds: 60,
            max_attempts: 5,
        };
        let claimed = self.store(move |store| store.claim(&name, policy)).unwrap();
        Attempt {
            agent: agent.to_owned(),
            ticket: claimed.background.ticket.ticket.id,
            number: claimed.background.ticket.ticket.attempt,
            token: claimed.token,
        }
    }

    /// A clone of the repository that speaks with `token`.
    pub fn clone_with(&self, name: &str, token: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let header = format!("http.extraHeader=Authorization: Bearer {token}");
        let args = ["-c", &header, "clone", "-q", &self.agents, name];
        git(self.dir.path(), &args);
        git(&path, &["config", "http.extraHeader", &header[17..]]);
        path
    }

    /// A clone on the attempt's branch.
    pub fn worktree(&self, attempt: &Attempt) -> PathBuf {
        let name = format!("work-{}-{}", attempt.ticket, attempt.number);
        let path = self.clone_with(&name, &attempt.token);
        git(&path, &["switch", "-q", "-c", &attempt.branch()]);
        path
    }

    /// Writes, commits and pushes files on the attempt's branch; returns the commit.
    pub fn push(&self, attempt: &Attempt, files: &[(&str, &str)]) -> Oid {
        let path = self.worktree(attempt);
        for (name, text) in files {
            write(&path, name, text);
        }
        let commit = commit_all(&path, "work");
        git(&path, &["push", "-q", "origin", &attempt.branch()]);
        commit
    }

    pub fn submit(&self, attempt: &Attempt, commit: Oid) -> Landing {
        let attempt = attempt.clone();
        let submit = Submit {
            commit: commit.to_string(),
            summary: Some("What was done.".into()),
        };
        self.store(move |store| {
            store.submit(&attempt.agent, attempt.ticket, attempt.number, &submit)
        })
    }

    /// Claims a new ticket, pushes the files and submits them.
    pub fn submission(&self, title: &str, files: &[(&str, &str)]) -> (Attempt, Landing) {
        let attempt = self.attempt("agent-1", title);
        let commit = self.push(&attempt, files);
        let landing = self.submit(&attempt, commit);
        (attempt, landing)
    }

    pub fn start_landing(&mut self, window: usize) {
        let lander = Lander::new(
            self.bare.clone(),
            self.database.clone(),
            self.verifications.clone(),
            LanderSettings {
                window,
                gate_timeout: PATIENCE,
            },
        );
        let task = self.runtime.spawn(lander.run(self.closing.clone()));
        self.landers.push(task);
    }

    pub fn stop_landing(&mut self) {
        self.closing.cancel();
        for lander in self.landers.drain(..) {
            let ended = async { tokio::time::timeout(PATIENCE, lander).await };
            self.runtime
                .block_on(ended)
                .expect("the lander goes on")
                .unwrap();
        }
        self.closing = CancellationToken::new();
    }

    /// Verifiers that say what `judge` says of a commit, one after the other, for ever.
    pub fn verify_by(&self, judge: impl Fn(&Repository, Oid) -> VerdictResult + Send + 'static) {
        let (queue, bare) = (self.verifications.clone(), self.bare.clone());
        self.runtime.spawn(async move {
            for n in 0.. {
                let name = format!("verifier-{n}");
                let job = queue.next(&name).await.unwrap();
                let result = judge(&bare.open().unwrap(), job.commit.parse().unwrap());
                let verdict = verdict(result);
                // Taken back in between.
                let _ = queue.verdict(job.id, &name, verdict);
                queue.verifier_gone(&name);
            }
        });
    }

    /// Waits until the landing is as `wanted` says.
    pub fn wait_for(&self, id: i64, wanted: impl Fn(&Landing) -> bool) -> Landing {
        let landing = until(|| {
            let landing = self.store(move |store| store.landing(id));
            wanted(&landing).then_some(landing)
        });
        landing.unwrap_or_else(|| panic!("{:?}", self.store(move |store| store.landing(id))))
    }

    pub fn wait_until_settled(&self, id: i64) -> Landing {
        self.wait_for(id, |landing| landing.state.is_settled())
    }

    /// The files of a commit, as `name=text`, sorted.
    pub fn files(&self, commit: Oid) -> Vec<String> {
        let path = self.bare.path();
        let names = git(path, &["ls-tree", "-r", "--name-only", &commit.to_string()]);
        names
            .lines()
            .map(|name| {
                let text = git(path, &["cat-file", "-p", &format!("{commit}:{name}")]);
                format!("{name}={}", text.trim_end())
            })
            .collect()
    }

    /// Every ref and what it points to.
    pub fn refs(&self) -> Vec<String> {
        let format = "--format=%(refname) %(objectname)";
        let refs = git(self.bare.path(), &["for-each-ref", format]);
        refs.lines().map(str::to_owned).collect()
    }

    pub fn ref_names(&self) -> Vec<String> {
        let refs = git(self.bare.path(), &["for-each-ref", "--format=%(refname)"]);
        refs.lines().map(str::to_owned).collect()
    }

    /// How many objects the repository holds.
    pub fn objects(&self) -> usize {
        let all = ["cat-file", "--batch-all-objects", "--batch-check"];
        git(self.bare.path(), &all).lines().count()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.stop_landing();
        let left = monitor::git::leftovers::remove(self.bare.path()).unwrap();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

fn serve(runtime: &Runtime, endpoint: Endpoint) -> String {
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, endpoint.router()).await });
    format!("http://{address}/git")
}

pub fn verdict(result: VerdictResult) -> Verdict {
    Verdict {
        result,
        log_tail: "the log".into(),
        took_ms: 1,
    }
}

/// Looks again and again until there is something, or patience ends.
pub fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let found = look();
        if found.is_some() || began.elapsed() > PATIENCE {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Commits all there is; returns the commit.
pub fn commit_all(dir: &Path, message: &str) -> Oid {
    git(dir, &["add", "-A", "-f"]);
    git(dir, &["commit", "-q", "-m", message]);
    git(dir, &["rev-parse", "HEAD"]).trim().parse().unwrap()
}

/// Runs git, which must succeed; returns what it prints.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = try_git(dir, args);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs git without anything of this machine's settings.
pub fn try_git(dir: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .current_dir(dir)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "agent")
        .env("GIT_AUTHOR_EMAIL", "agent@example.invalid")
        .env("GIT_COMMITTER_NAME", "agent")
        .env("GIT_COMMITTER_EMAIL", "agent@example.invalid")
        .output()
        .unwrap()
}
