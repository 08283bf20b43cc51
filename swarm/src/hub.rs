//! The hub's container: started, waited for, spoken to, stopped.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::TryStreamExt;
use serde::Serialize;
use ticket::client::Client;
use ticket::store::Store;
use ticket::store::lock::HubLock;
use ticket::wire::HubFile;

use crate::config::{Config, Layers, environment};
use crate::fleet::names::HUB;
use crate::fleet::spec::{HubHost, hub as hub_spec};
use crate::fleet::{Blueprint, Fleet, FleetError, Names, State};
use crate::image::Images;
use crate::project::Project;

/// The setting that says how many agents there should be. `swarm start` writes it before the hub
/// starts, and the hub when it is asked to scale; so it outlives both.
pub const AGENTS_SETTING: &str = "agents";
/// The setting that lists the numbers of agents that the human stopped, joined by commas. Empty after
/// `swarm start`.
pub const STOPPED_SETTING: &str = "stopped_agents";
/// How long a hub may take from its container's start to its first answer.
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile.
const READY_INTERVAL: Duration = Duration::from_millis(50);
/// How long one such answer may take.
const READY_ANSWER: Duration = Duration::from_secs(2);
/// How many ports after the configured one are tried.
const PORTS_TRIED: u16 = 50;
/// How much of a failed hub's log is shown.
const LOG_LINES: u64 = 30;
/// How long a hub may take to end its agents before that is done without it.
const END_DEADLINE: Duration = Duration::from_secs(45);
/// How long a container that we stop ourselves may take to end.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// How long the engine may take to say what has become of a hub.
const LOOK_DEADLINE: Duration = Duration::from_secs(10);

/// Which port to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// This one or the next that is free.
    From(u16),
    /// This one or none.
    Exactly(u16),
}

/// A hub that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// `http://127.0.0.1:3000`.
    pub url: String,
    /// Its port.
    pub port: u16,
}

/// Refuses when a hub of this project runs already, as a container or as a plain process.
pub async fn must_not_run(fleet: &Fleet, project: &Project) -> Result<()> {
    if HubLock::shared(&project.hub_lock())?.is_none() {
        match hub_file(project) {
            Some(file) => bail!("a hub is already running for this project at {}", file.url),
            None => bail!("a hub is already running for this project"),
        }
    }
    if container_runs(fleet, project).await? {
        bail!("{}; 'swarm stop' ends it", Down::StartsAgain);
    }
    Ok(())
}

/// Whether the hub's container does, whatever the hub does.
async fn container_runs(fleet: &Fleet, project: &Project) -> Result<bool> {
    let container = Names::of(project.id()).hub();
    let listed = fleet.list(project.id()).await?;
    Ok(listed
        .iter()
        .any(|found| found.container == container && found.state == State::Running))
}

/// What has become of a hub that ended although nobody stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Down {
    /// Its container runs.
    #[error("the hub is being started again ('swarm logs hub' says why it ended)")]
    StartsAgain,
    /// Nobody starts it again: the engine gave its container up, or it never had one.
    #[error("the hub did not come back, although nobody stopped it: {}", START)]
    StaysAway,
    /// The engine, which would start its container, does not answer.
    #[error("the hub cannot come back, as no Docker engine answers: start that")]
    NoEngine,
}

/// What has become of this project's hub, when it was not stopped and runs no more.
pub async fn down(project: &Project) -> Result<Option<Down>> {
    if hub_file(project).is_none() || HubLock::shared(&project.hub_lock())?.is_none() {
        return Ok(None);
    }
    let look = async { container_runs(&Fleet::connect().await?, project).await };
    let down = match tokio::time::timeout(LOOK_DEADLINE, look).await {
        Ok(Ok(true)) => Down::StartsAgain,
        Ok(Ok(false)) => Down::StaysAway,
        Ok(Err(_)) | Err(_) => Down::NoEngine,
    };
    Ok(Some(down))
}

/// Where this project's hub is, when one answers.
pub async fn running(project: &Project) -> Option<HubFile> {
    let file = hub_file(project)?;
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(READY_ANSWER)
        .build()
        .ok()?;
    let answer = http.get(format!("{}/readyz", file.url)).send().await.ok()?;
    answer.status().is_success().then_some(file)
}

/// Refuses a port that was asked for by its number and is taken, before anything is built.
pub fn must_be_free(port: Port) -> Result<()> {
    match port {
        Port::Exactly(port) if !is_free(port) => Err(taken(port)),
        Port::Exactly(_) | Port::From(_) => Ok(()),
    }
}

