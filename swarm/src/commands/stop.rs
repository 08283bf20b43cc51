//! `swarm stop`: ends agents and hub; works also when the hub does not answer.

use anyhow::Result;
use swarm::Project;
use swarm::fleet::Fleet;
use swarm::hub::{self, Stopped};

use super::runtime;

pub fn run(project: &Project) -> Result<()> {
    let stopped = runtime()?.block_on(async {
        let fleet = Fleet::connect().await?;
        hub::stop(&fleet, project).await
    })?;
    println!(
        "{}",
        match stopped {
            Stopped::WasNotRunning => "The swarm was not running.",
            Stopped::Orderly => "The swarm is stopped.",
            Stopped::ByForce =>
                "The swarm is stopped; the hub did not answer, so its containers were ended from outside.",
        }
    );
    Ok(())
}
