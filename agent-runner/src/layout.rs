//! Where things are in the work directory: the clone, the agent's homes, scratch space. All of it is
//! within an agent's reach, so nothing found there is trusted.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The work directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    /// A folder elsewhere that is emptied with the scratch space.
    scratch: Option<PathBuf>,
}

impl Layout {
    /// The work directory at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Layout {
        Layout {
            root: root.into(),
            scratch: None,
        }
    }

    /// The same with a folder elsewhere that agents alone write to.
    pub fn with_scratch(self, folder: Option<impl Into<PathBuf>>) -> Layout {
        Layout {
            scratch: folder.map(Into::into),
            ..self
        }
    }

    /// The work directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The one clone, kept from attempt to attempt.
    pub fn repo(&self) -> PathBuf {
        self.root.join("repo")
    }

    /// The agent CLI's HOME for a ticket: it holds the conversation, for a later attempt to resume.
    pub fn home(&self, ticket: i64) -> PathBuf {
        self.homes().join(ticket.to_string())
    }

    /// The agent CLI's HOME for a proposal run.
    pub fn proposal_home(&self, run: i64) -> PathBuf {
        self.homes().join(format!("propose-{run}"))
    }

    /// The agent CLI's HOME for a probe.
    pub fn probe_home(&self) -> PathBuf {
        self.homes().join("probe")
    }

    /// HOME for verify.sh, where tools keep their caches. The agent's own settings are not in it.
    pub fn gate_home(&self) -> PathBuf {
        self.root.join("gate-home")
    }

    /// TMPDIR for children.
    pub fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Makes HOME for `ticket` and removes those of other tickets. True when it was there before.
    pub fn enter_home(&self, ticket: i64) -> io::Result<bool> {
        self.enter(&self.home(ticket))
    }

    /// As [`Layout::enter_home`], for a proposal run.
    pub fn enter_proposal_home(&self, run: i64) -> io::Result<bool> {
        self.enter(&self.proposal_home(run))
    }

    fn enter(&self, home: &Path) -> io::Result<bool> {
        if let Ok(entries) = fs::read_dir(self.homes()) {
            for entry in entries.flatten().filter(|e| e.path() != *home) {
                remove(&entry.path())?;
            }
        }
        let kept = fs::symlink_metadata(home).is_ok_and(|m| m.is_dir());
        if !kept {
            remove(home)?;
        }
        fs::create_dir_all(home)?;
        Ok(kept)
    }

    /// Empties the scratch space and makes what every child needs.
    pub fn refresh(&self) -> io::Result<()> {
        self.empty_scratch();
        remove(&self.tmp())?;
        fs::create_dir_all(self.tmp())?;
        fs::create_dir_all(self.gate_home())
    }

    /// Removes all that work left here, the clone with it: it is made anew when it is needed.
    pub fn clear(&self) -> io::Result<()> {
        self.empty_scratch();
        let entries = match fs::read_dir(&self.root) {
            Err(e) if e.kind() == ErrorKind::PermissionDenied => {
                fs::set_permissions(&self.root, fs::Permissions::from_mode(0o700))?;
                fs::read_dir(&self.root)?
            }
            other => other?,
        };
        // What cannot be removed must not keep the rest.
        let removed = entries.flatten().map(|entry| remove(&entry.path()));
        removed.fold(Ok(()), io::Result::and)
    }

    /// Removes what only saves time: caches of the gate's tools, and scratch space.
    pub fn clear_caches(&self) -> io::Result<()> {
        remove(&self.gate_home()).and(remove(&self.tmp()))
    }

    /// What is left in it takes room, or memory, from all later work. What cannot be removed stays.
    fn empty_scratch(&self) {
        let entries = self.scratch.as_ref().map(fs::read_dir);
        for entry in entries.into_iter().flatten().flatten().flatten() {
            let _ = remove(&entry.path());
        }
    }

    fn homes(&self) -> PathBuf {
        self.root.join("home")
    }
}

/// Removes whatever is at `path`, without following a link. Nothing there is no error. Folders that
/// were made read-only (as module caches are) are opened first.
pub fn remove(path: &Path) -> io::Result<()> {
    match remove_once(path) {
        Err(e) if e.kind() == ErrorKind::PermissionDenied => {
            open_folders(path)?;
            remove_once(path)
        }
        other => other,
    }
}

fn remove_once(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        // A file where a folder was expected above it: nothing is there either.
        Err(e) if !matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Err(e),
        _ => Ok(()),
    }
}

fn open_folders(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        open_folders(&entry?.path())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_of_other_tickets_go_away() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        assert!(!layout.enter_home(1).unwrap());
        assert!(layout.enter_home(1).unwrap());
        assert!(!layout.enter_home(2).unwrap());
        assert!(!layout.home(1).exists());
        assert!(!layout.enter_proposal_home(1).unwrap());
        assert!(layout.enter_proposal_home(1).unwrap());
        assert!(!layout.enter_proposal_home(2).unwrap());
        assert!(!layout.home(2).exists());
    }

    #[test]
    fn scratch_space_is_empty_when_work_begins() {
        let (dir, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let layout = Layout::new(dir.path()).with_scratch(Some(scratch.path()));
        layout.refresh().unwrap();
        fs::write(scratch.path().join("left"), "x").unwrap();
        fs::create_dir_all(scratch.path().join("folder/in")).unwrap();
        fs::write(layout.tmp().join("left"), "x").unwrap();
        layout.refresh().unwrap();
        for folder in [scratch.path(), &layout.tmp()] {
            assert_eq!(fs::read_dir(folder).unwrap().count(), 0, "{folder:?}");
        }
    }

    #[test]
    fn nothing_is_left_that_work_put_anywhere() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        layout.refresh().unwrap();
        layout.enter_home(1).unwrap();
        fs::create_dir_all(dir.path().join("hidden/deeper")).unwrap();
        fs::write(dir.path().join("much"), "x").unwrap();
        let closed = fs::Permissions::from_mode(0o000);
        fs::set_permissions(dir.path().join("hidden"), closed.clone()).unwrap();
        fs::set_permissions(dir.path(), closed).unwrap();
        layout.clear().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn read_only_folders_and_links_are_removed_without_following() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs::write(&outside, "kept").unwrap();
        let folder = dir.path().join("cache/module");
        fs::create_dir_all(&folder).unwrap();
        std::os::unix::fs::symlink(&outside, folder.join("link")).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
        remove(&dir.path().join("cache")).unwrap();
        assert!(!dir.path().join("cache").exists());
        assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
    }
}
