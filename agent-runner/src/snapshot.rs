//! Keeping an attempt's tree as it is, finished or not: a commit made with an index of its own, so
//! that neither the agent's index nor its branch is touched, pushed to the attempt's branch.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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

/// How much of a tree is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that git does not ignore.
    All,
    /// What git knew before, and of the rest the smaller files: for a tree that fills the disk.
    Little,
}

/// How the names of files are added that come on standard input.
const LISTED: [&str; 4] = [
    "--literal-pathspecs",
    "add",
    "--pathspec-from-file=-",
    "--pathspec-file-nul",
];
/// How large a new file may be in [`Extent::Little`], in bytes.
const LARGEST: u64 = 1 << 20;
/// How many new files there may be, in all and in a folder at the root.
const MOST_FILES: usize = 500;
/// How much they may hold together, in bytes.
const MOST_BYTES: u64 = 8 << 20;

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
    pub fn take(&self, start: &str, extent: Extent, name: &str) -> Result<Option<Commit>, Error> {
        let head = self.head_or(start)?;
        let tree = self.write_tree(extent, name)?;
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

    /// Adds to an index. What cannot be added (a repository inside, a vanishing file) must not lose the
    /// rest.
    fn add(&self, index: &Path, call: &[&str], input: Vec<u8>) -> Result<(), Error> {
        let call = [call, &["--ignore-errors"]].concat();
        let call = self.tree.git.call(&call);
        call.env("GIT_INDEX_FILE", index).input(input).output()?;
        Ok(())
    }

    /// The names of the new files that are kept of a tree that is too large.
    fn little(&self) -> Result<Vec<u8>, Error> {
        let call = ["ls-files", "-z", "--others", "--exclude-standard"];
        let listed = self.tree.git.call(&call).output()?;
        let dir = self.tree.dir();
        Ok(smallest(&listed.stdout, |name| {
            let meta = fs::symlink_metadata(dir.join(name)).ok()?;
            (!meta.is_dir()).then_some(meta.len())
        }))
    }

    fn write_tree(&self, extent: Extent, name: &str) -> Result<String, Error> {
        let dir = self.tree.git.dir();
        let index = dir.join(format!("snapshot-{name}.index"));
        // A copy of the real index knows which files need not be read again.
        let copied = io_step("snapshot", || {
            remove(&index)?;
            remove(&index.with_extension("index.lock"))?;
            match copy_with_time(&dir.join("index"), &index) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            }
        });
        let added = copied.and_then(|()| {
            match extent {
                Extent::All => self.add(&index, &["add", "--all", ":/"], Vec::new())?,
                Extent::Little => {
                    self.add(&index, &["add", "--update", ":/"], Vec::new())?;
                    self.add(&index, &LISTED, self.little()?)?;
                }
            }
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

/// A copy that is as old as what it is a copy of: git reads a file again that changed in the second in
/// which the index was written, and knows that second by the index's age.
fn copy_with_time(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    let written = fs::metadata(from)?.modified()?;
    fs::File::options()
        .write(true)
        .open(to)?
        .set_modified(written)
}

/// The smallest of these files, as far as they are few and little, and none of a folder at the root that
/// has many: that is what fills the disk. Each name ends with a zero byte.
fn smallest(names: &[u8], size: impl Fn(&Path) -> Option<u64>) -> Vec<u8> {
    let names = || names.split(|byte| *byte == 0).filter(|n| !n.is_empty());
    let mut of_folder: HashMap<&[u8], usize> = HashMap::new();
    for name in names() {
        *of_folder.entry(folder(name)).or_default() += 1;
    }
    let mut sized: Vec<(u64, &[u8])> = names()
        .filter(|name| of_folder[folder(name)] <= MOST_FILES)
        .filter_map(|name| Some((size(Path::new(OsStr::from_bytes(name)))?, name)))
        .filter(|(size, _)| *size <= LARGEST)
        .collect();
    sized.sort_unstable();
    let mut sum = 0;
    let few = sized.iter().take(MOST_FILES).take_while(|(size, _)| {
        sum += size;
        sum <= MOST_BYTES
    });
    few.flat_map(|(_, name)| [*name, b"\0"].concat()).collect()
}

/// The folder at the root that a file is in; a file at the root stands for itself.
fn folder(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'/').next().unwrap_or(name)
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
