//! The hub's one way to the database: a synchronous store behind a short mutex, crossed once per
//! request on a blocking thread.
//!
//! Every call that appended to the activity log wakes who listens to [`Database::last_event`]: the
//! long polls, the event stream, the lander and the reaper. The channel only wakes; the table is the
//! truth, so a listener subscribes first and reads then.

mod readers;

use std::sync::{Arc, Mutex, PoisonError};

use ticket::{Error, Result, Store};
use tokio::sync::watch;

use self::readers::Readers;

/// The database, shared by everything in the hub.
#[derive(Clone)]
pub struct Database {
    store: Arc<Mutex<Store>>,
    readers: Readers,
    last_event: Arc<watch::Sender<i64>>,
}

impl Database {
    /// Takes over an open store.
    pub fn new(store: Store) -> Result<Database> {
        let last = store.last_event_id()?;
        let readers = Readers::open(store.path())?;
        Ok(Database {
            readers,
            store: Arc::new(Mutex::new(store)),
            last_event: Arc::new(watch::Sender::new(last)),
        })
    }

    /// Runs `work` with the store to itself. It goes on to its end even when the caller gives up
    /// waiting, so a caller that may be dropped looks at what became of it (see `routes::work`).
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let database = self.clone();
        let task = tokio::task::spawn_blocking(move || database.run(work));
        match task.await {
            Ok(result) => result,
            Err(error) => Err(Error::Unavailable(format!(
                "the hub failed inside its database: {error}"
            ))),
        }
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

    fn run<T>(&self, work: impl FnOnce(&mut Store) -> Result<T>) -> Result<T> {
        // A panic in `work` rolled its transaction back when it unwound: the store is sound.
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut store);
        let last = store.last_event_id()?;
        self.last_event.send_if_modified(|known| {
            let grew = *known < last;
            *known = last;
            grew
        });
        result
    }
}
