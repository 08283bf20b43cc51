//! One file per command. Each prints what it did and returns an exit code of `ticket::exit`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use swarm::Project;
use swarm::place::{Place, settle};
use ticket::cost::CostFilter;
use ticket::exit;

use crate::cli::{Cli, Command, Notify};

mod agent;
mod backend;
mod cost;
mod demo;
mod init;
mod interview_tools;
mod login;
mod logs;
mod notify;
mod open;
mod pause;
mod progress;
mod pull;
mod regenerate;
mod scale;
mod session;
mod start;
mod status;
mod stop;
mod verify;
mod watch;

/// Runs what was parsed.
pub fn run(cli: Cli) -> Result<u8> {
    let project = || find_project(cli.project.as_deref());
    match cli.command {
        Command::Init(arguments) => init::run(arguments)?,
        Command::Start { agents, port } => start::run(&project()?, agents, port)?,
        Command::Login => login::run(&project()?)?,
        Command::Stop => stop::run(&project()?)?,
        Command::Status { json, since, watch } => status::run(&project()?, since, json, watch)?,
        Command::Logs(arguments) => logs::run(&project()?, arguments)?,
        Command::Cost { by, since, json } => {
            cost::run(&project()?, &CostFilter { by, since }, json)?;
        }
        Command::Scale { agents } => scale::run(&project()?, agents)?,
        Command::Pause { reason } => pause::run(&project()?, &reason)?,
        Command::Drain { reason } => pause::drain(&project()?, &reason)?,
        Command::Resume => pause::resume(&project()?)?,
        Command::Agent(what) => agent::run(&project()?, &what)?,
        Command::Pull { allow } => return pull::run(&project()?, allow),
        Command::Watch => watch::run(&project()?)?,
        Command::Regenerate => regenerate::run(&project()?)?,
        Command::Open => open::run(&project()?)?,
        Command::Notify(Notify::Test { channel }) => {
            return notify::test(&project()?, channel);
        }
        Command::Verify { revisions, all } => return verify::run(&project()?, &revisions, all),
        Command::Backend(what) => return backend::run(&project()?, what),
        Command::Demo(arguments) => return demo::run(arguments),
        Command::InterviewTools => interview_tools::run(&project()?)?,
    }
    Ok(exit::OK)
}

fn find_project(dir: Option<&Path>) -> Result<Project> {
    let found = match dir {
        Some(dir) => Project::open(dir)?,
        None => {
            let here: PathBuf =
                std::env::current_dir().context("cannot tell which folder this is")?;
            Project::find(&here)?
        }
    };
    let (project, place) = settle(found)?;
    match place {
        Place::Same => {}
        Place::Moved(from) => {
            eprintln!("swarm: this project was in {} before.", from.display());
            if project.hub_file().exists() {
                eprintln!(
                    "swarm: if its swarm runs, 'swarm stop' and 'swarm start' make it work from here."
                );
            }
        }
        Place::Copied(from) => eprintln!(
            "swarm: this is a copy of {}, and a project of its own from now on.",
            from.display()
        ),
    }
    Ok(project)
}

/// What runs the calls to the engine.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().context("cannot start threads")
}

/// `1 file`, `2 files`.
fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
