//! The agent's clone: made once, put in order at each attempt, brought to the ticket's branch,
//! committed, pushed. Whatever an agent did to `.git` is undone before git is trusted with it again.
//!
//! A branch only ever moves forward at the hub: what is pushed descends from what was pushed before.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ticket::wire::Base;

use crate::git::{Credential, Error, Git, Identity, REMOTE_DEADLINE, refusal};
use crate::layout::remove;
use crate::process::Exit;

/// Where the runner keeps the base branch as it last fetched it.
const MAIN: &str = "refs/remotes/origin/main";
/// Files and folders in `.git` through which an agent could change what git does.
const DISARMED: [&str; 10] = [
    "hooks",
    "info",
    "config.worktree",
    "commondir",
    "worktrees",
    "modules",
    "shallow",
    "objects/info/alternates",
    "objects/info/http-alternates",
    "refs/replace",
];
/// Traces of something half done. What matters of it is in the tree.
const UNFINISHED: [&str; 14] = [
    "index.lock",
    "HEAD.lock",
    "config.lock",
    "packed-refs.lock",
    "shallow.lock",
    "MERGE_HEAD",
    "MERGE_MSG",
    "MERGE_MODE",
    "AUTO_MERGE",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
];

/// The work tree of one agent. Clones share what they know of the branch at the hub.
#[derive(Clone, Debug)]
pub struct WorkTree {
    pub(crate) git: Git,
    dir: PathBuf,
    remote: String,
    identity: Identity,
    /// The head of the attempt's branch at the hub, as far as is known.
    pushed: Arc<Mutex<Option<String>>>,
}

/// What came of a push.
#[derive(Debug, PartialEq, Eq)]
pub enum Push {
    /// The hub has it.
    Done,
    /// The hub does not take it.
    Refused(String),
    /// The hub could not be asked.
    Unreachable(String),
}

/// A commit with its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The commit.
    pub id: String,
    /// Its tree.
    pub tree: String,
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
        self.forget_pushed();
        // Branches of earlier attempts would keep their objects for ever.
        io_step("disarm", || remove(&self.git.dir().join("refs/heads")))?;
        if self.disarm().is_ok() && self.check_out(branch, start).is_ok() {
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
        self.git.run(&["rev-parse", "--verify", MAIN])
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

    /// Writes `.git/config` anew, drops hooks, attributes, alternates and what was half done. Makes
    /// the repository when there is none.
    pub fn disarm(&self) -> Result<(), Error> {
        io_step("disarm", || self.disarm_files())
    }

    fn disarm_files(&self) -> io::Result<()> {
        let dir = self.git.dir();
        if !fs::symlink_metadata(&dir).is_ok_and(|m| m.is_dir()) {
            remove(&dir)?;
        }
        for folder in ["objects", "refs/heads", "info"] {
            fs::create_dir_all(dir.join(folder))?;
        }
        for name in DISARMED.iter().chain(&UNFINISHED) {
            remove(&dir.join(name))?;
        }
        remove_locks(&dir.join("refs"))?;
        fs::create_dir_all(dir.join("info"))?;
        // What the runner's own folder would hold never gets into a commit.
        fs::write(dir.join("info/exclude"), ".swarm/\n")?;
        if !fs::symlink_metadata(dir.join("HEAD")).is_ok_and(|m| m.is_file()) {
            replace(&dir.join("HEAD"), "ref: refs/heads/main\n")?;
        }
        replace(&dir.join("config"), &self.config())
    }

    fn config(&self) -> String {
        let Identity { name, email } = &self.identity;
        format!(
            "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\
             \tlogallrefupdates = true\n\
             [user]\n\tname = {name}\n\temail = {email}\n\
             [gc]\n\tauto = 0\n\
             [remote \"origin\"]\n\turl = {}\n\tfetch = +refs/heads/main:{MAIN}\n",
            self.remote
        )
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

    fn fetch_refs(&self, credential: &Credential, refs: &[&str]) -> Result<(), Error> {
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
        let both = self
            .git
            .run(&["rev-parse", "HEAD^{commit}", "HEAD^{tree}"])?;
        match both.split_once('\n') {
            Some((id, tree)) => Ok(Commit {
                id: id.to_owned(),
                tree: tree.trim().to_owned(),
            }),
            None => Err(unexpected("rev-parse", &both)),
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

    /// Pushes `commit` as the attempt's branch. Where the branch has another head that is not in the
    /// commit's history, a commit with the same tree and both as parents goes instead. Returns what
    /// was pushed.
    pub fn push(
        &self,
        credential: &Credential,
        branch: &str,
        commit: &str,
        message: &str,
    ) -> Result<(String, Push), Error> {
        let first = self.push_onto(credential, branch, commit, message, self.pushed())?;
        if !matches!(first.1, Push::Refused(_)) {
            return Ok(first);
        }
        // An earlier push may have arrived although its answer did not.
        let theirs = self.remote_head(credential, branch)?;
        if theirs.is_none() || theirs == self.pushed() {
            return Ok(first);
        }
        self.push_onto(credential, branch, commit, message, theirs)
    }

    fn push_onto(
        &self,
        credential: &Credential,
        branch: &str,
        commit: &str,
        message: &str,
        onto: Option<String>,
    ) -> Result<(String, Push), Error> {
        let commit = match &onto {
            Some(head) if !self.is_ancestor(head, commit)? => {
                self.commit_tree(&self.tree_of(commit)?, &[commit, head], message)?
            }
            _ => commit.to_owned(),
        };
        if onto.as_deref() == Some(&*commit) {
            return Ok((commit, Push::Done));
        }
        let refspec = format!("{commit}:refs/heads/{branch}");
        let captured = self
            .git
            .call(&[
                "push",
                "--quiet",
                "--porcelain",
                "--",
                &self.remote,
                &refspec,
            ])
            .with(credential)
            .within(REMOTE_DEADLINE)
            .output()?;
        let said = |captured| refusal("push".into(), captured).to_string();
        let refused = captured
            .stdout
            .split(|b| *b == b'\n')
            .any(|l| l.starts_with(b"!"));
        let push = match captured.exit {
            Exit::Code(0) => {
                *self.lock() = Some(commit.clone());
                Push::Done
            }
            _ if refused => Push::Refused(said(&captured)),
            _ => Push::Unreachable(said(&captured)),
        };
        Ok((commit, push))
    }

    fn remote_head(&self, credential: &Credential, branch: &str) -> Result<Option<String>, Error> {
        let name = format!("refs/heads/{branch}");
        let listed = self
            .git
            .call(&["ls-remote", "--quiet", "--", &self.remote, &name])
            .with(credential)
            .within(REMOTE_DEADLINE)
            .text()?;
        let Some(head) = listed.split_whitespace().next() else {
            return Ok(None);
        };
        if !self.has(head) {
            self.fetch_refs(credential, &[&name])?;
        }
        Ok(Some(head.to_owned()))
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

    fn pushed(&self) -> Option<String> {
        self.lock().clone()
    }

    fn forget_pushed(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.pushed.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// Writes a file in one piece, over whatever was there, also over a link.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|m| m.is_dir()) {
        remove(path)?;
    }
    let draft = path.with_extension("draft");
    remove(&draft)?;
    fs::write(&draft, text)?;
    fs::rename(&draft, path)
}

/// A git that was killed leaves locks behind; no git is running now.
fn remove_locks(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if fs::symlink_metadata(&path)?.is_dir() {
            remove_locks(&path)?;
        } else if path.extension().is_some_and(|e| e == "lock") {
            remove(&path)?;
        }
    }
    Ok(())
}
