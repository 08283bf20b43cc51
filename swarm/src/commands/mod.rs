//! One file per command. Each prints what it did and returns an exit code of `exit`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use swarm::Project;
use swarm::place::{Place, settle};
use swarm::project::ProjectError;
use ticket::Store;
use ticket::cost::CostFilter;
use ticket::store::lock::HubLock;

use crate::cli::{Cli, Command, Config, Notify};
use crate::exit;
use talk::Level;

mod agent;
mod backend;
mod completions;
mod config;
mod cost;
mod demo;
mod doctor;
mod drain;
pub mod failure;
mod init;
mod interview_tools;
mod landing;
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
mod shell;
mod start;
mod status;
mod stop;
mod table;
mod talk;
mod verify;
mod watch;

/// Runs what was parsed.
pub fn run(cli: Cli) -> Result<u8> {
    talk::set(match (cli.quiet, cli.verbose) {
        (true, _) => Level::Quiet,
        (_, true) => Level::Verbose,
        _ => Level::Usual,
    });
    let project = || find_project(cli.project.as_deref());
    match cli.command {
        Command::Init(arguments) => init::run(arguments)?,
        Command::Start { agents, port, json } => start::run(&project()?, agents, port, json)?,
        Command::Login => login::run(&project()?)?,
        Command::Stop {
            now,
            drain_timeout,
            json,
        } => stop::run(&project()?, now, drain_timeout, json)?,
        Command::Status { json, since, watch } => status::run(&project()?, since, json, watch)?,
        Command::Logs(arguments) => logs::run(&project()?, arguments)?,
        Command::Cost { by, since, json } => {
            cost::run(
                &project()?,
                &CostFilter {
                    by,
                    since,
                    limit: None,
                },
                json,
            )?;
        }
        Command::Scale { agents, json } => scale::run(&project()?, agents, json)?,
        Command::Pause { reason, json } => pause::run(&project()?, &reason, json)?,
        Command::Drain { reason, json } => pause::drain(&project()?, &reason, json)?,
        Command::Resume { json } => pause::resume(&project()?, json)?,
        Command::Agent(what) => agent::run(&project()?, &what)?,
        Command::Pull { allow, json } => return pull::run(&project()?, allow, json),
        Command::Watch { json } => watch::run(&project()?, json)?,
        Command::Regenerate { yes, json } => regenerate::run(&project()?, yes, json)?,
        Command::Shell { agent, command } => return shell::run(&project()?, &agent, command),
        Command::Open { json } => open::run(&project()?, json)?,
        Command::Notify(Notify::Test { channel, json }) => {
            return notify::test(&project()?, channel, json);
        }
        Command::Verify {
            revisions,
            all,
            json,
        } => return verify::run(&project()?, &revisions, all, json),
        Command::Config {
            what: Some(Config::Schema { markdown }),
            ..
        } => config::print_schema(markdown),
        Command::Config { json, what } => return config::run(&project()?, what, json),
        Command::Backend(what) => return backend::run(&project()?, what),
        Command::Demo(arguments) => return demo::run(arguments),
        Command::InterviewTools => interview_tools::run(&project()?)?,
        Command::Doctor { json } => {
            // Outside of a project there is less to look at; a damaged one is said.
            let found = match project() {
                Err(error) if cli.project.is_none() && is_elsewhere(&error) => None,
                found => Some(found?),
            };
            return doctor::run(found.as_ref(), json);
        }
        Command::Completions { shell } => completions::run(shell)?,
        Command::Man { dir } => completions::man(&dir)?,
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
            failure::note(&format!("this project was in {} before", from.display()));
            if project.hub_file().exists() {
                failure::note(
                    "if its swarm runs, 'swarm stop' and 'swarm start' make it work from here",
                );
            }
        }
        Place::Copied(from) => failure::note(&format!(
            "this is a copy of {}, and a project of its own from now on",
            from.display()
        )),
    }
    if let Some(said) = swarm::config::old::take_over(&project)? {
        failure::note(&said);
    }
    tracing::debug!("project {} in {}", project.id(), project.root().display());
    Ok(project)
}

fn is_elsewhere(error: &anyhow::Error) -> bool {
    let of_project = error.downcast_ref::<ProjectError>();
    matches!(of_project, Some(ProjectError::None(_)))
}

/// What runs the calls to the engine.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().context("cannot start threads")
}

/// The database, while no hub has it open.
fn database(project: &Project) -> Result<(HubLock, Store)> {
    let Some(lock) = HubLock::shared(&project.hub_lock())? else {
        bail!("the hub is starting or ending: try again");
    };
    Ok((lock, Store::open(&project.database())?))
}

/// Prints a document for machines.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// `1 file`, `2 files`.
fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
