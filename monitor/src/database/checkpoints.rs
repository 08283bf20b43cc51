//! When the write-ahead log is copied into the database file. Mostly that is done beside the writer,
//! on a thread of its own; but while writes keep coming the log never ends there and would grow for
//! ever, so from some length on the writer itself begins it anew, which by then is little work.
//!
//! Who reads an older state keeps the log from beginning anew; it shrinks when the reader is done.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ticket::store::Emptied;
use ticket::{Error, Result, Store};

/// The log is copied when so much of it is not in the database file yet, in bytes.
const COPY_AT: u64 = 4 << 20;
/// The writer begins the log anew when it is so long, in bytes. Its file stays as long.
const RESTART_AT: u64 = 16 << 20;
/// A log that a reader has let grow so long is cut, in bytes.
const CUT_AT: u64 = 24 << 20;
/// How long the writer waits for readers of an older state.
const PATIENCE: Duration = Duration::from_millis(5);
/// How long it lets them go on before it asks again.
pub const PAUSE: Duration = Duration::from_millis(100);
/// How long the end of the hub waits for readers.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// The writer's side.
pub struct Checkpoints {
    copier: SyncSender<()>,
    thread: JoinHandle<()>,
    /// A reader was in the way: ask again then.
    ask_again: Option<Instant>,
}

impl Checkpoints {
    /// Takes over from `writer`'s commits.
    pub fn start(writer: &mut Store) -> Result<Checkpoints> {
        writer.checkpoint_by_hand()?;
        let (copier, asked) = sync_channel(1);
        let store = open(writer.path())?;
        let thread = std::thread::Builder::new()
            .name("checkpoints".into())
            .spawn(move || copy_when_asked(&store, &asked))
            .map_err(|e| Error::Io("cannot start a thread".into(), e))?;
        Ok(Checkpoints {
            copier,
            thread,
            ask_again: None,
        })
    }

    /// True while a log that is too long waits for a reader.
    pub fn is_waiting(&self) -> bool {
        self.ask_again.is_some()
    }

    /// To be called between two transactions.
    pub fn look(&mut self, writer: &Store) -> Result<()> {
        let log = writer.log()?;
        if log.pending >= COPY_AT {
            // It is being copied already when this is one too many.
            let _ = self.copier.try_send(());
        }
        if log.length < RESTART_AT {
            self.ask_again = None;
            return Ok(());
        }
        let now = Instant::now();
        if self.ask_again.is_none_or(|moment| moment <= now) {
            let emptied = if log.length < CUT_AT {
                writer.restart_log(PATIENCE)?
            } else {
                writer.empty_log(PATIENCE)?
            };
            self.ask_again = match emptied {
                Emptied::Done => None,
                Emptied::Copying => Some(now),
                Emptied::HeldByReader => Some(now + PAUSE),
            };
        }
        Ok(())
    }

    /// The last one: the database file has everything and the log is empty.
    pub fn finish(self, writer: &Store) -> Result<()> {
        drop(self.copier);
        if self.thread.join().is_err() {
            tracing::warn!("the thread for checkpoints failed");
        }
        if writer.empty_log(LAST_PATIENCE)? != Emptied::Done {
            tracing::warn!("the database is still being read: its log stays beside it");
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<Store> {
    let mut store = Store::open(path)?;
    store.checkpoint_by_hand()?;
    Ok(store)
}

fn copy_when_asked(store: &Store, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        if let Err(error) = store.copy_log() {
            tracing::warn!("the database's log was not copied: {error}");
        }
    }
}
