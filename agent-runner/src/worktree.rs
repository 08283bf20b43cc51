//! The agent's clone: made once, put in order at each attempt, brought to the ticket's branch,
//! committed. See [`crate::disarm`], [`crate::merge`] and [`crate::push`] for the rest of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ticket::wire::Base;

use crate::disarm::replace;
use crate::git::{Credential, Error, Git, Identity, REMOTE_DEADLINE};
use crate::layout::remove;

/// Where the runner keeps the base branch as it last fetched it.
pub(crate) const MAIN: &str = "refs/remotes/origin/main";
/// The work tree of one agent. Clones share what they know of the branch at the hub.
#[derive(Clone, Debug)]
pub struct WorkTree {
    pub(crate) git: Git,
    pub(crate) dir: PathBuf,
    pub(crate) remote: String,
    pub(crate) identity: Identity,
    /// The head of the attempt's branch at the hub, as far as is known.
    pushed: Arc<Mutex<Option<String>>>,
}

/// A commit with its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The commit.
    pub id: String,
    /// Its tree.
    pub tree: String,
}

impl Commit {
    fn new(id: &str, tree: &str) -> Commit {
        Commit {
            id: id.to_owned(),
            tree: tree.to_owned(),
        }
    }
}

impl WorkTree {
    /// The work tree in `dir`, cloned from `remote`. Nothing is touched yet.
    pub fn new(dir: PathBuf, remote: &str, agent: &str) -> WorkTree {
        let identity = Identity::of(agent);
        WorkTree {
            git: Git::new(&dir, remote, identity.clone()),
            dir,
            remote: remote.to_owned(),
            identity,
            pushed: Arc::default(),
        }
    }

    /// The folder with the files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Fetches the head of the remote ahead of need, so that the first attempt has little to fetch.
    pub fn warm(&self, credential: &Credential) -> Result<(), Error> {
        self.disarm()?;
        let head = format!("+HEAD:{MAIN}");
        self.fetch_refs(credential, &[&head])
    }

    /// Checks out main as it was last fetched.
    pub fn check_out_main(&self, branch: &str) -> Result<(), Error> {
        self.check_out(branch, MAIN)
    }

    /// Puts the clone in order and checks out `start` as `branch`, with nothing else in the tree.
    /// Fetches only when the commit is not there; a clone beyond repair is made anew.
    pub fn begin(
        &self,
        credential: &Credential,
        base: &Base,
        branch: &str,
        start: &str,
    ) -> Result<(), Error> {
        self.set_pushed(None);
        // Branches of earlier attempts would keep their objects for ever.
        io_step("disarm", || remove(&self.git.dir().join("refs/heads")))?;
        // A snapshot can be here while main has moved on: the work needs both.
        let complete = self.disarm().is_ok() && self.has(&base.commit);
        if complete && self.check_out(branch, start).is_ok() {
            return Ok(());
        }
        if self.fetch_base(credential, base, start).is_ok() && self.check_out(branch, start).is_ok()
        {
            return Ok(());
        }
        io_step("remove", || remove(&self.dir))?;
        self.disarm()?;
        self.fetch_base(credential, base, start)?;
        self.check_out(branch, start)
    }

    /// True when the object is here.
    pub fn has(&self, commit: &str) -> bool {
        let object = format!("{commit}^{{commit}}");
        self.git
            .call(&["cat-file", "-e", &object])
            .yes()
            .unwrap_or(false)
    }

    /// Fetches single commits, as the hub hands them out by name.
    pub fn fetch_commits(&self, credential: &Credential, commits: &[&str]) -> Result<(), Error> {
        self.fetch_refs(credential, commits)
    }

    /// Fetches the base branch and returns its head.
    pub fn fetch_main(&self, credential: &Credential, branch: &str) -> Result<String, Error> {
        let refspec = format!("+refs/heads/{branch}:{MAIN}");
        self.fetch_refs(credential, &[&refspec])?;
        // Mostly a file of its own; reading it is cheaper than asking git.
        match fs::read_to_string(self.git.dir().join(MAIN)) {
            Ok(id) if is_id(id.trim()) => Ok(id.trim().to_owned()),
            _ => self.git.run(&["rev-parse", "--verify", MAIN]),
        }
    }

    /// Checks out `commit` as the branch, whatever was there, and removes every other file.
    pub fn check_out(&self, branch: &str, commit: &str) -> Result<(), Error> {
        self.git
            .run(&["checkout", "--quiet", "--force", "-B", branch, commit, "--"])?;
        self.git.run(&["clean", "--quiet", "-ffdx"]).map(drop)
    }

    /// Makes tree and index those of `commit`, and the branch point to it. Ignored files stay.
    pub fn reset(&self, commit: &str) -> Result<(), Error> {
        self.git
            .run(&["reset", "--quiet", "--hard", commit, "--"])?;
        self.git.run(&["clean", "--quiet", "-ffd"]).map(drop)
    }

