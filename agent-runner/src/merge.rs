//! Merging main into a ticket's branch, in memory and without obeying attributes, which a branch
//! could use to swallow conflicts. What conflicts is laid out in the tree as git would do it; what
//! the agent makes of it becomes a commit with both parents, if main's side is still in it.

use std::collections::BTreeSet;

use crate::disarm::replace;
use crate::git::{Error, refusal};
use crate::process::Exit;
use crate::worktree::{Commit, WorkTree, io_step, is_id, unexpected};

/// What merging came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Merge {
    /// The branch has all of main already.
    Current,
    /// A commit with both parents; the tree is at it.
    Clean(String),
    /// The same lines changed on both sides.
    Conflict(Conflict),
}

/// Two commits that do not merge by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The branch before the merge.
    pub ours: String,
    /// Main.
    pub theirs: String,
    /// The merge result, with markers where it conflicts.
    pub tree: String,
    /// The files that conflict.
    pub files: Vec<String>,
    /// Their three versions, as lines for `update-index --index-info`.
    stages: Vec<u8>,
}

/// What the agent made of a conflict.
#[derive(Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A commit that has both sides.
    Merged(Commit),
    /// Main's changes to these files were thrown away: it is no merge.
    Undone(Vec<String>),
}

impl WorkTree {
    /// Merges `theirs` into `ours`, and leaves the tree at the result when there is one.
    pub fn merge(&self, ours: &str, theirs: &str, message: &str) -> Result<Merge, Error> {
        match self.is_ancestor(theirs, ours)? {
            true => Ok(Merge::Current),
            false => self.merge_in(ours, theirs, message),
        }
    }

    fn merge_in(&self, ours: &str, theirs: &str, message: &str) -> Result<Merge, Error> {
        let arguments = [
            "merge-tree",
            "--write-tree",
            "--no-messages",
            // An agent may have begun a history of its own.
            "--allow-unrelated-histories",
            "-z",
            ours,
            theirs,
        ];
        let captured = self.git.bare(&arguments).output()?;
        match captured.exit {
            Exit::Code(0) => {
                let (tree, _) = split_tree(&captured.stdout)?;
                let merged = self.commit_tree(&tree, &[ours, theirs], message)?;
                self.reset(&merged)?;
                Ok(Merge::Clean(merged))
            }
            Exit::Code(1) => {
                let (tree, rest) = split_tree(&captured.stdout)?;
                let (files, stages) = conflicted(rest);
                Ok(Merge::Conflict(Conflict {
                    ours: ours.to_owned(),
                    theirs: theirs.to_owned(),
                    tree,
                    files,
                    stages,
                }))
            }
            _ => Err(refusal("merge-tree".into(), &captured)),
        }
    }

    /// Puts the conflict before the agent: markers in the files, an unmerged index, a merge under
    /// way, as after `git merge`.
    pub fn lay_out(&self, conflict: &Conflict, branch: &str) -> Result<(), Error> {
        self.git
            .run(&["read-tree", "--reset", "-u", &conflict.tree])?;
        self.git
            .call(&["update-index", "-z", "--index-info"])
            .input(conflict.stages.clone())
            .text()?;
        self.mark_merge(conflict, branch)
    }

    /// Lets git know that a merge is under way.
    pub fn mark_merge(&self, conflict: &Conflict, branch: &str) -> Result<(), Error> {
        let dir = self.git.dir();
        let message = format!("Merge main into {branch}\n");
        io_step("merge", || {
            replace(&dir.join("MERGE_HEAD"), &format!("{}\n", conflict.theirs))?;
            replace(&dir.join("MERGE_MSG"), &message)
        })
    }

    /// Whether git still sees a merge under way. Not so when the agent committed it, or took it back.
    pub fn is_merging(&self) -> bool {
        self.git.dir().join("MERGE_HEAD").exists()
    }

