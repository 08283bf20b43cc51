//! `swarm watch`: pulls whenever something lands, told by the hub's event stream.

use anyhow::Result;
use serde_json::{Value, json};
use swarm::config::Config;
use swarm::follow::follow;
use swarm::pull::{Allow, Pulled, pull};
use swarm::{Project, hub};
use ticket::Queue;
use ticket::filter::LogFilter;

use super::pull::{document, tell};
use super::talk::say;

pub fn run(project: &Project, json: bool) -> Result<()> {
    let config = Config::load(project)?;
    let branch = &config.project.branch;
    // The place in the stream is taken before the first pull, so nothing falls between the two.
    let newest = hub::client(project)?.log(&LogFilter::newest())?;
    let after = newest.first().map_or(0, |event| event.id);
    let first = pull(project, branch, &Allow::Nothing)?;
    match json {
        true => print_line(&document(branch, &first)),
        false => {
            tell(branch, &first);
            say(format!("Following '{branch}'; end with Ctrl-C."));
        }
    }
    for event in follow(project, after) {
        if event?.action == "landed" {
            bring(project, branch, json);
        }
    }
    if !json {
        say("The swarm was stopped.");
    }
    Ok(())
}

/// A refusal is said, and the next landing tried again: the human may have made room by then.
fn bring(project: &Project, branch: &str, json: bool) {
    match pull(project, branch, &Allow::Nothing) {
        Ok(Pulled::UpToDate) => {}
        Ok(pulled) if json => print_line(&document(branch, &pulled)),
        Ok(pulled) => tell(branch, &pulled),
        Err(error) if json => print_line(&json!({
            "branch": branch,
            "result": "failed",
            "error": format!("{error:#}"),
        })),
        Err(error) => eprintln!("error: {error:#}"),
    }
}

fn print_line(document: &Value) {
    println!("{document}");
}
