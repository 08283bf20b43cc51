//! From the tree that the agent left to a commit on the attempt's branch, and the end of a merge that
//! it resolved.

use super::Attempt;
use super::steps::Seen;
use super::trouble::{GIT_TRIES, Trouble};
use crate::git;
use crate::merge::{Conflict, Resolution};
use crate::worktree::Commit;

impl Attempt<'_> {
    /// Commits what the agent left, on top of what it committed itself.
    pub(super) fn commit(&mut self) -> Result<Seen, Trouble> {
        let tree = &self.runner.tree;
        let staged = match tree.stage_all() {
            Ok(staged) => staged,
            Err(git::Error::Said { said, .. }) => return Ok(Seen::NotCommitted(said)),
            Err(late @ git::Error::Io { .. }) if late.is_timeout() => {
                let log = format!("the tree is too large to be committed: {late}");
                return Ok(Seen::NotCommitted(log));
            }
            Err(other) => return Err(other.into()),
        };
        let head = self.head_or_base()?;
        let work = match self.conflict.clone() {
            Some(conflict) => match self.conclude(&conflict, &head, &staged)? {
                Ok(work) => work,
                Err(seen) => return Ok(seen),
            },
            None => self.commit_on(&head, &staged)?,
        };
        self.adopt(&work)?;
        match work.tree == tree.tree_of(&self.base)? {
            true => Ok(Seen::Unchanged),
            false => Ok(Seen::Committed),
        }
    }

    /// HEAD, wherever the agent left it; where it began when HEAD leads nowhere.
    fn head_or_base(&mut self) -> Result<Commit, Trouble> {
        let tree = &self.runner.tree;
        if let Ok(head) = tree.head() {
            return Ok(head);
        }
        let (credential, base) = (self.lease.credential.clone(), self.base.clone());
        if !tree.has(&base) {
            self.remote(GIT_TRIES, || tree.fetch_commits(&credential, &[&base]))?;
        }
        Ok(Commit {
            tree: tree.tree_of(&base)?,
            id: base,
        })
    }

    fn commit_on(&self, head: &Commit, staged: &str) -> Result<Commit, Trouble> {
        if head.tree == staged && !self.refused {
            return Ok(head.clone());
        }
        // Commits that the hub refused (for a file too large, say) must not come along again.
        let parent = if self.refused { &self.base } else { &head.id };
        let id = self
            .runner
            .tree
            .commit_tree(staged, &[parent], self.title())?;
        Ok(Commit {
            id,
            tree: staged.to_owned(),
        })
    }

    /// The merge commit, or what is wrong with what the agent made of the conflict.
    fn conclude(
        &mut self,
        conflict: &Conflict,
        head: &Commit,
        staged: &str,
    ) -> Result<Result<Commit, Seen>, Trouble> {
        let tree = &self.runner.tree;
        let markers = tree.added_markers(&conflict.theirs, staged)?;
        if !markers.is_empty() {
            tree.mark_merge(conflict, &self.branch)?;
            return Ok(Err(Seen::MarkersLeft(conflict.files.clone())));
        }
        let message = format!("Merge {} into {}", self.assignment.base.branch, self.branch);
        self.conflict = None;
        match tree.conclude(conflict, head, staged, self.merging, &message)? {
            Resolution::Merged(work) => {
                self.base = conflict.theirs.clone();
                Ok(Ok(work))
            }
            Resolution::Undone(files) => {
                let work = self.commit_on(head, staged)?;
                self.adopt(&work)?;
                if !tree.is_ancestor(&conflict.theirs, &work.id)? {
                    return Ok(Err(Seen::MergeUndone));
                }
                self.base = conflict.theirs.clone();
                Ok(Err(Seen::NotCommitted(format!(
                    "the merge commit takes back what main had changed in: {}",
                    files.join(", ")
                ))))
            }
        }
    }

    fn adopt(&mut self, work: &Commit) -> Result<(), Trouble> {
        self.runner.tree.attach(&self.branch, &work.id)?;
        self.head = work.id.clone();
        Ok(())
    }
}
