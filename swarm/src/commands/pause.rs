//! `swarm pause`, `swarm drain` and `swarm resume`: no new work for a while, with what runs frozen or
//! finished.

use anyhow::Result;
use serde_json::json;
use swarm::{Project, hub};
use ticket::Queue;

use super::print_json;
use super::talk::say;

pub fn run(project: &Project, reason: &str, json: bool) -> Result<()> {
    hub::client(project)?.pause(reason)?;
    if json {
        return print_json(&json!({ "state": "paused", "reason": reason }));
    }
    say(
        "The swarm is paused: agents stand still and take nothing new until 'swarm resume'. \
         What was handed in still lands.",
    );
    Ok(())
}

pub fn drain(project: &Project, reason: &str, json: bool) -> Result<()> {
    hub::client(project)?.drain(reason)?;
    if json {
        return print_json(&json!({ "state": "draining", "reason": reason }));
    }
    say(
        "The swarm drains: agents finish what they have and take nothing new until 'swarm resume'.",
    );
    Ok(())
}

pub fn resume(project: &Project, json: bool) -> Result<()> {
    let resumed = hub::client(project)?.resume()?;
    if json {
        return print_json(&json!({ "state": "running", "resumed": resumed }));
    }
    say(match resumed {
        true => "The swarm goes on.",
        false => "The swarm was neither paused nor draining.",
    });
    Ok(())
}
