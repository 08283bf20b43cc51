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
        let (head, base_tree) = self.head_or_base()?;
        self.straight &= head.id == self.head;
        let before = self.base.clone();
        let work = match self.conflict.clone() {
            Some(conflict) => match self.conclude(&conflict, &head, &staged)? {
                Ok(work) => work,
                Err(seen) => return Ok(seen),
            },
            None => self.commit_on(&head, &staged)?,
        };
        self.adopt(&work)?;
        let base_tree = match self.base == before {
            true => base_tree,
            false => tree.tree_of(&self.base)?,
        };
        Ok(match work.tree == base_tree {
            true => Seen::Unchanged,
            false => Seen::Committed,
        })
    }

    /// HEAD, wherever the agent left it, or main when it leads nowhere; and main's tree.
    fn head_or_base(&mut self) -> Result<(Commit, String), Trouble> {
        let tree = &self.runner.tree;
        if let Ok(both) = tree.head_beside(&self.base) {
            return Ok(both);
        }
        let (credential, base) = (self.lease.credential.clone(), self.base.clone());
        if !tree.has(&base) {
            self.remote(GIT_TRIES, || tree.fetch_commits(&credential, &[&base]))?;
        }
        let base_tree = tree.tree_of(&base)?;
        let base = Commit {
            tree: base_tree.clone(),
            id: base,
        };
        Ok((base, base_tree))
    }

    fn commit_on(&self, head: &Commit, staged: &str) -> Result<Commit, Trouble> {
        if head.tree == staged && !self.refused {
            return Ok(head.clone());
        }
        let tree = &self.runner.tree;
        let has_base =
            || Ok::<_, git::Error>(self.straight || tree.is_ancestor(&self.base, &head.id)?);
        // Commits that the hub refused (for a file too large, say) must not come along again.
        let parent = match self.refused && has_base()? {
            true => &self.base,
            false => &head.id,
        };
        let id = tree.commit_tree(staged, &[parent], self.title())?;
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
