//! The configuration that is in force. The file is looked at every few seconds; what a running hub can
//! take over of a change counts from then on, the rest after its next start. A broken file changes
//! nothing.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use swarm::Project;
use swarm::config::view::{self, Setting};
use swarm::config::{Config, Layers, in_force};
use swarm::prices::Prices;

use crate::hub::Shared;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// See the module.
pub struct Configuration {
    now: RwLock<Arc<InForce>>,
    /// What the file was like before it was read.
    read: Stamp,
}

/// What changes when the file does.
type Stamp = Option<(SystemTime, u64)>;

/// A configuration with what follows from it.
pub struct InForce {
    /// The configuration.
    pub config: Arc<Config>,
    /// The same, as people look it over.
    pub settings: Vec<Setting>,
    /// What models cost.
    pub prices: Prices,
}

impl Configuration {
    /// The project's, from its file and what the environment said.
    pub fn read(project: &Project) -> Result<Configuration> {
        let read = stamp(project);
        let layers = Layers::of_hub(project)?;
        let first = InForce {
            settings: view::settings(&layers),
            prices: Prices::with(layers.config().prices.clone())?,
            config: Arc::new(layers.into_config()),
        };
        Ok(Configuration {
            now: RwLock::new(Arc::new(first)),
            read,
        })
    }

    /// What is in force now.
    pub fn in_force(&self) -> Arc<InForce> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }

    /// Takes over what can be; returns the configuration when anything changed.
    fn take_over(&self, layers: Layers) -> Result<Option<Arc<Config>>> {
        let before = self.in_force();
        let settings = in_force::settings_after(&before.settings, &layers);
        let config = in_force::after(&before.config, layers.into_config());
        if config == *before.config && settings == before.settings {
            return Ok(None);
        }
        let config = Arc::new(config);
        let after = InForce {
            prices: Prices::with(config.prices.clone())?,
            config: config.clone(),
            settings,
        };
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        Ok(Some(config))
    }
}

/// Looks at the file until the hub ends.
pub async fn run(hub: Shared) {
    let mut seen = hub.configuration.read;
    loop {
        tokio::select! {
            () = hub.closing.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let now = stamp(&hub.project);
        if now == seen {
            continue;
        }
        seen = now;
        if let Err(error) = look(&hub).await {
            tracing::warn!("the changed configuration is not in force: {error:#}");
        }
    }
}

async fn look(hub: &Shared) -> Result<()> {
    let project = hub.project.clone();
    let layers = tokio::task::spawn_blocking(move || Layers::of_hub(&project)).await??;
    let Some(config) = hub.configuration.take_over(layers)? else {
        return Ok(());
    };
    let budgets = config.budgets;
    hub.database
        .call(move |store| store.set_budgets(&budgets))
        .await?;
    tracing::info!("the changed configuration is in force");
    Ok(())
}

fn stamp(project: &Project) -> Stamp {
    let found = std::fs::metadata(project.config_file()).ok()?;
    Some((found.modified().ok()?, found.len()))
}
