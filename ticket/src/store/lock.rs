//! Who may open the database file. A running hub holds `hub.lock` exclusively for its whole life; a
//! CLI that opens the file holds it shared meanwhile. The kernel drops both when a process dies.

use std::fs::{File, OpenOptions};
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use crate::error::{Error, Result};

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct HubLock(#[allow(dead_code)] Flock<File>);

impl HubLock {
    /// Takes the lock for a hub; `None` while another hub or a CLI on the file has it.
    pub fn exclusive(path: &Path) -> Result<Option<HubLock>> {
        take(path, FlockArg::LockExclusiveNonblock)
    }

    /// Takes the lock for a CLI on the file; `None` while a hub runs.
    pub fn shared(path: &Path) -> Result<Option<HubLock>> {
        take(path, FlockArg::LockSharedNonblock)
    }
}

fn take(path: &Path, how: FlockArg) -> Result<Option<HubLock>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|e| Error::Io(format!("cannot open {}", path.display()), e))?;
    match Flock::lock(file, how) {
        Ok(lock) => Ok(Some(HubLock(lock))),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(Error::Io(
            format!("cannot lock {}", path.display()),
            errno.into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_hub_and_a_cli_are_kept_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.lock");
        let hub = HubLock::exclusive(&path).unwrap();
        assert!(hub.is_some());
        assert!(HubLock::exclusive(&path).unwrap().is_none());
        assert!(HubLock::shared(&path).unwrap().is_none());
        drop(hub);
        let one = HubLock::shared(&path).unwrap();
        assert!(HubLock::shared(&path).unwrap().is_some());
        assert!(HubLock::exclusive(&path).unwrap().is_none());
        drop(one);
        assert!(HubLock::exclusive(&path).unwrap().is_some());
    }
}