/// Starts the hub and returns when it answers. A hub that does not come up is removed again, and
/// the error holds the end of its log.
pub async fn start(
    fleet: &Fleet,
    project: &Project,
    config: &Config,
    images: &Images,
    agents: u32,
    port: Port,
) -> Result<Running> {
    must_not_run(fleet, project).await?;
    set_agents(project, agents)?;
    environment::keep(project, Layers::read(project)?.overrides())?;
    remove_if_there(&project.hub_file())?;
    let started = bring_up(fleet, project, config, images, port).await;
    if started.is_err() {
        // What went wrong first is what counts.
        let _ = stop(fleet, project).await;
    }
    started
}

async fn bring_up(
    fleet: &Fleet,
    project: &Project,
    config: &Config,
    images: &Images,
    port: Port,
) -> Result<Running> {
    let blueprint = Blueprint::new(project.id(), config, &images.agent);
    fleet.remove(&blueprint.names().hub()).await?;
    let networks = blueprint.networks();
    let made = networks.iter().map(|network| fleet.ensure_network(network));
    futures_util::future::try_join_all(made).await?;
    let running = start_on_a_port(fleet, project, images, port).await?;
    match wait_until_ready(fleet, project, &running).await {
        Ok(()) => Ok(running),
        Err(error) => {
            let log = log_tail(fleet, project, LOG_LINES).await;
            bail!("the hub did not start: {error:#}; the end of its log:\n{log}")
        }
    }
}

/// Ends agents, verifiers and the hub, and removes their containers and networks. The agents'
/// volumes stay, so that nothing they had not handed in is lost. Works without a hub that answers.
pub async fn stop(fleet: &Fleet, project: &Project) -> Result<Stopped> {
    let names = Names::of(project.id());
    let listed = fleet.list(project.id()).await?;
    let hub_runs = listed
        .iter()
        .any(|found| found.name == HUB && found.state == State::Running);
    let mut graceful = false;
    if hub_runs {
        // Or the engine would start the hub again as soon as it has ended.
        fleet.never_restart(&names.hub()).await?;
        let asked = ask_to_end(project).await;
        if let Err(error) = &asked {
            tracing::debug!(
                "the hub does not end its agents, so they are ended from here: {error:#}"
            );
        }
        graceful = asked.is_ok();
    }
    fleet.stop(&names.hub(), STOP_GRACE).await?;
    let left = fleet.list(project.id()).await?;
    let ends = left.iter().map(|found| end(fleet, &found.container));
    futures_util::future::try_join_all(ends).await?;
    clear(fleet, project).await?;
    // What only a hub could have ended in good order: itself, and its agents.
    let by_force = !graceful && listed.iter().any(|found| hub_runs || found.name != HUB);
    Ok(match (listed.is_empty(), by_force) {
        (true, _) => Stopped::WasNotRunning,
        (false, false) => Stopped::Orderly,
        (false, true) => Stopped::ByForce,
    })
}

/// The same, without waiting for anybody: what agents were at is given back by the next start, which
/// releases what an earlier run held.
pub async fn stop_now(fleet: &Fleet, project: &Project) -> Result<Stopped> {
    let listed = fleet.list(project.id()).await?;
    fleet.never_restart(&Names::of(project.id()).hub()).await?;
    let ends = listed.iter().map(|found| fleet.remove(&found.container));
    futures_util::future::try_join_all(ends).await?;
    clear(fleet, project).await?;
    Ok(match listed.is_empty() {
        true => Stopped::WasNotRunning,
        false => Stopped::AtOnce,
    })
}

/// Takes away what a swarm without containers leaves.
async fn clear(fleet: &Fleet, project: &Project) -> Result<()> {
    let networks = fleet.networks(project.id()).await?;
    let removed = networks.iter().map(|network| fleet.remove_network(network));
    futures_util::future::try_join_all(removed).await?;
    environment::keep(project, &[])?;
    remove_if_there(&project.hub_file())
}

/// How a swarm was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// There was nothing to stop.
    WasNotRunning,
    /// The hub ended its agents, then itself.
    Orderly,
    /// Nobody was asked.
    AtOnce,
    /// The hub did not answer; the containers were ended from outside.
    ByForce,
}

/// What to do about [`NotRunning`].
pub const START: &str = "run 'swarm start'";

/// There is no hub to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no hub is running for this project: {}", START)]
pub struct NotRunning;

/// A client of the running hub, with the human's token.
pub fn client(project: &Project) -> Result<Client> {
    let file = hub_file(project).ok_or(NotRunning)?;
    tracing::debug!("hub at {}", file.url);
    Ok(Client::new(&file.url, &file.token)?)
}

