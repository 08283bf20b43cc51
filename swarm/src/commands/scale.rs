//! `swarm scale`: tells the running hub how many agents there should be.

use anyhow::Result;
use swarm::{Project, hub};

use serde_json::json;

use super::talk::say;
use super::{count, print_json, start};

pub fn run(project: &Project, agents: u32, json: bool) -> Result<()> {
    let agents = start::checked(agents)?;
    hub::client(project)?.scale(agents)?;
    if json {
        return print_json(&json!({ "agents": agents }));
    }
    say(format!(
        "The swarm has {} from now on.",
        count(agents as usize, "agent")
    ));
    Ok(())
}
