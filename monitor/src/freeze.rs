//! Whether agents stand still. The database says it, so that it survives a restart; runners hear it
//! from here, as soon as it changes.

use ticket::{Actor, Queue, Result, Store};
use tokio::sync::{Mutex, watch};

use crate::database::Database;
use crate::error::{Answer, Refusal};
use crate::hub::Hub;

/// What runners wait for.
#[derive(Debug)]
pub struct Freeze {
    frozen: watch::Sender<bool>,
    /// Held from a change in the database until runners are told of it: two changes must not be told
    /// the wrong way round.
    changing: Mutex<()>,
}

impl Freeze {
    /// As an earlier hub left it.
    pub async fn new(database: &Database) -> Result<Freeze> {
        let frozen = database.read(|store| store.is_frozen()).await?;
        Ok(Freeze {
            frozen: watch::Sender::new(frozen),
            changing: Mutex::default(),
        })
    }

    /// Whether agents are to stand still now.
    pub fn is_on(&self) -> bool {
        *self.frozen.borrow()
    }

    /// Whether they are, and word of each change.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.frozen.subscribe()
    }
}

impl Hub {
    /// Withholds claims, and has agents stand still.
    pub async fn pause(&self, actor: Actor, reason: String) -> Answer<()> {
        self.change(move |store| store.session(&actor).pause(&reason))
            .await
    }

    /// Withholds claims; what runs is finished.
    pub async fn drain(&self, actor: Actor, reason: String) -> Answer<()> {
        self.change(move |store| store.session(&actor).drain(&reason))
            .await
    }

    /// Lets claims happen again and agents go on; false when claims were not withheld.
    pub async fn resume(&self, actor: Actor) -> Answer<bool> {
        self.change(move |store| store.session(&actor).resume())
            .await
    }

    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Answer<T> {
        let _turn = self.freeze.changing.lock().await;
        let changed = self
            .database
            .call(move |store| Ok((change(store)?, store.is_frozen()?)))
            .await;
        let (done, frozen) = changed.map_err(Refusal::from)?;
        self.freeze.frozen.send_replace(frozen);
        Ok(done)
    }
}
