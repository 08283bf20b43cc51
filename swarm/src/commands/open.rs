//! `swarm open`: where the page is, and the token that logs in there.

use anyhow::{Result, bail};
use swarm::{Project, hub};

pub fn run(project: &Project) -> Result<()> {
    let Some(file) = hub::hub_file(project) else {
        bail!("no hub is running for this project: run 'swarm start'");
    };
    // Not handed to a browser: every process of this machine could read its arguments.
    println!("{}/login?token={}", file.url, file.token);
    Ok(())
}
