//! How many git processes may run at once: so many in all, and so few for each client that none can
//! keep the others waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access::Client;

/// How many git processes may serve at once; further clients wait.
const MAX_PROCESSES: usize = 32;
/// How many of them may serve one client. A git client has one at a time.
const MAX_FOR_ONE: usize = 4;

/// The count. Clones share it.
#[derive(Clone)]
pub struct Slots {
    free: Arc<Semaphore>,
    taken: Arc<Mutex<HashMap<Client, usize>>>,
}

/// The right to run one git process; given back when dropped.
pub struct Slot {
    client: Client,
    slots: Slots,
    permit: Option<OwnedSemaphorePermit>,
}

impl Default for Slots {
    fn default() -> Slots {
        Slots {
            free: Arc::new(Semaphore::new(MAX_PROCESSES)),
            taken: Arc::default(),
        }
    }
}

impl Slots {
    /// Waits for a slot; `None` when this client has enough of them.
    pub async fn take(&self, client: &Client) -> Option<Slot> {
        {
            let mut taken = self.lock();
            let count = taken.entry(client.clone()).or_default();
            if *count >= MAX_FOR_ONE {
                return None;
            }
            *count += 1;
        }
        let mut slot = Slot {
            client: client.clone(),
            slots: self.clone(),
            permit: None,
        };
        slot.permit = self.free.clone().acquire_owned().await.ok();
        Some(slot)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        if let Some(count) = taken.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(ticket: i64) -> Client {
        Client::Attempt { ticket, attempt: 1 }
    }

    #[tokio::test]
    async fn one_client_gets_few_and_leaves_the_rest_to_others() {
        let slots = Slots::default();
        let mut held = Vec::new();
        for _ in 0..MAX_FOR_ONE {
            held.extend(slots.take(&client(1)).await);
        }
        assert_eq!(held.len(), MAX_FOR_ONE);
        assert!(slots.take(&client(1)).await.is_none());
        assert!(slots.take(&client(2)).await.is_some());
        held.pop();
        assert!(slots.take(&client(1)).await.is_some());
        held.clear();
        assert!(slots.lock().is_empty());
    }

    #[tokio::test]
    async fn all_clients_together_get_no_more_than_there_are() {
        let slots = Slots::default();
        let mut held = Vec::new();
        for n in 0..MAX_PROCESSES {
            held.extend(slots.take(&client(n as i64)).await);
        }
        let one_more = client(1_000);
        let mut waiting = std::pin::pin!(slots.take(&one_more));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        held.pop();
        assert!(waiting.await.is_some());
    }
}