/// Where the running hub is and how to speak to it.
pub fn hub_file(project: &Project) -> Option<HubFile> {
    let text = fs::read_to_string(project.hub_file()).ok()?;
    serde_json::from_str(&text).ok()
}

/// The last lines that the hub printed, fit for a terminal; nothing when there is no hub.
pub async fn log_tail(fleet: &Fleet, project: &Project, lines: u64) -> String {
    let container = Names::of(project.id()).hub();
    let pieces = fleet.logs(&container, false, Some(lines));
    let pieces: Vec<Vec<u8>> = pieces.try_collect().await.unwrap_or_default();
    ticket::text::plain(&String::from_utf8_lossy(&pieces.concat()))
}

fn set_agents(project: &Project, agents: u32) -> Result<()> {
    let _lock = HubLock::shared(&project.hub_lock())?;
    let mut store = Store::open(&project.database())?;
    store.set_setting(AGENTS_SETTING, &agents.to_string())?;
    store.set_setting(STOPPED_SETTING, "")?;
    match hub_file(project) {
        // Nobody stopped the last hub: what happened since it was started goes on.
        Some(_) => store.note_hub_back()?,
        None => store.set_started()?,
    }
    Ok(())
}

async fn start_on_a_port(
    fleet: &Fleet,
    project: &Project,
    images: &Images,
    port: Port,
) -> Result<Running> {
    let (first, last) = match port {
        Port::Exactly(port) => (port, port),
        Port::From(port) => (port, port.saturating_add(PORTS_TRIED)),
    };
    for port in first..=last {
        if is_free(port) && start_container(fleet, project, images, port).await? {
            tracing::debug!("the hub has port {port}");
            let url = format!("http://127.0.0.1:{port}");
            return Ok(Running { url, port });
        }
        tracing::debug!("port {port} is taken");
    }
    match port {
        Port::Exactly(port) => Err(taken(port)),
        Port::From(_) => bail!(
            "the ports {first} to {last} are all taken: set monitor.port in .swarm/config.json"
        ),
    }
}

/// False when somebody else got the port first.
async fn start_container(
    fleet: &Fleet,
    project: &Project,
    images: &Images,
    port: u16,
) -> Result<bool> {
    let (root, folder) = (project.root(), project.folder());
    let owner =
        fs::metadata(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let socket = fleet.socket();
    let group =
        fs::metadata(socket).with_context(|| format!("cannot read {}", socket.display()))?;
    let host = HubHost {
        root,
        folder: &folder,
        socket,
        user: format!("{}:{}", owner.uid(), owner.gid()),
        socket_group: group.gid(),
        port,
    };
    let spec = hub_spec(&Names::of(project.id()), &images.hub, &host);
    match fleet.start_checked(&spec).await {
        Ok(()) => Ok(true),
        Err(FleetError::PortTaken(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn taken(port: u16) -> anyhow::Error {
    anyhow!("port {port} is taken: name another one by --port")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Until it answers, its container ends, or the time is over.
async fn wait_until_ready(fleet: &Fleet, project: &Project, running: &Running) -> Result<()> {
    let container = Names::of(project.id()).hub();
    let answers = async {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(READY_ANSWER)
            .build()?;
        let address = format!("{}/readyz", running.url);
        loop {
            let answer = http.get(&address).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success())
                && hub_file(project).is_some()
            {
                return Ok(());
            }
            tokio::time::sleep(READY_INTERVAL).await;
        }
    };
    tokio::select! {
        ready = answers => ready,
        ended = fleet.wait(&container) => bail!("it ended with exit code {}", ended?),
        () = tokio::time::sleep(READY_DEADLINE) => {
            bail!("it did not answer within {} s", READY_DEADLINE.as_secs())
        }
    }
}

/// On a thread of its own: the blocking client may not live on the runtime's, and one that hangs
/// must not hold up the program's end.
async fn ask_to_end(project: &Project) -> Result<()> {
    let project = project.clone();
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let asked = client(&project).and_then(|client| Ok(client.shutdown()?));
        let _ = tell.send(asked);
    });
    tokio::time::timeout(END_DEADLINE, told).await??
}

async fn end(fleet: &Fleet, container: &str) -> Result<()> {
    fleet.stop(container, STOP_GRACE).await?;
    fleet.remove(container).await?;
    Ok(())
}

fn remove_if_there(file: &std::path::Path) -> Result<()> {
    match fs::remove_file(file) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", file.display())),
    }
}
