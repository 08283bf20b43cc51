//! The hub's one way to the database: one thread that writes, and a few connections that read.
//!
//! Writes that come while another one is being flushed to disk wait together and are then made in
//! one transaction ([`writer`]); reads wait for no writer ([`readers`]); the write-ahead log is
//! copied into the database beside both ([`checkpoints`]). A write is answered when it is on disk.
//!
//! Every write that appended to the activity log wakes who listens to [`Database::last_event`]: the
//! long polls, the event stream, the lander and the reaper. The channel only wakes; the table is the
//! truth, so a listener subscribes first and reads then.

mod checkpoints;
mod job;
mod kept;
mod numbers;
mod readers;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use ticket::{Error, Result, Store};
use tokio::sync::{oneshot, watch};

use self::job::Call;
pub use self::kept::Kept;
use self::numbers::Numbers;
use self::readers::Readers;
use self::writer::{Message, Told, Writer};

/// What one transaction takes in at most.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// So many waiting writes.
    pub writes: usize,
    /// When it has been open for so long, what still waits is left to the next one: those in it do not
    /// wait for all that come after a slow one.
    pub open: Duration,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch {
            writes: 256,
            open: Duration::from_millis(5),
        }
    }
}

/// The database, shared by everything in the hub.
#[derive(Clone)]
pub struct Database {
    writer: Sender<Message>,
    readers: Readers,
    last_event: Arc<watch::Sender<i64>>,
    written: Arc<AtomicU64>,
    numbers: Numbers,
}

impl Database {
    /// Takes over an open store.
    pub fn new(store: Store) -> Result<Database> {
        Database::with_batches(store, Batch::default())
    }

    /// Takes over an open store; a transaction takes in so much at most.
    pub fn with_batches(store: Store, most: Batch) -> Result<Database> {
        let last_event = Arc::new(watch::Sender::new(store.last_event_id()?));
        let readers = Readers::open(store.path())?;
        let (writer, messages) = channel();
        let (written, numbers) = (Arc::default(), Numbers::default());
        let told = Told {
            last_event: Arc::clone(&last_event),
            written: Arc::clone(&written),
            numbers: numbers.clone(),
        };
        Writer::start(store, messages, most, told)?;
        Ok(Database {
            writer,
            readers,
            last_event,
            written,
            numbers,
        })
    }

    /// Runs `work`, which writes, when those before it have run, and answers when it is on disk. It
    /// runs to its end even when the caller gives up waiting, so a caller that may be dropped looks
    /// at what became of it (see `routes::work`).
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(Call::new(work, answer));
        self.numbers.waiting.inc();
        if self.writer.send(Message::Run(call)).is_err() {
            self.numbers.waiting.dec();
            return Err(ended());
        }
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Runs `work`, which only reads, on one state of the database: the newest that was acknowledged
    /// when it begins. It waits for no writer.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.read(work).await
    }

    /// The number of the newest row of the activity log, and a wake-up whenever it grows.
    pub fn last_event(&self) -> watch::Receiver<i64> {
        self.last_event.subscribe()
    }

    /// How many transactions were made: while it stays the same, so does the database. It grows before
    /// anybody hears of the write.
    fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// How busy the writer is.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// Makes the writes that wait, leaves the database whole in its one file, and takes no more.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.writer.send(Message::Close(done)).is_ok() {
            // It is closed as well when the writer ended by itself.
            let _ = closed.await;
        }
    }
}

fn ended() -> Error {
    Error::Unavailable("the hub ends".into())
}
