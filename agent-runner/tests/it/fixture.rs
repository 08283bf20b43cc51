//! A project: a bare repository as the hub has it, and clones of it. Every git here goes through the
//! runner's own table of children, so that a sweep in another test leaves it alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use agent_runner::console::Console;
use agent_runner::git::Credential;
use agent_runner::guard;
use agent_runner::layout::Layout;
use agent_runner::process::{Exit, capture};
use agent_runner::worktree::{Commit, WorkTree};
use ticket::backend::Backend;
use ticket::wire::Base;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// With these files on main.
    pub fn new(files: &[(&str, &str)]) -> Project {
        let project = Project {
            dir: tempfile::tempdir().unwrap(),
        };
        let remote = project.remote();
        git(
            project.path(),
            &["init", "-q", "--bare", "-b", "main", "remote.git"],
        );
        git(&remote, &["config", "receive.denyNonFastForwards", "true"]);
        git(&remote, &["config", "receive.denyDeletes", "true"]);
        git(project.path(), &["clone", "-q", "remote.git", "human"]);
        git(&project.human(), &["checkout", "-q", "-B", "main"]);
        project.change_main(files);
        project
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn remote(&self) -> PathBuf {
        self.path().join("remote.git")
    }

    fn human(&self) -> PathBuf {
        self.path().join("human")
    }

    /// Commits these files on main; an empty text deletes one. Returns main's head.
    pub fn change_main(&self, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            write(&self.human(), name, text);
        }
        git(&self.human(), &["add", "-A"]);
        git(
            &self.human(),
            &["commit", "-q", "--allow-empty", "-m", "main"],
        );
        git(&self.human(), &["push", "-q", "origin", "HEAD:main"]);
        self.head("main")
    }

    /// The head of a branch in the bare repository.
    pub fn head(&self, branch: &str) -> String {
        git(&self.remote(), &["rev-parse", "--verify", branch])
    }

    pub fn base(&self) -> Base {
        Base {
            branch: "main".into(),
            commit: self.head("main"),
        }
    }

    pub fn layout(&self) -> Layout {
        let layout = Layout::new(self.path().join("work"));
        layout.refresh().unwrap();
        layout
    }

    pub fn tree(&self) -> WorkTree {
        let remote = format!("file://{}", self.remote().display());
        WorkTree::new(self.layout().repo(), &remote, "agent-1")
    }

    /// A work tree on `ticket/1/1`, at main.
    pub fn begun(&self) -> WorkTree {
        let tree = self.tree();
        let base = self.base();
        tree.begin(&token(), &base, "ticket/1/1", &base.commit)
            .unwrap();
        tree
    }
}

pub fn token() -> Credential {
    Credential::new("not-needed-for-files")
}

pub fn console() -> Console {
    Console::default()
}

/// Tests whose runs end with a sweep share this; a test that watches orphans has it alone.
static SWEEPS: RwLock<()> = RwLock::new(());

/// For a test that may sweep. Orphans come to this process, as they do in production.
pub fn sweeping() -> RwLockReadGuard<'static, ()> {
    guard::close_to_others().unwrap();
    SWEEPS.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test whose orphans nobody else may sweep away.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    guard::close_to_others().unwrap();
    SWEEPS.write().unwrap_or_else(PoisonError::into_inner)
}

/// Commits what is in the tree, as an attempt does it.
pub fn commit(tree: &WorkTree, branch: &str) -> Commit {
    let staged = tree.stage_all().unwrap();
    let head = tree.head().unwrap();
    let id = tree.commit_tree(&staged, &[&head.id], "work").unwrap();
    tree.attach(branch, &id).unwrap();
    Commit { id, tree: staged }
}

/// Writes a file below `dir`; a name that ends in `.sh` can be run; an empty text deletes.
pub fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    if text.is_empty() {
        fs::remove_file(path).unwrap();
        return;
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    if name.ends_with(".sh") {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

pub fn read(tree: &WorkTree, name: &str) -> String {
    fs::read_to_string(tree.dir().join(name)).unwrap()
}

/// git as a human runs it.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .args([
            "-c",
            "user.name=human",
            "-c",
            "user.email=human@example.invalid",
        ])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let done = capture(&mut command, None, 1 << 20, PATIENCE).unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.exit, Exit::Code(0), "git {args:?}: {said}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Waits until something holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process with this number runs (and is not just waiting to be reaped).
pub fn runs(pid: i32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat
            .rsplit_once(')')
            .is_some_and(|(_, rest)| rest.starts_with(" Z")),
        Err(_) => false,
    }
}

/// Reads numbers that a script wrote, once there are `count`.
pub fn pids(file: &Path, count: usize) -> Vec<i32> {
    let mut found = Vec::new();
    eventually("the script wrote its process numbers", || {
        let text = fs::read_to_string(file).unwrap_or_default();
        found = text.lines().filter_map(|l| l.trim().parse().ok()).collect();
        found.len() >= count
    });
    found
}

/// A backend with the defaults of its kind, as a project gets them.
pub fn backend(kind: &str) -> Backend {
    let all: toml::Table =
        toml::from_str(include_str!("../../../templates/backends.toml")).unwrap();
    let mut backend = all[kind].as_table().unwrap().clone();
    backend.insert("kind".into(), kind.into());
    backend.entry("program").or_insert("".into());
    backend.try_into().unwrap()
}
