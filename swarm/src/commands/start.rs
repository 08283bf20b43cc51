//! `swarm start`: everything that can be refused first, then images, then the hub.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use swarm::config::{Config, MAX_AGENTS};
use swarm::credentials::Credentials;
use swarm::fleet::Fleet;
use swarm::hub::{self, Port};
use swarm::{Project, bare, channel, image};
use ticket::prompt::Templates;
use ticket::wire::{HubFile, Role, SwarmStatus};

use serde_json::json;

use super::failure::note;
use super::progress::{Build, Wait};
use super::talk::say;
use super::{count, login, print_json, runtime};

/// How long agents may take to come.
const AGENTS_DEADLINE: Duration = Duration::from_secs(60);
/// How often they are looked for meanwhile.
const AGENTS_INTERVAL: Duration = Duration::from_millis(20);
/// How long they may take before it is said that they are waited for.
const SHOW_AFTER: Duration = Duration::from_secs(1);

pub fn run(project: &Project, agents: Option<u32>, port: Option<u16>, json: bool) -> Result<()> {
    let config = Config::load(project)?;
    if let Some(file) = runtime()?.block_on(hub::running(project)) {
        return already(project, &file, agents, port, json);
    }
    let agents = checked(agents.unwrap_or(config.agents.count))?;
    for cli in config.clis() {
        let backend = &cli.backend;
        tracing::debug!("agent CLI: {} as {}", backend.program, backend.name);
    }
    let prompts = Templates::load(&project.prompts())?;
    if let Some(fault) = prompts.faults().into_iter().next() {
        bail!("{fault}");
    }
    let credentials = match config.needs_credentials() {
        true => login::found(&config.clis())?,
        false => Credentials::default(),
    };
    let wanted = match port {
        Some(port) => Port::Exactly(port),
        None => Port::From(config.monitor.port),
    };
    let running = runtime()?.block_on(async {
        let fleet = Fleet::connect().await?;
        hub::must_not_run(&fleet, project).await?;
        hub::must_be_free(wanted)?;
        credentials.write(project)?;
        channel::secret::keep_all(project)?;
        channel::prepare(project, &config)?;
        take(project, &config.project.branch);
        let mut build = Build::new();
        let images = image::build(&fleet, project, &config, &mut |p| build.show(p)).await?;
        drop(build);
        hub::start(&fleet, project, &config, &images, agents, wanted).await
    })?;
    let away = wait_for_agents(project)?;
    let fell_back = port.is_none() && running.port != config.monitor.port;
    if json {
        return print_json(&json!({
            "url": running.url,
            "port": running.port,
            "wanted_port": port.unwrap_or(config.monitor.port),
            "agents": agents,
            "agents_away": away,
        }));
    }
    if fell_back {
        let taken = config.monitor.port;
        say(format!(
            "Port {taken} is taken: using {} instead.",
            running.port
        ));
    }
    say(format!(
        "The swarm runs with {} at {} ('swarm open' shows how to log in).",
        count(agents as usize, "agent"),
        running.url
    ));
    Ok(())
}

/// A swarm that runs is what was asked for, with another number of agents where that was said.
fn already(
    project: &Project,
    file: &HubFile,
    agents: Option<u32>,
    port: Option<u16>,
    json: bool,
) -> Result<()> {
    let (_, on) = file.url.rsplit_once(':').unwrap_or_default();
    let on: u16 = on.parse().unwrap_or_default();
    if let Some(port) = port.filter(|port| *port != on) {
        bail!(
            "the swarm runs at {}: 'swarm stop' first, to have it on port {port}",
            file.url
        );
    }
    let client = hub::client(project)?;
    if let Some(agents) = agents {
        client.scale(checked(agents)?)?;
    }
    let status = client.status()?;
    let agents = status.desired_agents;
    if json {
        return print_json(&json!({
            "url": file.url,
            "port": on,
            "wanted_port": on,
            "agents": agents,
            "agents_away": away(&status),
        }));
    }
    say(format!(
        "The swarm runs already, with {} at {}.",
        count(agents as usize, "agent"),
        file.url
    ));
    Ok(())
}

/// Waits until all agents are there, but not for one that has a problem, nor for ever: the hub goes on
/// starting it. Returns those that are away, and says why.
fn wait_for_agents(project: &Project) -> Result<Vec<String>> {
    let client = hub::client(project)?;
    let (begun, mut shown) = (Instant::now(), None);
    loop {
        let status = client.status()?;
        let away = away(&status);
        if away.is_empty() {
            return Ok(away);
        }
        let about = |problem: &&String| away.iter().any(|agent| problem.starts_with(agent));
        let problem = status.problems.iter().find(about);
        if problem.is_some() || begun.elapsed() >= AGENTS_DEADLINE {
            let seconds = AGENTS_DEADLINE.as_secs();
            let why = problem.cloned();
            let why = why.unwrap_or_else(|| format!("nothing was heard of it for {seconds} s"));
            note(&format!("{} did not come yet: {why}", away.join(", ")));
            return Ok(away);
        }
        if begun.elapsed() >= SHOW_AFTER {
            let wait = shown.get_or_insert_with(Wait::new);
            wait.tell(&format!("Waiting for {}", away.join(", ")));
        }
        thread::sleep(AGENTS_INTERVAL);
    }
}

/// The agents that there should be and were not heard of.
fn away(status: &SwarmStatus) -> Vec<String> {
    let workers = status.agents.iter().filter(|a| a.role == Role::Worker);
    let away = workers.filter(|a| matches!(a.state.as_str(), "starting" | "down"));
    away.map(|agent| agent.name.clone()).collect()
}

/// The number of agents, when it is one that a swarm can have.
pub fn checked(agents: u32) -> Result<u32> {
    match agents {
        0 => bail!("a swarm has at least one agent: to end them all use 'swarm stop'"),
        n if n > MAX_AGENTS => bail!("a swarm has at most {MAX_AGENTS} agents"),
        n => Ok(n),
    }
}

/// What the human committed meanwhile. That it cannot be looked at is no reason not to start.
fn take(project: &Project, branch: &str) {
    match bare::take(project, branch) {
        Ok(0) => {}
        Ok(taken) => {
            let taken = count(taken, "commit");
            say(format!("Took over {taken} of yours on '{branch}'."));
        }
        Err(error) => note(&format!("your own commits were not looked at: {error:#}")),
    }
}
