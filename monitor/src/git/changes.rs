//! What one tree changes against another, as plain data for the tree policy.

use anyhow::Result;
use git2::{Delta, DiffOptions, FileMode, ObjectType, Oid};

use super::repository::Repository;

/// The largest file that is looked into, in bytes. Whatever is larger would come into memory whole
/// to be merged.
pub const MAX_FILE: usize = 100 << 20;

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
    /// A file larger than [`MAX_FILE`].
    Huge,
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

    /// The content of a file at the root of a tree; none when there is no file of that name. Of one
    /// that is longer than `most` only so much that this shows.
    pub fn file(&self, commit_or_tree: Oid, name: &str, most: usize) -> Result<Option<Vec<u8>>> {
        let tree = self.tree_of(commit_or_tree)?;
        let Some(entry) = tree.get_name(name) else {
            return Ok(None);
        };
        if entry.kind() != Some(ObjectType::Blob) {
            return Ok(None);
        }
        if self.size(entry.id())? > most {
            return Ok(Some(vec![b'#'; most + 1]));
        }
        Ok(Some(self.git.find_blob(entry.id())?.content().to_vec()))
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
            _ if self.size(new)? > MAX_FILE => Ok(Entry::Huge),
            FileMode::Link => Ok(Entry::Symlink {
                target: self.git.find_blob(new)?.content().to_vec(),
            }),
            _ => {
                let before = match self.size(old) {
                    Ok(size) if size <= MAX_FILE => self.markers_in(old).unwrap_or(0),
                    // It was no file, or a huge one.
                    _ => 0,
                };
                Ok(Entry::File {
                    conflict_markers: self.markers_in(new)? > before,
                })
            }
        }
    }

    fn markers_in(&self, file: Oid) -> Result<usize> {
        Ok(conflict_markers(self.git.find_blob(file)?.content()))
    }

    /// An object's size, without reading it.
    fn size(&self, id: Oid) -> Result<usize> {
        Ok(self.git.odb()?.read_header(id)?.0)
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
