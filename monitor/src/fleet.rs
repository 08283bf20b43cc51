//! The fleet as the rest of the hub sees it: how many agents there should be, which containers there
//! are, what hinders them, and the word that ends them all. `reconciler` makes it so.

mod actions;
pub mod deaths;
pub mod ended;
pub mod load;
mod orders;
pub mod plan;
pub mod reconciler;
mod wanted;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use swarm::config::MAX_AGENTS;
use swarm::fleet::{Fleet as Engine, Names};
use swarm::hub::{AGENTS_SETTING, STOPPED_SETTING};
use ticket::Error;
use ticket::wire::Role;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
pub use orders::Order;
use orders::Orders;
use plan::{Id, Phase};
use tokio::time::Instant;
use wanted::{PATIENCE, Wanted};

/// How long the agents may take to end.
const END_DEADLINE: Duration = Duration::from_secs(60);

/// What runs, and what should.
pub struct Fleet {
    names: Names,
    wanted: watch::Sender<Wanted>,
    seen: Mutex<Seen>,
    samples: load::Samples,
    orders: Orders,
    ending: CancellationToken,
    ended: CancellationToken,
}

/// What the reconciler last knew.
#[derive(Clone, Default)]
pub struct Seen {
    /// The engine, when one is in use.
    pub engine: Option<Engine>,
    /// The containers.
    pub containers: BTreeMap<Id, Phase>,
    /// What hinders them.
    pub problems: Vec<Problem>,
}

/// Something that keeps containers from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which one, or Docker itself.
    pub about: String,
    /// One sentence for people.
    pub said: String,
}

impl Fleet {
    /// A fleet without containers so far; it wants as many agents as it was last scaled to, or as
    /// the configuration says.
    pub async fn new(
        project_id: &str,
        configured: u32,
        database: &Database,
    ) -> ticket::Result<Fleet> {
        let scaled = database.read(|store| store.setting(AGENTS_SETTING)).await?;
        let desired = scaled.and_then(|n| n.parse().ok()).unwrap_or(configured);
        Ok(Fleet {
            names: Names::of(project_id),
            wanted: watch::Sender::new(Wanted::new(desired)),
            seen: Mutex::default(),
            samples: load::Samples::default(),
            orders: Orders::new(database).await?,
            ending: CancellationToken::new(),
            ended: CancellationToken::new(),
        })
    }

    /// How many agents there should be.
    pub fn desired(&self) -> u32 {
        self.wanted.borrow().agents()
    }

    /// There should be so many from now on, also after a restart.
    pub async fn scale(&self, agents: u32, database: &Database) -> ticket::Result<()> {
        if !(1..=MAX_AGENTS).contains(&agents) {
            return Err(Error::Invalid(format!(
                "cannot scale to {agents} agents: use a number from 1 to {MAX_AGENTS}, or 'swarm stop'"
            )));
        }
        let words = agents.to_string();
        database
            .call(move |store| {
                store.set_setting(AGENTS_SETTING, &words)?;
                store.set_setting(STOPPED_SETTING, "")?;
                store.note(&ticket::Actor::Human, None, "scaled", Some(&words))
            })
            .await?;
        self.orders.nobody_is_stopped();
        self.wanted.send_replace(Wanted::new(agents));
        Ok(())
    }

    /// All agents finish what they have and go, for [`PATIENCE`]; whoever waits for that asks again.
    /// True when they were not leaving already.
    pub fn leave(&self) -> bool {
        self.change(|wanted| wanted.leave(Instant::now()))
    }

    /// Has agents come back when nobody has asked again in time.
    pub async fn return_when_forgotten(&self) {
        tokio::time::sleep(PATIENCE).await;
        self.change(|wanted| wanted.stay_when_forgotten(Instant::now()));
    }

    /// Agents that were to leave stay, and those that have left come back. True when they were to.
    pub fn stay(&self) -> bool {
        self.change(Wanted::stay)
    }

    fn change(&self, change: impl FnOnce(&mut Wanted) -> bool) -> bool {
        self.wanted.send_if_modified(change)
    }

    /// Resolves when the agent of this name is one too many: its number is above what is desired.
    pub async fn dismissed(&self, name: &str) {
        let Some(id) = Id::parse(name) else {
            return std::future::pending().await;
        };
        let mut wanted = self.wanted.subscribe();
        let dismissed = wanted.wait_for(|wanted| id.number > wanted.agents()).await;
        // The sender lives as long as `self`, so it is never the channel that ended.
        drop(dismissed);
    }

    /// The container of a service (`agent-1`, `verifier-2`, `hub`), whether or not it is there.
    pub fn container(&self, service: &str) -> String {
        self.names.container(service)
    }

    /// What the reconciler last knew.
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Ends all agents and verifiers and waits until they are gone. Without containers there is
    /// nothing to end.
    pub async fn end(&self) -> ticket::Result<()> {
        self.wanted.send_replace(Wanted::new(0));
        if self.lock().engine.is_none() {
            return Ok(());
        }
        self.ending.cancel();
        tokio::time::timeout(END_DEADLINE, self.ended.cancelled())
            .await
            .map_err(|_| {
                let seconds = END_DEADLINE.as_secs();
                Error::Unavailable(format!("the agents did not end within {seconds} s"))
            })
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The verifiers of an earlier hub may take no more work: what they verify was forgotten, and their
/// containers will be removed.
pub async fn forget_verifiers(database: &Database) -> ticket::Result<()> {
    database
        .call(|store| {
            let agents = store.agents()?.into_iter();
            for verifier in agents.filter(|agent| agent.role == Role::Verifier) {
                store.forget_agent(&verifier.name)?;
            }
            Ok(())
        })
        .await
}
