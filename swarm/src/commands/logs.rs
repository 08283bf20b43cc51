//! `swarm logs`: what a container printed, straight from the engine, so that it works without a hub.
//! What agent CLIs did is in `session`.

use std::io::Write;

use anyhow::{Result, bail};
use futures_util::TryStreamExt;
use swarm::Project;
use swarm::fleet::{Fleet, Listed};
use ticket::text::plain;

use super::{landing, runtime, session};
use crate::cli::Logs;

pub fn run(project: &Project, arguments: Logs) -> Result<()> {
    if let Some(landing) = arguments.landing {
        return landing::run(project, landing, &arguments);
    }
    match arguments.service {
        Some(service) if !arguments.session && arguments.ticket.is_none() => printed(
            project,
            &service,
            arguments.follow,
            arguments.tail,
            arguments.since,
        ),
        _ => session::run(project, &arguments),
    }
}

fn printed(
    project: &Project,
    service: &str,
    follow: bool,
    tail: Option<u64>,
    since: Option<i64>,
) -> Result<()> {
    runtime()?.block_on(async {
        let fleet = Fleet::connect().await?;
        let container = find(&fleet.list(project.id()).await?, service)?;
        let mut pieces = std::pin::pin!(fleet.logs_since(&container, follow, tail, since));
        let mut out = std::io::stdout().lock();
        while let Some(piece) = pieces.try_next().await? {
            // What agents print must not control the terminal.
            out.write_all(plain(&String::from_utf8_lossy(&piece)).as_bytes())?;
            out.flush()?;
        }
        Ok(())
    })
}

/// The container of this service.
pub fn find(listed: &[Listed], service: &str) -> Result<String> {
    if let Some(found) = listed.iter().find(|found| found.name == service) {
        return Ok(found.container.clone());
    }
    let mut names: Vec<&str> = listed.iter().map(|found| found.name.as_str()).collect();
    names.sort_unstable();
    match names.is_empty() {
        true => bail!("no service '{service}': the swarm is not running"),
        false => bail!("no service '{service}': there are {}", names.join(", ")),
    }
}
