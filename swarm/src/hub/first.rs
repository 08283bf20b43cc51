//! The first agents of a start. They are started beside the hub and not after it, so that a start takes
//! hardly longer than its slowest container. Meanwhile the hub, which looks after all containers, leaves
//! them alone: it would take half-made ones for dead.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use ticket::secret;
use ticket::store::lock::HubLock;
use ticket::store::{Newcomer, Store};
use ticket::wire::Role;

use super::{AGENTS_SETTING, STOPPED_SETTING, hub_file};
use crate::fleet::names::agent_name;
use crate::fleet::spec::ContainerSpec;
use crate::fleet::{Blueprint, Fleet};
use crate::project::Project;

/// How often the hub looks whether a start is over.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the hub waits for that: who starts may have been stopped in the middle of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A start under way. Over when this is dropped, or its process ends.
#[derive(Debug)]
pub struct Starting(#[allow(dead_code)] HubLock);

impl Starting {
    /// Refuses when another start is under way.
    pub fn begin(project: &Project) -> Result<Starting> {
        match HubLock::exclusive(&project.start_lock())? {
            Some(lock) => Ok(Starting(lock)),
            None => bail!("this project is being started already: wait for that"),
        }
    }
}

/// Waits until no start is under way, but not for ever.
pub async fn started(project: &Project) {
    let lock = project.start_lock();
    let begun = tokio::time::Instant::now();
    while is_held(&lock) && begun.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn is_held(lock: &Path) -> bool {
    // One that cannot be looked at holds nobody up.
    matches!(HubLock::shared(lock), Ok(None))
}

/// Writes down how many agents there should be, lets the first ones enrol, and returns what their
/// containers are to be. An agent whose container outlived its hub is left as it is. Only while no hub
/// runs.
pub async fn prepare(
    fleet: &Fleet,
    project: &Project,
    blueprint: &Blueprint,
    agents: u32,
) -> Result<Vec<ContainerSpec>> {
    let there = fleet.list(project.id()).await?;
    let mut newcomers = Vec::new();
    let mut specs = Vec::new();
    for number in 1..=agents {
        let code = secret::new_token();
        let spec = blueprint.worker(number, &code);
        if there.iter().any(|found| found.container == spec.name) {
            continue;
        }
        newcomers.push(Newcomer {
            name: agent_name(Role::Worker, number),
            container: spec.name.clone(),
            code,
        });
        specs.push(spec);
    }
    let settings = [
        (AGENTS_SETTING, agents.to_string()),
        (STOPPED_SETTING, String::new()),
    ];
    let settings = settings
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    let _lock = HubLock::shared(&project.hub_lock())?;
    // Nobody stopped the last hub: what happened since it was started goes on.
    let goes_on = hub_file(project).is_some();
    Store::open(&project.database())?.begin(goes_on, &settings, &newcomers)?;
    Ok(specs)
}

/// Starts them all. One that cannot be started is left to the hub, which tries again and says why not.
pub async fn start(fleet: &Fleet, specs: &[ContainerSpec]) {
    let all = specs.iter().map(|spec| async {
        if let Err(error) = fleet.start_checked(spec).await {
            tracing::debug!("{} is left to the hub: {error}", spec.name);
        }
    });
    futures_util::future::join_all(all).await;
}
