//! `swarm pause`, `swarm drain` and `swarm resume`: no new work for a while, with what runs frozen or
//! finished.

use anyhow::Result;
use swarm::{Project, hub};
use ticket::Queue;

pub fn run(project: &Project, reason: &str) -> Result<()> {
    hub::client(project)?.pause(reason)?;
    println!(
        "The swarm is paused: agents stand still and take nothing new until 'swarm resume'. \
         What was handed in still lands."
    );
    Ok(())
}

pub fn drain(project: &Project, reason: &str) -> Result<()> {
    hub::client(project)?.drain(reason)?;
    println!(
        "The swarm drains: agents finish what they have and take nothing new until 'swarm resume'."
    );
    Ok(())
}

pub fn resume(project: &Project) -> Result<()> {
    match hub::client(project)?.resume()? {
        true => println!("The swarm goes on."),
        false => println!("The swarm was neither paused nor draining."),
    }
    Ok(())
}
