//! `swarm watch`: pulls whenever something lands, told by the hub's event stream.

use anyhow::Result;
use swarm::config::Config;
use swarm::follow::follow;
use swarm::pull::{Allow, Pulled, pull};
use swarm::{Project, hub};
use ticket::Queue;
use ticket::filter::LogFilter;

use super::pull::tell;

pub fn run(project: &Project) -> Result<()> {
    let config = Config::load(project)?;
    let branch = &config.project.branch;
    // The place in the stream is taken before the first pull, so nothing falls between the two.
    let newest = hub::client(project)?.log(&LogFilter::newest())?;
    let after = newest.first().map_or(0, |event| event.id);
    tell(branch, &pull(project, branch, &Allow::Nothing)?);
    println!("Following '{branch}'; end with Ctrl-C.");
    for event in follow(project, after) {
        if event?.action == "landed" {
            bring(project, branch);
        }
    }
    println!("The swarm was stopped.");
    Ok(())
}

/// A refusal is said, and the next landing tried again: the human may have made room by then.
fn bring(project: &Project, branch: &str) {
    match pull(project, branch, &Allow::Nothing) {
        Ok(Pulled::UpToDate) => {}
        Ok(pulled) => {
            tell(branch, &pulled);
        }
        Err(error) => eprintln!("error: {error:#}"),
    }
}
