//! A file that appears whole or not at all: what is written goes to `FILE.partial` beside it, which
//! takes the name when it is complete. A lock keeps a second writer of the same file out, and what a
//! killed one left behind is taken over by the next.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

use crate::error::{Error, Result};

/// The file while it is not complete. Dropping it removes it.
#[derive(Debug)]
pub struct Partial {
    file: Flock<File>,
    path: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl Partial {
    /// Begins an empty file, for its owner only. An existing `target` is refused unless `replaces`,
    /// and one that is a database in use, always.
    pub fn begin(target: &Path, replaces: bool) -> Result<Partial> {
        must_be_free(target, replaces)?;
        let path = beside(target, ".partial");
        let cannot = |e: io::Error| Error::Io(format!("cannot write {}", path.display()), e);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .map_err(cannot)?;
        let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock);
        let file = locked.map_err(|(_, errno)| match errno {
            Errno::EWOULDBLOCK => busy(target),
            errno => cannot(errno.into()),
        })?;
        // Between the opening and the lock the other writer may have finished it.
        let inode = |found: Metadata| found.ino();
        if std::fs::metadata(&path).map(inode).ok() != file.metadata().map(inode).ok() {
            return Err(busy(target));
        }
        file.set_permissions(Permissions::from_mode(0o600))
            .and_then(|()| file.set_len(0))
            .map_err(cannot)?;
        Ok(Partial {
            file,
            path,
            target: target.to_owned(),
            finished: false,
        })
    }

    /// Where it is meanwhile.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file itself.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name, durably; returns its size.
    pub fn finish(mut self) -> Result<u64> {
        let cannot = |e: io::Error| Error::Io(format!("cannot write {}", self.target.display()), e);
        self.file.sync_all().map_err(cannot)?;
        let size = self.file.metadata().map_err(cannot)?.len();
        std::fs::rename(&self.path, &self.target).map_err(cannot)?;
        self.finished = true;
        File::open(folder(&self.target))
            .and_then(|folder| folder.sync_all())
            .map_err(cannot)?;
        Ok(size)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.finished {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn busy(target: &Path) -> Error {
    Error::Refused(format!(
        "{} is being written by another process: wait for it",
        target.display()
    ))
}

fn must_be_free(target: &Path, replaces: bool) -> Result<()> {
    if target.file_name().is_none() || target.is_dir() {
        return Err(Error::Invalid(format!(
            "{} is a folder: name a file",
            target.display()
        )));
    }
    // A log beside it would be played into the new file, and that is its end.
    for log in ["-wal", "-journal", "-turn"] {
        let log = beside(target, log);
        if log.exists() {
            return Err(Error::Refused(format!(
                "{} is a database in use, for {} lies beside it: choose another file",
                target.display(),
                log.display()
            )));
        }
    }
    if target.exists() && !replaces {
        return Err(Error::Refused(format!(
            "{} exists already: choose another file, or replace it with --force",
            target.display()
        )));
    }
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("file");
        let left = || std::fs::read_dir(dir.path()).unwrap().count();
        drop(Partial::begin(&target, false).unwrap());
        assert_eq!(left(), 0);

        std::fs::write(dir.path().join("file.partial"), "left by a killed one").unwrap();
        let partial = Partial::begin(&target, false).unwrap();
        assert!(Partial::begin(&target, false).is_err(), "one at a time");
        partial.file().write_all(b"whole").unwrap();
        assert_eq!(partial.finish().unwrap(), 5);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "whole");
        assert_eq!(left(), 1);

        assert!(Partial::begin(&target, false).is_err(), "it exists");
        Partial::begin(&target, true).unwrap().finish().unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "");
        let mode = std::fs::metadata(&target).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(dir.path().join("file-wal"), "").unwrap();
        assert!(Partial::begin(&target, true).is_err(), "it is in use");
        assert!(Partial::begin(dir.path(), true).is_err(), "it is a folder");
    }
}
