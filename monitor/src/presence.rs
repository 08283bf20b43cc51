//! What the hub heard from whom, in memory: an agent that asks for work is idle or proposing, and
//! was there a moment ago. What must outlive the hub is in the database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::Utc;

/// What an agent does that the database does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doing {
    /// It waits for work, or works on what its attempt says.
    #[default]
    Waiting,
    /// It proposes work.
    Proposing,
}

/// The last that was heard of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// When, in UTC, as the database writes times.
    pub at: String,
    /// What it does.
    pub doing: Doing,
}

/// Every agent that was heard of since the hub's start.
#[derive(Debug, Default)]
pub struct Presence(Mutex<HashMap<String, Heard>>);

impl Presence {
    /// It spoke.
    pub fn heard(&self, agent: &str) {
        self.change(agent, |_| ());
    }

    /// It spoke, and this is what it does now.
    pub fn is(&self, agent: &str, doing: Doing) {
        self.change(agent, |heard| heard.doing = doing);
    }

    /// It is gone, or somebody new has its name.
    pub fn forget(&self, agent: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(agent);
    }

    /// The last that was heard of it.
    pub fn of(&self, agent: &str) -> Option<Heard> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(agent).cloned()
    }

    fn change(&self, agent: &str, change: impl FnOnce(&mut Heard)) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = known.entry(agent.to_owned()).or_default();
        heard.at = Utc::now().format("%Y-%m-%d %H:%M:%S").to_string();
        change(heard);
    }
}
