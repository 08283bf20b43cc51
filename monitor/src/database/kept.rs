//! What was read, kept until something is written: pages and their parts ask for the same again and
//! again.

use tokio::sync::Mutex;

use ticket::{Result, Store};

use super::Database;

/// The last answer to one question.
#[derive(Debug)]
pub struct Kept<K, T>(Mutex<Option<Answer<K, T>>>);

#[derive(Debug)]
struct Answer<K, T> {
    /// How many transactions there had been before it was read.
    written: u64,
    asked: K,
    value: T,
}

impl<K, T> Default for Kept<K, T> {
    fn default() -> Kept<K, T> {
        Kept(Mutex::default())
    }
}

impl Database {
    /// As [`Database::read`], for a question that is asked often: its last answer is given again as
    /// long as the database is what it was and `asked` is the same. Who asks meanwhile waits for one
    /// answer to all. `work` must not depend on anything else, such as the time; it gets the last
    /// value, from which it may go on.
    pub async fn read_kept<K, T>(
        &self,
        kept: &Kept<K, T>,
        asked: K,
        work: impl FnOnce(&mut Store, Option<T>) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        K: PartialEq,
        T: Clone + Send + 'static,
    {
        let mut kept = kept.0.lock().await;
        // Looked at before it is read: what is written from now on makes it old, never too old.
        let written = self.written();
        let last = match &*kept {
            Some(answer) if answer.written == written && answer.asked == asked => {
                return Ok(answer.value.clone());
            }
            Some(answer) => Some(answer.value.clone()),
            None => None,
        };
        let value = self.read(move |store| work(store, last)).await?;
        *kept = Some(Answer {
            written,
            asked,
            value: value.clone(),
        });
        Ok(value)
    }
}
