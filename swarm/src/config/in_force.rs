//! What a running hub takes over of a configuration that was changed, and what waits for its next
//! start. The schema's mark `x-restart` says the same of each key, and a test compares them. Pure.

use super::view::{self, Setting};
use super::{Agents, Config, Layers, Verify, path, schema};

/// The configuration that is in force when `running` is and the file says `new`.
pub fn after(running: &Config, new: Config) -> Config {
    Config {
        project: running.project.clone(),
        agents: Agents {
            count: running.agents.count,
            backend: running.agents.backend.clone(),
            roles: running.agents.roles.clone(),
            ..new.agents
        },
        backends: running.backends.clone(),
        limits: running.limits.clone(),
        network: running.network.clone(),
        image: running.image.clone(),
        verify: Verify {
            timeout_minutes: running.verify.timeout_minutes,
            ready: running.verify.ready,
            window: running.verify.window,
            ..new.verify
        },
        queue: new.queue,
        proposals: new.proposals,
        transcripts: running.transcripts.clone(),
        budgets: new.budgets,
        prices: new.prices,
        monitor: running.monitor.clone(),
        notify: running.notify.clone(),
    }
}

/// What is in force when `shown` was and the file and the environment say `new`, as people look it
/// over.
pub fn settings_after(shown: &[Setting], new: &Layers) -> Vec<Setting> {
    let waits = |setting: &Setting| {
        let at = path::read(&setting.key).unwrap_or_default();
        schema::at(&at).is_some_and(|(_, restart)| restart)
    };
    let mut settings = view::settings(new);
    settings.retain(|setting| !waits(setting));
    settings.extend(shown.iter().filter(|setting| waits(setting)).cloned());
    settings.sort_by_key(|setting| path::read(&setting.key));
    settings
}
