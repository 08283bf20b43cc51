//! What one tree changes against another, as plain data for the tree policy.

use anyhow::Result;
use git2::{Delta, DiffOptions, FileMode, Oid};

use super::repository::Repository;

/// One changed path. A path whose kind changed appears twice: gone, and new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path, in the bytes of the tree.
    pub path: Vec<u8>,
    /// What is there now.
    pub now: Entry,
}

/// What a tree holds at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing any more.
    Gone,
    /// A file.
    File {
        /// It has more conflict markers than it had.
        conflict_markers: bool,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points to.
        target: Vec<u8>,
    },
    /// A commit of another repository.
    Gitlink,
}

impl Repository {
    /// The tree of a commit.
    pub fn tree(&self, commit: Oid) -> Result<Oid> {
        Ok(self.tree_of(commit)?.id())
    }

    /// What `commit_or_tree` changes against `against`.
    pub fn changes(&self, against: Oid, commit_or_tree: Oid) -> Result<Vec<Change>> {
        let old = self.tree_of(against)?;
        let new = self.tree_of(commit_or_tree)?;
        let mut options = DiffOptions::new();
        options.ignore_submodules(false);
        let diff = self
            .git
            .diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options))?;
        diff.deltas()
            .map(|delta| {
                let (old, new) = (delta.old_file(), delta.new_file());
                let path = new.path_bytes().or(old.path_bytes()).unwrap_or_default();
                let now = if delta.status() == Delta::Deleted {
                    Entry::Gone
                } else {
                    self.entry(old.id(), new.id(), new.mode())?
                };
                Ok(Change {
                    path: path.to_vec(),
                    now,
                })
            })
            .collect()
    }

    fn entry(&self, old: Oid, new: Oid, mode: FileMode) -> Result<Entry> {
        match mode {
            FileMode::Commit => Ok(Entry::Gitlink),
            FileMode::Link => Ok(Entry::Symlink {
                target: self.git.find_blob(new)?.content().to_vec(),
            }),
            _ => {
                let before = match self.git.find_blob(old) {
                    Ok(blob) => conflict_markers(blob.content()),
                    Err(_) => 0,
                };
                let now = conflict_markers(self.git.find_blob(new)?.content());
                Ok(Entry::File {
                    conflict_markers: now > before,
                })
            }
        }
    }

    fn tree_of(&self, id: Oid) -> Result<git2::Tree<'_>> {
        Ok(self.git.find_object(id, None)?.peel_to_tree()?)
    }
}

/// How many lines are the first or the last line of a conflict. The line in the middle is also how
/// some markup underlines a heading, so it does not count.
fn conflict_markers(content: &[u8]) -> usize {
    content
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"<<<<<<< ") || line.starts_with(b">>>>>>> "))
        .count()
}

#[cfg(test)]
mod tests {
    use super::conflict_markers;

    #[test]
    fn only_the_ends_of_a_conflict_count() {
        assert_eq!(
            conflict_markers(b"<<<<<<< a\nx\n=======\ny\n>>>>>>> b\n"),
            2
        );
        assert_eq!(
            conflict_markers(b"Title\n=======\n <<<<<<< a\n<<<<<<<\n"),
            0
        );
        assert_eq!(conflict_markers(b"x\r\n>>>>>>> b\r\n"), 1);
    }
}
