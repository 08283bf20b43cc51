//! `swarm scale`: tells the running hub how many agents there should be.

use anyhow::Result;
use swarm::{Project, hub};

use super::{count, start};

pub fn run(project: &Project, agents: u32) -> Result<()> {
    let agents = start::checked(agents)?;
    hub::client(project)?.scale(agents)?;
    println!(
        "The swarm has {} from now on.",
        count(agents as usize, "agent")
    );
    Ok(())
}