    /// Commits what the agent made of the conflict: `tree`, on top of `head`. `under_way` is what
    /// [`WorkTree::is_merging`] said when the agent was done.
    pub fn conclude(
        &self,
        conflict: &Conflict,
        head: &Commit,
        tree: &str,
        under_way: bool,
        message: &str,
    ) -> Result<Resolution, Error> {
        let merged_by_agent = self.is_ancestor(&conflict.theirs, &head.id)?;
        let undone = self.undone(conflict, tree, under_way || merged_by_agent)?;
        if !undone.is_empty() {
            return Ok(Resolution::Undone(undone));
        }
        if merged_by_agent && head.tree == tree {
            return Ok(Resolution::Merged(head.clone()));
        }
        let mut parents = vec![head.id.as_str()];
        if !merged_by_agent {
            parents.push(&conflict.theirs);
        }
        Ok(Resolution::Merged(Commit {
            id: self.commit_tree(tree, &parents, message)?,
            tree: tree.to_owned(),
        }))
    }

    /// The files that main changed and that look again as they did before the merge: naming main as a
    /// parent would take main's changes back. In a file that conflicts, one's own side is a resolution,
    /// unless the merge was called off and every one of them looks so.
    fn undone(&self, conflict: &Conflict, tree: &str, goes_on: bool) -> Result<Vec<String>, Error> {
        let ours = format!("{}^{{tree}}", conflict.ours);
        let merged = self.changed(&ours, &conflict.tree)?;
        let resolved = self.changed(&ours, tree)?;
        let open: BTreeSet<&String> = conflict.files.iter().collect();
        if !goes_on && open.iter().all(|file| !resolved.contains(*file)) {
            return Ok(conflict.files.clone());
        }
        Ok(merged
            .difference(&resolved)
            .filter(|file| !open.contains(file))
            .cloned()
            .collect())
    }

    fn changed(&self, from: &str, to: &str) -> Result<BTreeSet<String>, Error> {
        let arguments = [
            "diff-tree",
            "-r",
            "-z",
            "--name-only",
            "--no-renames",
            from,
            to,
        ];
        let bytes = self.git.bare(&arguments).bytes()?;
        Ok(bytes
            .split(|b| *b == 0)
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }
}

/// The tree that `merge-tree -z` names first, and the rest.
fn split_tree(printed: &[u8]) -> Result<(String, &[u8]), Error> {
    let end = printed.iter().position(|b| *b == 0);
    let (tree, rest) = match end {
        Some(end) => (&printed[..end], &printed[end + 1..]),
        None => (printed, &[][..]),
    };
    let tree = String::from_utf8_lossy(tree).trim().to_owned();
    match is_id(&tree) {
        true => Ok((tree, rest)),
        false => Err(unexpected("merge-tree", &tree)),
    }
}

/// From lines `mode object stage<TAB>file`, ended by NUL: the files, and the input that gives the
/// index the same entries.
fn conflicted(printed: &[u8]) -> (Vec<String>, Vec<u8>) {
    let (mut files, mut removed, mut added) = (BTreeSet::new(), Vec::new(), Vec::new());
    for entry in printed.split(|b| *b == 0).filter(|e| !e.is_empty()) {
        let Some(tab) = entry.iter().position(|b| *b == b'\t') else {
            continue;
        };
        let name = &entry[tab + 1..];
        if files.insert(String::from_utf8_lossy(name).into_owned()) {
            removed.extend_from_slice(format!("0 {}\t", "0".repeat(40)).as_bytes());
            removed.extend_from_slice(name);
            removed.push(0);
        }
        added.extend_from_slice(entry);
        added.push(0);
    }
    removed.extend(added);
    (files.into_iter().collect(), removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_read_from_merge_tree() {
        let tree = "a".repeat(40);
        let (b, c) = ("b".repeat(40), "c".repeat(40));
        let printed = format!("{tree}\0100644 {b} 2\tx y.txt\0100644 {c} 3\tx y.txt\0");
        let (found, rest) = split_tree(printed.as_bytes()).unwrap();
        assert_eq!(found, tree);
        let (files, stages) = conflicted(rest);
        assert_eq!(files, ["x y.txt"]);
        let zero = "0".repeat(40);
        assert_eq!(
            String::from_utf8(stages).unwrap(),
            format!("0 {zero}\tx y.txt\0100644 {b} 2\tx y.txt\0100644 {c} 3\tx y.txt\0")
        );
    }

    #[test]
    fn anything_but_a_tree_is_an_error() {
        assert!(split_tree(b"usage: git merge-tree").is_err());
    }
}
