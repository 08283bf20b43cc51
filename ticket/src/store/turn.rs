//! Whose turn it is to write. SQLite's own wait for its write lock polls, and under load some
//! processes get nothing for a long time; the kernel's queue for a file lock serves them all. So a
//! writer locks a file beside the database before it begins its transaction.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::error::{Error, Result};

/// How long a writer waits for its turn.
const PATIENCE: Duration = Duration::from_secs(60);

/// The turn, until it is dropped. The kernel ends it when the process dies.
#[derive(Debug)]
pub struct Turn(#[allow(dead_code)] Flock<File>);

impl Turn {
    /// Waits until it is this writer's turn; [`Error::Unavailable`] when that takes a minute.
    pub fn wait(database: &Path) -> Result<Turn> {
        let path = beside(database);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| Error::Io(format!("cannot open {}", path.display()), e))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Turn(lock)),
            Err((file, Errno::EWOULDBLOCK)) => in_line(file, &path),
            Err((_, errno)) => Err(cannot_lock(&path, errno)),
        }
    }
}

/// Waits in the kernel's queue. That wait has no deadline of its own, so a thread does it.
fn in_line(file: File, path: &Path) -> Result<Turn> {
    let (granted, wait) = channel();
    std::thread::spawn(move || {
        // Nobody waits any more: the lock is dropped with the message.
        let _ = granted.send(Flock::lock(file, FlockArg::LockExclusive));
    });
    match wait.recv_timeout(PATIENCE) {
        Ok(Ok(lock)) => Ok(Turn(lock)),
        Ok(Err((_, errno))) => Err(cannot_lock(path, errno)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(Error::Unavailable(format!(
                "another process has been writing for {} s: see who holds {}",
                PATIENCE.as_secs(),
                path.display()
            )))
        }
    }
}

fn cannot_lock(path: &Path, errno: Errno) -> Error {
    Error::Io(format!("cannot lock {}", path.display()), errno.into())
}

/// `tickets.db-turn`, beside SQLite's own `-wal` and `-shm`.
fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-turn");
    path.into()
}
