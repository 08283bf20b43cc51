//! `swarm notify`: whether messages arrive, by the running hub, which is who sends them; without one
//! from here.

use anyhow::Result;
use swarm::channel::{self, Channel};
use swarm::{Config, Project, hub};
use ticket::client::Client;
use ticket::wire::{TestMessage, Tried};

use super::failure::note;
use super::print_json;
use super::talk::say;
use crate::exit;

/// Sends one message by every way that is set, or by this one, and prints what came of it. Returns the
/// exit code.
pub fn test(project: &Project, only: Option<String>, json: bool) -> Result<u8> {
    let tried = match hub::hub_file(project) {
        Some(file) => {
            let wanted = TestMessage { channel: only };
            Client::new(&file.url, &file.token)?.notify_test(&wanted)?
        }
        None => from_here(project, only.as_deref())?,
    };
    if json {
        print_json(&tried)?;
    }
    for Tried { taken, said, .. } in tried.iter().filter(|_| !json) {
        match taken {
            true => say(format!("{said}.")),
            false => note(said),
        }
    }
    Ok(match tried.iter().all(|tried| tried.taken) {
        true => exit::OK,
        false => exit::REFUSED,
    })
}

fn from_here(project: &Project, only: Option<&str>) -> Result<Vec<Tried>> {
    let config = Config::load(project)?;
    let channels = Channel::all(project, &config)?;
    let channels: Vec<&Channel> = channels.iter().collect();
    let chosen = channel::chosen(&channels, only).map_err(anyhow::Error::msg)?;
    let message = channel::trial(&config.project.name, config.notify.page.clone());
    let tried = chosen.into_iter().map(|c| c.tried(&c.publish(&message)));
    Ok(tried.collect())
}
