//! What is known of the two listeners while they serve: whether each takes connections, and how many
//! it holds open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Both listeners.
#[derive(Debug, Default)]
pub struct Doors {
    /// The one for people.
    pub human: Traffic,
    /// The one for agents.
    pub agents: Traffic,
}

impl Doors {
    /// How many connections each has open.
    pub fn connections(&self) -> [(&'static str, usize); 2] {
        [("human", self.human.open()), ("agents", self.agents.open())]
    }

    /// Whether both take connections.
    pub fn are_open(&self) -> bool {
        self.human.takes_connections() && self.agents.takes_connections()
    }
}

/// One listener. Clones share what is known.
#[derive(Clone, Debug, Default)]
pub struct Traffic(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    serves: AtomicBool,
    open: AtomicUsize,
}

impl Traffic {
    /// It takes connections until the answer is dropped.
    pub fn begin(&self) -> Serving {
        self.0.serves.store(true, Ordering::Relaxed);
        Serving(self.clone())
    }

    /// One connection more until the answer is dropped.
    pub fn connected(&self) -> Connected {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Connected(self.clone())
    }

    fn takes_connections(&self) -> bool {
        self.0.serves.load(Ordering::Relaxed)
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }
}

/// See [`Traffic::begin`].
pub struct Serving(Traffic);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.0.serves.store(false, Ordering::Relaxed);
    }
}

/// See [`Traffic::connected`].
pub struct Connected(Traffic);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
