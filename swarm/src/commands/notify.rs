//! `swarm notify`: whether messages arrive, by the running hub, which is who sends them; without one
//! from here.

use anyhow::{Result, bail};
use swarm::ntfy::{self, Published};
use swarm::{Config, Project, hub};
use ticket::client::Client;

pub fn test(project: &Project) -> Result<()> {
    let server = match hub::hub_file(project) {
        Some(file) => Client::new(&file.url, &file.token)?.notify_test()?,
        None => from_here(project)?,
    };
    println!("ntfy at {server} took the message.");
    Ok(())
}

fn from_here(project: &Project) -> Result<String> {
    let config = Config::load(project)?;
    let Some(ntfy) = ntfy::of(project, &config)? else {
        bail!(ntfy::NONE);
    };
    let page = config.notify.page.clone();
    match ntfy.publish(&ntfy::trial(&config.project.name, page)) {
        Published::Taken => Ok(ntfy.server().to_owned()),
        not_taken => bail!(ntfy::sentence(ntfy.server(), &not_taken)),
    }
}
