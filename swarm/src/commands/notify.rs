//! `swarm notify`: whether messages arrive, by the running hub, which is who sends them; without one
//! from here.

use anyhow::{Result, bail};
use swarm::channel::{self, Channel, Published};
use swarm::{Config, Project, hub};
use ticket::client::Client;

pub fn test(project: &Project) -> Result<()> {
    let place = match hub::hub_file(project) {
        Some(file) => Client::new(&file.url, &file.token)?.notify_test()?,
        None => from_here(project)?,
    };
    println!("{place} took the message.");
    Ok(())
}

fn from_here(project: &Project) -> Result<String> {
    let config = Config::load(project)?;
    let channels = Channel::all(project, &config)?;
    let Some(channel) = channels.first() else {
        bail!(channel::NONE);
    };
    let page = config.notify.page.clone();
    match channel.publish(&channel::trial(&config.project.name, page)) {
        Published::Taken => Ok(channel.place()),
        not_taken => bail!(channel.sentence(&not_taken)),
    }
}
