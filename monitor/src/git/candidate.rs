//! The commit that would be main: the submitted work merged onto a parent, in memory, as one commit.
//!
//! Neither a work tree nor the attributes of any tree take part, so a branch cannot choose how it is
//! merged.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use git2::{ErrorCode, Index, MergeOptions, Oid};

use super::repository::Repository;
use super::trailers::LandingText;

/// Which submitted commit goes onto which parent.
#[derive(Clone, Copy, Debug)]
pub struct Onto {
    /// What the attempt pushed.
    pub submitted: Oid,
    /// The head that main is expected to have then.
    pub parent: Oid,
}

/// What a merge in memory came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// A tree that differs from the parent's.
    Clean {
        /// The tree.
        tree: Oid,
    },
    /// Both sides changed the same places of these files.
    Conflict {
        /// Their paths, sorted.
        files: Vec<String>,
    },
    /// The parent has all of it already.
    NoChange,
}

impl Repository {
    /// The commit where `onto`'s two sides parted; `None` when they share no history.
    pub fn parting(&self, onto: Onto) -> Result<Option<Oid>> {
        match self.git.merge_base(onto.submitted, onto.parent) {
            Ok(base) => Ok(Some(base)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error).context("cannot find where the branch left main"),
        }
    }

    /// Merges in memory; writes trees and blobs, no refs.
    pub fn merge(&self, onto: Onto) -> Result<Merge> {
        let parent = self.git.find_commit(onto.parent)?;
        let submitted = self.git.find_commit(onto.submitted)?;
        let tree = if self.parting(onto)? == Some(onto.parent) {
            submitted.tree_id()
        } else {
            let mut options = MergeOptions::new();
            options.find_renames(true);
            let mut index = self
                .git
                .merge_commits(&parent, &submitted, Some(&options))
                .context("cannot merge")?;
            if index.has_conflicts() {
                let files = conflicting_files(&index)?;
                return Ok(Merge::Conflict { files });
            }
            index
                .write_tree_to(&self.git)
                .context("cannot write the merged tree")?
        };
        if tree == parent.tree_id() {
            return Ok(Merge::NoChange);
        }
        Ok(Merge::Clean { tree })
    }

    /// Makes the commit with `tree` on top of `parent`; moves no ref.
    pub fn commit(&self, tree: Oid, parent: Oid, text: &LandingText) -> Result<Oid> {
        let tree = self.git.find_tree(tree)?;
        let parent = self.git.find_commit(parent)?;
        let commit = self.git.commit(
            None,
            &text.author()?,
            &text.committer()?,
            &text.message(),
            &tree,
            &[&parent],
        )?;
        Ok(commit)
    }
}

fn conflicting_files(index: &Index) -> Result<Vec<String>> {
    let mut files = BTreeSet::new();
    for conflict in index.conflicts()? {
        let conflict = conflict?;
        let sides = [conflict.our, conflict.their, conflict.ancestor];
        if let Some(entry) = sides.into_iter().flatten().next() {
            files.insert(String::from_utf8_lossy(&entry.path).into_owned());
        }
    }
    Ok(files.into_iter().collect())
}
