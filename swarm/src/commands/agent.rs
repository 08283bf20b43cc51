//! `swarm agent stop` and `swarm agent restart`: one agent ended, or its container made anew.

use anyhow::Result;
use swarm::{Project, hub};

use super::talk::say;
use crate::cli::Agent;

pub fn run(project: &Project, what: &Agent) -> Result<()> {
    let hub = hub::client(project)?;
    match what {
        Agent::Stop { name } => {
            hub.stop_agent(name)?;
            say(format!(
                "{name} is stopped, and stays away until 'swarm agent restart {name}'."
            ));
        }
        Agent::Restart { name } => {
            hub.restart_agent(name)?;
            say(format!("{name} is being started anew."));
        }
    }
    Ok(())
}
