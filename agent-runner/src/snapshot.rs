//! Keeping an attempt's tree as it is, finished or not: a commit made with an index of its own, so
//! that neither the agent's index nor its branch is touched, pushed to the attempt's branch.

use std::fs;

use crate::git::{Credential, Error};
use crate::layout::remove;
use crate::push::Push;
use crate::worktree::{Commit, WorkTree, io_step};

/// Whose tree is kept, and where.
#[derive(Clone, Debug)]
pub struct Snapshots {
    tree: WorkTree,
    branch: String,
    message: String,
}

impl Snapshots {
    /// Of the attempt that works on `branch`.
    pub fn new(tree: WorkTree, branch: &str) -> Snapshots {
        Snapshots {
            tree,
            branch: branch.to_owned(),
            message: format!("Snapshot of {branch}"),
        }
    }

    /// The tree as it is now, as a commit on HEAD: HEAD itself when nothing is uncommitted, none when
    /// it is `start` unchanged. `name` tells the index apart from that of another thread.
    pub fn take(&self, start: &str, name: &str) -> Result<Option<Commit>, Error> {
        let head = self.head_or(start)?;
        let tree = self.write_tree(name)?;
        if tree == head.tree {
            return Ok((head.id != start).then_some(head));
        }
        let id = self.tree.commit_tree(&tree, &[&head.id], &self.message)?;
        Ok(Some(Commit { id, tree }))
    }

    /// Hands the snapshot to the hub. Returns the commit that it has now.
    pub fn push(&self, credential: &Credential, snapshot: &Commit) -> Result<String, Error> {
        done(
            self.tree
                .push(credential, &self.branch, &snapshot.id, &self.message)?,
        )
    }

    /// The same for a snapshot that a later one replaces: it never goes on top of what it missed.
    pub fn push_once(&self, credential: &Credential, snapshot: &Commit) -> Result<String, Error> {
        done(
            self.tree
                .push_once(credential, &self.branch, &snapshot.id, &self.message)?,
        )
    }

    fn head_or(&self, start: &str) -> Result<Commit, Error> {
        match self.tree.head() {
            Ok(head) => Ok(head),
            // The agent left HEAD pointing nowhere.
            Err(_) => Ok(Commit {
                id: start.to_owned(),
                tree: self.tree.tree_of(start)?,
            }),
        }
    }

    fn write_tree(&self, name: &str) -> Result<String, Error> {
        let dir = self.tree.git.dir();
        let index = dir.join(format!("snapshot-{name}.index"));
        // A copy of the real index knows which files need not be read again.
        let copied = io_step("snapshot", || {
            remove(&index)?;
            remove(&index.with_extension("index.lock"))?;
            match fs::copy(dir.join("index"), &index) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            }
        });
        let added = copied.and_then(|()| {
            // What cannot be added (a repository inside, a vanishing file) must not lose the rest.
            self.tree
                .git
                .call(&["add", "--all", "--ignore-errors", "--", ":/"])
                .env("GIT_INDEX_FILE", &index)
                .output()?;
            self.tree
                .git
                .call(&["write-tree"])
                .env("GIT_INDEX_FILE", &index)
                .text()
        });
        let _ = remove(&index);
        added
    }
}

fn done((pushed, push): (String, Push)) -> Result<String, Error> {
    match push {
        Push::Done => Ok(pushed),
        Push::Refused(said) | Push::Unreachable(said) => Err(Error::Said {
            verb: "push".into(),
            said,
            code: Some(1),
        }),
    }
}
