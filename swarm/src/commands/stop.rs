//! `swarm stop`: ends agents and hub; works also when the hub does not answer.

use anyhow::Result;
use swarm::Project;
use swarm::fleet::Fleet;
use swarm::hub::{self, Stopped};

use serde_json::json;

use super::talk::say;
use super::{print_json, runtime};

pub fn run(project: &Project, now: bool, json: bool) -> Result<()> {
    let stopped = runtime()?.block_on(async {
        let fleet = Fleet::connect().await?;
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
        return print_json(&json!({ "stopped": how }));
    }
    say(match stopped {
        Stopped::WasNotRunning => "The swarm was not running.",
        Stopped::Orderly => "The swarm is stopped.",
        Stopped::AtOnce => "The swarm is ended; the next start gives back what its agents held.",
        Stopped::ByForce => {
            "The swarm is stopped; the hub did not answer, so its containers were ended from outside."
        }
    });
    Ok(())
}
