//! The connections for reading. Reads wait for a free one, never for a writer.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ticket::store::Reader;
use ticket::{Error, Result, Store};
use tokio::sync::Semaphore;

/// How many reads run at once. One long export still leaves room for the others.
const READERS: usize = 4;

/// The pool.
#[derive(Clone)]
pub struct Readers {
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Reader>>>,
}

impl Readers {
    /// Opens all of them.
    pub fn open(path: &Path) -> Result<Readers> {
        let readers = (0..READERS).map(|_| Reader::open(path));
        Ok(Readers {
            free: Arc::new(Semaphore::new(READERS)),
            idle: Arc::new(Mutex::new(readers.collect::<Result<_>>()?)),
        })
    }

    /// Runs `work` on a blocking thread, with one state of the database.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.free.clone().acquire_owned().await;
        let idle = self.idle.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut reader = Borrowed::from(idle);
            let result = reader.with(work);
            drop((reader, permit));
            result
        });
        match task.await {
            Ok(result) => result,
            Err(error) => Err(Error::Unavailable(format!(
                "the hub failed while it read its database: {error}"
            ))),
        }
    }
}

/// A connection that goes back to the pool, also when its work panics.
struct Borrowed {
    reader: Option<Reader>,
    idle: Arc<Mutex<Vec<Reader>>>,
}

impl Borrowed {
    /// Takes one; there is one for each permit.
    fn from(idle: Arc<Mutex<Vec<Reader>>>) -> Borrowed {
        let reader = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Borrowed { reader, idle }
    }

    fn with<T>(&mut self, work: impl FnOnce(&mut Store) -> Result<T>) -> Result<T> {
        match &mut self.reader {
            Some(reader) => reader.read(work),
            None => Err(Error::Unavailable(
                "no connection is free to read the database".into(),
            )),
        }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.reader.take());
    }
}
