//! The beginning of an attempt: HOME, scratch space, and the tree at main or at what the last attempt
//! left.

use ticket::prompt::{Start, Subject};

use super::trouble::{GIT_TRIES, Trouble};
use super::{Attempt, Conversation};
use crate::merge::Merge;

/// How often a snapshot is asked for; the work can begin without it too.
const SNAPSHOT_TRIES: u32 = 2;

impl Attempt<'_> {
    /// Brings the tree to where the work starts.
    pub(super) fn begin(&mut self) -> Result<Subject, Trouble> {
        let (runner, assignment) = (self.runner, self.assignment);
        let kept_home = runner.layout.enter_home(self.lease.ticket)?;
        runner.layout.refresh()?;
        if kept_home {
            self.session = assignment.resume.clone().map(|id| Conversation {
                backend: assignment.agent.cli.backend.name.clone(),
                id,
            });
        }
        let start = self.check_out()?;
        self.lease.began_from(&self.head);
        let base_branch = &assignment.base.branch;
        Ok(Subject::new(
            &assignment.background,
            &runner.name,
            base_branch,
            start,
        ))
    }

    fn check_out(&mut self) -> Result<Start, Trouble> {
        let base = &self.assignment.base;
        let Some(old) = self.assignment.start_from.as_deref() else {
            self.begin_at(&base.commit)?;
            return Ok(Start::Main);
        };
        let commit = old.to_owned();
        if !self.fetch_snapshot(old)? {
            self.begin_at(&base.commit)?;
            return Ok(Start::MainWithoutSnapshot);
        }
        self.begin_at(old)?;
        let message = format!("Merge {} into {}", base.branch, self.branch);
        match self.runner.tree.merge(old, &base.commit, &message)? {
            Merge::Current => self.head = commit.clone(),
            Merge::Clean(merged) => self.head = merged,
            Merge::Conflict(_) => {
                self.runner.tree.check_out(&self.branch, &base.commit)?;
                return Ok(Start::MainBesideSnapshot { commit });
            }
        }
        Ok(Start::Snapshot { commit })
    }

    fn fetch_snapshot(&mut self, commit: &str) -> Result<bool, Trouble> {
        let tree = &self.runner.tree;
        tree.disarm()?;
        if tree.has(commit) {
            return Ok(true);
        }
        let credential = self.lease.credential.clone();
        let fetched = self.remote(SNAPSHOT_TRIES, || {
            tree.fetch_commits(&credential, &[commit])
        });
        match fetched {
            Ok(()) => Ok(true),
            Err(Trouble::Broken(_)) => Ok(false),
            Err(lost) => Err(lost),
        }
    }

    fn begin_at(&mut self, commit: &str) -> Result<(), Trouble> {
        let (tree, base) = (&self.runner.tree, &self.assignment.base);
        let (credential, branch) = (self.lease.credential.clone(), self.branch.clone());
        self.remote(GIT_TRIES, || tree.begin(&credential, base, &branch, commit))
    }
}
