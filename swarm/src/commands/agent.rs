//! `swarm agent stop` and `swarm agent restart`: one agent ended, or its container made anew.

use anyhow::Result;
use serde_json::json;
use swarm::{Project, hub};

use super::print_json;
use super::talk::say;
use crate::cli::Agent;

pub fn run(project: &Project, what: &Agent) -> Result<()> {
    let hub = hub::client(project)?;
    match what {
        Agent::Stop { name, json } => {
            hub.stop_agent(name)?;
            if *json {
                return print_json(&json!({ "agent": name, "state": "stopped" }));
            }
            say(format!(
                "{name} is stopped, and stays away until 'swarm agent restart {name}'."
            ));
        }
        Agent::Restart { name, json } => {
            hub.restart_agent(name)?;
            if *json {
                return print_json(&json!({ "agent": name, "state": "starting" }));
            }
            say(format!("{name} is being started anew."));
        }
    }
    Ok(())
}
