//! `swarm pause`, `swarm drain` and `swarm resume`: no new work for a while, with what runs frozen or
//! finished.

use anyhow::Result;
use swarm::{Project, hub};
use ticket::Queue;

use super::talk::say;

pub fn run(project: &Project, reason: &str) -> Result<()> {
    hub::client(project)?.pause(reason)?;
    say(
        "The swarm is paused: agents stand still and take nothing new until 'swarm resume'. \
         What was handed in still lands.",
    );
    Ok(())
}

pub fn drain(project: &Project, reason: &str) -> Result<()> {
    hub::client(project)?.drain(reason)?;
    say(
        "The swarm drains: agents finish what they have and take nothing new until 'swarm resume'.",
    );
    Ok(())
}

pub fn resume(project: &Project) -> Result<()> {
    match hub::client(project)?.resume()? {
        true => say("The swarm goes on."),
        false => say("The swarm was neither paused nor draining."),
    }
    Ok(())
}
