//! Whose turn it is to write. SQLite's own wait for its write lock polls, and under load some
//! processes get nothing for a long time. A plain file lock is not fair either: whoever frees it can
//! have it again before the one whom that woke. So writers draw numbers at a file beside the
//! database, and each waits for the one before it.
//!
//! The file's bytes are locked and not read: byte 0 while a number is drawn, byte N by who has
//! drawn N. Its turn has come who holds all bytes from 1 to its own. The kernel frees the bytes of
//! who dies, in line or not. What the file holds is the last number drawn.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::error::{Error, Result};

/// How long a writer waits for its turn.
const PATIENCE: Duration = Duration::from_secs(60);

/// Held while a number is drawn.
const DESK: i64 = 0;

/// The turn, until it is dropped. The kernel ends it when the process dies.
#[derive(Debug)]
pub struct Turn(#[allow(dead_code)] File);

impl Turn {
    /// Waits until it is this writer's turn; [`Error::Unavailable`] when that takes a minute.
    pub fn wait(database: &Path) -> Result<Turn> {
        let path = beside(database);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| Error::Io(format!("cannot open {}", path.display()), e))?;
        let came =
            at_once(&file).map_err(|e| Error::Io(format!("cannot use {}", path.display()), e))?;
        if came {
            Ok(Turn(file))
        } else {
            in_line(file, &path)
        }
    }
}

/// Takes the turn if nobody has it and nobody waits.
fn at_once(file: &File) -> io::Result<bool> {
    if !lock(file, DESK, 1)? {
        return Ok(false);
    }
    let nobody = lock(file, 1, 0)?;
    if nobody {
        // Whoever comes now draws the next number.
        unlock(file, 2, 0)?;
        draw(file, 1)?;
    }
    unlock(file, DESK, 1)?;
    Ok(nobody)
}

/// Waits in line. The kernel's waits have no deadline of their own, so a thread does it.
fn in_line(file: File, path: &Path) -> Result<Turn> {
    let (granted, wait) = channel();
    std::thread::spawn(move || {
        // Nobody waits any more: the file is closed with the message.
        let _ = granted.send(stand(&file).map(|()| file));
    });
    match wait.recv_timeout(PATIENCE) {
        Ok(Ok(file)) => Ok(Turn(file)),
        Ok(Err(e)) => Err(Error::Io(format!("cannot use {}", path.display()), e)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            Err(Error::Unavailable(format!(
                "another process has been writing for {} s: see who holds {}",
                PATIENCE.as_secs(),
                path.display()
            )))
        }
    }
}

fn stand(file: &File) -> io::Result<()> {
    wait_for(file, DESK, 1)?;
    let number = drawn(file)? + 1;
    // Nobody has this byte, unless the last number was lost with who drew it.
    wait_for(file, number, 1)?;
    draw(file, number)?;
    unlock(file, DESK, 1)?;
    if number > 1 {
        // This alone is woken when the one before is through; what comes before that one is free,
        // unless it died in line.
        wait_for(file, number - 1, 1)?;
        wait_for(file, 1, number - 1)?;
    }
    Ok(())
}

/// The last number drawn.
fn drawn(file: &File) -> io::Result<i64> {
    let mut bytes = [0; 8];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(i64::from_le_bytes(bytes).max(0)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        Err(e) => Err(e),
    }
}

fn draw(file: &File, number: i64) -> io::Result<()> {
    if drawn(file)? == number {
        return Ok(());
    }
    file.write_all_at(&number.to_le_bytes(), 0)
}

/// Locks so many bytes from `first` (0: all) unless somebody has one; returns whether it did.
fn lock(file: &File, first: i64, bytes: i64) -> io::Result<bool> {
    match fcntl(
        file,
        FcntlArg::F_OFD_SETLK(&range(libc::F_WRLCK, first, bytes)),
    ) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// As [`lock`], and waits for whoever has one.
fn wait_for(file: &File, first: i64, bytes: i64) -> io::Result<()> {
    loop {
        match fcntl(
            file,
            FcntlArg::F_OFD_SETLKW(&range(libc::F_WRLCK, first, bytes)),
        ) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn unlock(file: &File, first: i64, bytes: i64) -> io::Result<()> {
    fcntl(
        file,
        FcntlArg::F_OFD_SETLK(&range(libc::F_UNLCK, first, bytes)),
    )?;
    Ok(())
}

fn range(kind: libc::c_int, first: i64, bytes: i64) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: first,
        l_len: bytes,
        l_pid: 0,
    }
}

/// `tickets.db-turn`, beside SQLite's own `-wal` and `-shm`.
fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-turn");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    /// Waits until the last number drawn is this one.
    fn until_drawn(database: &Path, number: i64) {
        let began = std::time::Instant::now();
        let file = File::open(beside(database)).unwrap();
        while drawn(&file).unwrap() != number {
            assert!(began.elapsed() < DEADLINE, "nobody drew number {number}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn who_comes_again_waits_behind_those_in_line() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("tickets.db");
        let (served, order) = channel();
        let turn = Turn::wait(&database).unwrap();
        std::thread::scope(|scope| {
            for name in 2..=6 {
                let (served, database) = (served.clone(), &database);
                scope.spawn(move || {
                    let _turn = Turn::wait(database).unwrap();
                    served.send(name).unwrap();
                });
                until_drawn(database, name);
            }
            drop(turn);
            let _turn = Turn::wait(&database).unwrap();
            served.send(7).unwrap();
        });
        drop(served);
        assert_eq!(order.iter().collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn who_dies_in_line_lets_nobody_out_of_turn() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("tickets.db");
        let turn = Turn::wait(&database).unwrap();
        // Number 2 was drawn by somebody whose locks are gone.
        let dead = OpenOptions::new()
            .write(true)
            .open(beside(&database))
            .unwrap();
        dead.write_all_at(&2_i64.to_le_bytes(), 0).unwrap();
        let (served, order) = channel();
        std::thread::scope(|scope| {
            let (served_third, database) = (served.clone(), &database);
            scope.spawn(move || {
                let _turn = Turn::wait(database).unwrap();
                served_third.send("third").unwrap();
            });
            until_drawn(database, 3);
            served.send("first").unwrap();
            drop(turn);
        });
        drop(served);
        assert_eq!(order.iter().collect::<Vec<_>>(), ["first", "third"]);
    }

    #[test]
    fn numbers_begin_anew_when_nobody_waits() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("tickets.db");
        for _ in 0..3 {
            drop(Turn::wait(&database).unwrap());
            until_drawn(&database, 1);
        }
    }
}
