//! `swarm stop`: ends agents and hub; works also when the hub does not answer.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use swarm::fleet::Fleet;
use swarm::hub::{self, Stopped};
use swarm::{Config, Project};

use super::drain::{Unfinished, wait};
use super::failure::note;
use super::talk::say;
use super::{count, print_json, runtime};

pub fn run(project: &Project, now: bool, limit: Option<Duration>, json: bool) -> Result<()> {
    let runtime = runtime()?;
    let fleet = runtime.block_on(Fleet::connect())?;
    let unfinished = match now {
        true => Vec::new(),
        false => wait(project, limit.unwrap_or_else(|| configured(project)))?,
    };
    let stopped = runtime.block_on(async {
        match now {
            true => hub::stop_now(&fleet, project).await,
            false => hub::stop(&fleet, project).await,
        }
    })?;
    if json {
        let how = match stopped {
            Stopped::WasNotRunning => "was-not-running",
            Stopped::Orderly => "orderly",
            Stopped::ByForce => "by-force",
            Stopped::AtOnce => "at-once",
        };
        return print_json(&json!({ "stopped": how, "unfinished": unfinished }));
    }
    say(sentence(stopped, &unfinished));
    Ok(())
}

/// A project whose settings are broken can be stopped, too.
fn configured(project: &Project) -> Duration {
    let config = Config::load(project).unwrap_or_else(|error| {
        note(&format!(
            "the default of agents.drain_minutes counts: {error}"
        ));
        Config::default()
    });
    Duration::from_secs(config.agents.drain_minutes * 60)
}

fn sentence(stopped: Stopped, unfinished: &[Unfinished]) -> String {
    let how = match stopped {
        Stopped::WasNotRunning => "The swarm was not running.",
        Stopped::Orderly if unfinished.is_empty() => "The swarm is stopped.",
        Stopped::Orderly => {
            let tickets = count(unfinished.len(), "ticket");
            return format!(
                "The swarm is stopped; {tickets} went back with what was done: {}.",
                Unfinished::list(unfinished)
            );
        }
        Stopped::AtOnce => "The swarm is ended; the next start gives back what its agents held.",
        Stopped::ByForce => {
            "The swarm is stopped; the hub did not answer, so its containers were ended from outside, \
             and the next start gives back what its agents held."
        }
    };
    how.to_owned()
}
