//! Undoing what an agent may have done to `.git`: its configuration, hooks, attributes, alternates and
//! whatever is half done. Comes before git is trusted with the repository again.

use std::fs;
use std::io;
use std::path::Path;

use crate::git::{Error, Identity};
use crate::layout::remove;
use crate::worktree::{MAIN, WorkTree, io_step};

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

impl WorkTree {
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