    fn fetch_base(&self, credential: &Credential, base: &Base, start: &str) -> Result<(), Error> {
        let refspec = format!("+refs/heads/{}:{MAIN}", base.branch);
        self.fetch_refs(credential, &[&refspec])?;
        let missing: Vec<&str> = [base.commit.as_str(), start]
            .into_iter()
            .filter(|commit| !self.has(commit))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        self.fetch_refs(credential, &missing)
    }

    pub(crate) fn fetch_refs(&self, credential: &Credential, refs: &[&str]) -> Result<(), Error> {
        let mut arguments = vec![
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--",
            &self.remote,
        ];
        arguments.extend(refs);
        self.git
            .call(&arguments)
            .with(credential)
            .within(REMOTE_DEADLINE)
            .text()
            .map(drop)
    }

    /// HEAD's commit and tree. An agent may have left HEAD anywhere, or nowhere.
    pub fn head(&self) -> Result<Commit, Error> {
        let said = self
            .git
            .run(&["rev-parse", "HEAD^{commit}", "HEAD^{tree}"])?;
        match *said.lines().collect::<Vec<_>>() {
            [id, tree] => Ok(Commit::new(id, tree)),
            _ => Err(unexpected("rev-parse", &said)),
        }
    }

    /// The same together with the tree of another commit, in one call.
    pub fn head_beside(&self, other: &str) -> Result<(Commit, String), Error> {
        let other = format!("{other}^{{tree}}");
        let names = ["rev-parse", "HEAD^{commit}", "HEAD^{tree}", &other];
        let said = self.git.run(&names)?;
        match *said.lines().collect::<Vec<_>>() {
            [id, tree, other] => Ok((Commit::new(id, tree), other.to_owned())),
            _ => Err(unexpected("rev-parse", &said)),
        }
    }

    /// Puts every change into the index and returns the tree that it makes.
    pub fn stage_all(&self) -> Result<String, Error> {
        self.git.run(&["add", "--all", "--", ":/"])?;
        self.git.run(&["write-tree"])
    }

    /// A commit of `tree`.
    pub fn commit_tree(
        &self,
        tree: &str,
        parents: &[&str],
        message: &str,
    ) -> Result<String, Error> {
        let mut arguments = vec!["commit-tree", tree];
        for parent in parents {
            arguments.extend(["-p", parent]);
        }
        self.git.call(&arguments).input(message).text()
    }

    /// Makes `branch` point to `commit` and HEAD to `branch`, without touching tree or index.
    pub fn attach(&self, branch: &str, commit: &str) -> Result<(), Error> {
        let name = format!("refs/heads/{branch}");
        self.git.run(&["update-ref", &name, commit])?;
        let head = format!("ref: {name}\n");
        io_step("attach", || replace(&self.git.dir().join("HEAD"), &head))
    }

    /// Whether `ancestor` is in the history of `of`.
    pub fn is_ancestor(&self, ancestor: &str, of: &str) -> Result<bool, Error> {
        self.git
            .call(&["merge-base", "--is-ancestor", ancestor, of])
            .yes()
    }

    /// Whether main had this commit when it was last fetched.
    pub fn is_on_main(&self, commit: &str) -> bool {
        self.is_ancestor(commit, MAIN).unwrap_or(false)
    }

    /// The tree of a commit.
    pub fn tree_of(&self, commit: &str) -> Result<String, Error> {
        self.git
            .run(&["rev-parse", "--verify", &format!("{commit}^{{tree}}")])
    }

    /// The branch that HEAD stands on, read from the file: what a killed runner worked on.
    pub fn current_branch(&self) -> Option<String> {
        let head = fs::read_to_string(self.git.dir().join("HEAD")).ok()?;
        let name = head.trim().strip_prefix("ref: refs/heads/")?;
        Some(name.to_owned())
    }

    /// Packs what piled up. For a quiet moment.
    pub fn tidy(&self) -> Result<(), Error> {
        self.git
            .call(&[
                "-c",
                "gc.auto=6700",
                "-c",
                "gc.autoDetach=false",
                "gc",
                "--auto",
                "--quiet",
            ])
            .text()
            .map(drop)
    }

    /// The head of the attempt's branch at the hub, as far as is known.
    pub(crate) fn pushed(&self) -> Option<String> {
        self.lock().clone()
    }

    /// What is known of that head now.
    pub(crate) fn set_pushed(&self, head: Option<String>) {
        *self.lock() = head;
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A whole object name.
pub(crate) fn is_id(word: &str) -> bool {
    word.len() >= 40 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What git printed makes no sense.
pub(crate) fn unexpected(verb: &str, said: &str) -> Error {
    Error::Said {
        verb: verb.to_owned(),
        said: format!(
            "unexpected output: {}",
            crate::lines::first_bytes(said, 200)
        ),
        code: Some(0),
    }
}

pub(crate) fn io_step<T>(verb: &str, step: impl FnOnce() -> io::Result<T>) -> Result<T, Error> {
    step().map_err(|error| Error::Io {
        verb: verb.to_owned(),
        error,
    })
}
