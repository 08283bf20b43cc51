//! What the human says of one agent: stop it, or make its container anew. Who is stopped is kept in
//! the database, so that a restart of the hub changes nothing about it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use swarm::hub::STOPPED_SETTING;
use ticket::{Actor, Error, Result, text};
use tokio::sync::{mpsc, oneshot, watch};

use super::Fleet;
use super::plan::Id;
use crate::database::Database;

/// How long an agent may take to give its ticket back and go.
const DEADLINE: Duration = Duration::from_secs(60);

/// What is to become of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It goes, and stays away.
    Stop,
    /// It goes where it runs, and comes anew.
    Restart,
}

/// An agent whose container has to go; `gone` is told when it has.
pub struct Leave {
    /// Which.
    pub id: Id,
    /// What is to become of it.
    pub order: Order,
    /// Who waits for it.
    pub gone: oneshot::Sender<()>,
}

/// Who is stopped, and who has to go now.
pub struct Orders {
    stopped: watch::Sender<BTreeSet<u32>>,
    to: mpsc::UnboundedSender<Leave>,
    from: Mutex<Option<mpsc::UnboundedReceiver<Leave>>>,
    /// Held while who is stopped is written down.
    changing: tokio::sync::Mutex<()>,
}

impl Orders {
    /// With those who were stopped before the hub was started.
    pub async fn new(database: &Database) -> Result<Orders> {
        let kept = database
            .read(|store| store.setting(STOPPED_SETTING))
            .await?;
        let numbers = kept.unwrap_or_default();
        let numbers = numbers.split(',').filter_map(|n| n.parse().ok());
        let (to, from) = mpsc::unbounded_channel();
        Ok(Orders {
            stopped: watch::Sender::new(numbers.collect()),
            to,
            from: Mutex::new(Some(from)),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// Whoever was stopped may come again.
    pub fn nobody_is_stopped(&self) {
        self.stopped.send_replace(BTreeSet::new());
    }

    /// For the one who carries orders out; there is only one.
    pub fn take(&self) -> Option<mpsc::UnboundedReceiver<Leave>> {
        self.from
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The numbers of those who stay away, and word of each change.
    pub fn stopped(&self) -> watch::Receiver<BTreeSet<u32>> {
        self.stopped.subscribe()
    }

    /// Whether this worker stays away.
    pub fn is_stopped(&self, id: Id) -> bool {
        !id.is_verifier && self.stopped.borrow().contains(&id.number)
    }
}

impl Fleet {
    /// Whether the human stopped this agent.
    pub fn is_stopped(&self, id: Id) -> bool {
        self.orders.is_stopped(id)
    }

    /// Carries an order out; returns when the container is gone. A ticket that the agent had goes back
    /// with what was done, and no attempt is used up.
    pub async fn order(&self, name: &str, order: Order, database: &Database) -> Result<()> {
        let id = self.known(name)?;
        let changing = self.orders.changing.lock().await;
        let mut numbers = self.orders.stopped.borrow().clone();
        let action = match order {
            Order::Stop if !numbers.insert(id.number) => return Ok(()),
            Order::Stop => "agent_stopped",
            Order::Restart => {
                numbers.remove(&id.number);
                "agent_restarted"
            }
        };
        let kept: Vec<String> = numbers.iter().map(u32::to_string).collect();
        let (kept, agent) = (kept.join(","), id.name());
        database
            .call(move |store| {
                store.set_setting(STOPPED_SETTING, &kept)?;
                store.note(&Actor::Human, None, action, Some(&agent))
            })
            .await?;
        self.orders.stopped.send_replace(numbers);
        drop(changing);
        let (gone, told) = oneshot::channel();
        // Nobody hears it when the hub ends; the wait below says so.
        let _ = self.orders.to.send(Leave { id, order, gone });
        match tokio::time::timeout(DEADLINE, told).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::Unavailable(format!(
                "{name} was told to go, but its container is still there: look at 'swarm status'"
            ))),
        }
    }

    /// The worker of this name, when there is one or should be.
    fn known(&self, name: &str) -> Result<Id> {
        let seen = self.seen();
        if seen.engine.is_none() {
            return Err(Error::Refused(
                "this hub runs no containers, so there is no agent to stop or restart".into(),
            ));
        }
        let id = Id::parse(name).filter(|id| id.name() == name && !id.is_verifier);
        id.filter(|id| id.number <= self.desired() || seen.containers.contains_key(id))
            .ok_or_else(|| {
                let name = text::one_line(name);
                Error::NotFound(format!(
                    "there is no agent '{name}': the swarm has agent-1 to agent-{}",
                    self.desired()
                ))
            })
    }
}
