//! The running hub: what its parts share, how it starts and how it ends.
//!
//! Start: lock, database, repairs, listeners, then the loops (lander, reaper, fleet), and last the
//! file that tells the CLIs where it is. End: [`Hub::closing`] is cancelled, every loop and long
//! poll notices, the listeners let go, the file is removed. Agents go on without the hub.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use swarm::fleet::{Blueprint, Fleet as Engine};
use swarm::image::Images;
use swarm::transcripts::Folder;
use swarm::{Config, Project};
use ticket::store::Session;
use ticket::store::lock::HubLock;
use ticket::waiting::Waiting;
use ticket::wire::{Base, HubFile};
use ticket::{Actor, Store, moment};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::{self, Clock};
use crate::configuration::{Configuration, InForce};
use crate::database::{Batch, Database, Kept};
use crate::error::{Answer, Refusal};
use crate::fleet::{self, Fleet, reconciler};
use crate::freeze::Freeze;
use crate::git::Bare;
use crate::lander::{Lander, LanderSettings};
use crate::listener::doors::Doors;
use crate::listener::streams::Streams;
use crate::listener::{EACH_CONTAINER, EACH_HOST, Limits, agent, human, serve};
use crate::login::Login;
use crate::metrics::Metrics;
use crate::notifier::Notifier;
use crate::presence::Presence;
use crate::routes::status::Glance;
use crate::supervisor::{self, Leases};
use crate::transcripts::{Transcripts, keeper};
use crate::verification::Verifications;
use crate::{configuration, hub_file, login, notifier, reconcile};

/// The longest long poll.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// How many patches are made at once.
const DIFFS: usize = 2;
/// How long to wait for a CLI that has the database file open.
const LOCK_DEADLINE: Duration = Duration::from_secs(10);
/// How often to look meanwhile.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);
/// How long the loops may take to end.
const END_DEADLINE: Duration = Duration::from_secs(5);

/// The hub, as every request and loop has it.
pub type Shared = Arc<Hub>;

/// Where to serve what.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The project's folder.
    pub project: PathBuf,
    /// The address for people.
    pub human: SocketAddr,
    /// The address for agents.
    pub agents: SocketAddr,
    /// The hub's own container, when it runs in one and is to run agents.
    pub container: Option<InContainer>,
}

/// See [`Settings::container`].
#[derive(Clone, Debug)]
pub struct InContainer {
    /// Its name.
    pub name: String,
    /// The port on 127.0.0.1 of the host that leads to the human listener.
    pub published: u16,
}

/// What the parts of the hub share.
pub struct Hub {
    /// The project's files.
    pub project: Project,
    /// Its configuration.
    pub configuration: Configuration,
    /// The queue.
    pub database: Database,
    /// What of it every page shows, by the day.
    pub glance: Kept<String, Glance>,
    /// What waits for the human.
    pub waiting: Kept<(), Arc<Vec<Waiting>>>,
    /// The repository.
    pub bare: Bare,
    /// Commits that wait for a verifier.
    pub verifications: Verifications,
    /// When silent attempts are over.
    pub leases: Leases,
    /// Whether the wall clock can be believed.
    pub clock: Clock,
    /// Who was heard of.
    pub presence: Presence,
    /// Containers.
    pub fleet: Fleet,
    /// Whether agents stand still.
    pub freeze: Freeze,
    /// The account's credential.
    pub login: Login,
    /// Messages to people who are away.
    pub notifier: Notifier,
    /// What agents were asked and printed.
    pub transcripts: Arc<Transcripts>,
    /// Idle workers stand in line for this.
    pub line: Mutex<()>,
    /// How many patches may be made at once.
    pub diffs: Semaphore,
    /// Who comes in by the human listener.
    pub door: human::Door,
    /// How the listeners fare.
    pub doors: Doors,
    /// The open event streams.
    pub streams: Streams,
    /// Numbers for Prometheus.
    pub metrics: Metrics,
    /// Cancelled when the hub ends.
    pub closing: CancellationToken,
}

/// Why [`Hub::woken`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The activity log grew.
    ByEvent,
    /// The wait is over.
    ByDeadline,
    /// The hub ends.
    ByClosing,
}

impl Hub {
    /// What the configuration says now.
    pub fn config(&self) -> Arc<Config> {
        self.in_force().config.clone()
    }

    /// The same with what follows from it.
    pub fn in_force(&self) -> Arc<InForce> {
        self.configuration.in_force()
    }

    /// Runs `work`, which reads, on the queue as `actor` may use it. It waits for no writer.
    pub async fn read<T: Send + 'static>(
        &self,
        actor: Actor,
        work: impl FnOnce(&mut Session<'_>) -> ticket::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let read = self
            .database
            .read(move |store| work(&mut store.session(&actor)));
        Ok(read.await?)
    }

    /// Runs `work`, which writes, on the queue as `actor` may use it.
    pub async fn queue<T: Send + 'static>(
        &self,
        actor: Actor,
        work: impl FnOnce(&mut Session<'_>) -> ticket::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let done = self
            .database
            .call(move |store| work(&mut store.session(&actor)));
        Ok(done.await?)
    }

    /// What waits for the human, the oldest first.
    pub async fn waiting(&self) -> Answer<Arc<Vec<Waiting>>> {
        let read = |store: &mut Store, _| store.waiting().map(Arc::new);
        Ok(self.database.read_kept(&self.waiting, (), read).await?)
    }

    /// The base branch and its head.
    pub async fn base(&self) -> Answer<Base> {
        let head = self.bare.call(|repository| repository.head()).await;
        let head = head.map_err(|e| Refusal::broken("the repository cannot be read", e))?;
        Ok(Base {
            branch: self.bare.branch().to_owned(),
            commit: head.to_string(),
        })
    }

    /// Waits for the next event. Subscribe first, then query, then wait: nothing is missed.
    pub async fn woken(&self, events: &mut watch::Receiver<i64>, deadline: Instant) -> Woken {
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Woken::ByClosing,
            _ = events.changed() => Woken::ByEvent,
            () = tokio::time::sleep_until(deadline) => Woken::ByDeadline,
        }
    }
}

/// When a long poll that asks for so many seconds is over.
pub fn wait_until(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds).min(MAX_WAIT)
}

/// Waits for a moment; for none, for ever.
pub async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// A started hub. Dropping it ends it without ceremony; [`Running::end`] is the orderly way.
pub struct Running {
    /// The hub.
    pub hub: Shared,
    /// Where people reach it.
    pub human: SocketAddr,
    /// Where agents reach it.
    pub agents: SocketAddr,
    loops: JoinSet<()>,
    _lock: HubLock,
}

impl Running {
    /// Starts a hub. A second one for the same project is refused.
    pub async fn start(settings: Settings) -> Result<Running> {
        Running::start_with(settings, Batch::default()).await
    }

    /// Starts a hub whose transactions take in so much at most.
    pub async fn start_with(settings: Settings, most: Batch) -> Result<Running> {
        let project = Project::open(&settings.project)?;
        let configuration = Configuration::read(&project)?;
        let config = configuration.in_force().config.clone();
        let notifier = Notifier::new(&project, &config)?;
        let lock = lock(&project).await?;
        let path = project.database();
        Store::migrate(&path, &mut |line| tracing::info!("{line}"))?;
        let database = Database::with_batches(Store::open(&path)?, most)?;
        let bare = Bare::new(project.repository(), &config.project.branch);
        if swarm::hub::hub_file(&project).is_some() {
            database.call(|store| store.note_hub_back()).await?;
        }
        reconcile::run(&bare, &database).await?;
        // It may have been set back while no hub ran.
        let replies = clock::reply_seconds(&config);
        let mended = database
            .call(move |store| store.mend_clock(None, moment::now(), replies))
            .await?;
        if !mended.is_empty() {
            tracing::warn!("the clock was set back: {}", mended.join("; "));
        }
        // Whoever starts a swarm has just found a credential.
        database.call(|store| store.try_login_again()).await?;
        let budgets = config.budgets;
        database
            .call(move |store| store.set_budgets(&budgets))
            .await?;

        let host = Host::find(&project, &config, &settings).await?;
        if host.fleet.is_some() {
            fleet::forget_verifiers(&database).await?;
        }
        let human = bind(host.human).await?;
        let agents = bind(host.agents).await?;
        let (human_at, agents_at) = (human.local_addr()?, agents.local_addr()?);
        let port = host.published.unwrap_or(human_at.port());
        let token = hub_file::token(&project)?;
        let transcripts = Transcripts::open(Folder::of(&project), &config.transcripts)?;
        let hub = Arc::new(Hub {
            door: human::Door::new(&token, project.id(), port),
            fleet: Fleet::new(project.id(), config.agents.count, &database).await?,
            freeze: Freeze::new(&database).await?,
            login: Login::default(),
            notifier,
            verifications: Verifications::new(config.verify.ready as usize),
            leases: Leases::default(),
            clock: Clock::default(),
            presence: Presence::default(),
            transcripts: Arc::new(transcripts),
            line: Mutex::default(),
            doors: Doors::default(),
            streams: Streams::default(),
            metrics: Metrics::default(),
            diffs: Semaphore::new(DIFFS),
            closing: CancellationToken::new(),
            project,
            configuration,
            database,
            glance: Kept::default(),
            waiting: Kept::default(),
            bare,
        });

        let mut loops = JoinSet::new();
        let closing = || hub.closing.clone();
        let (people, everyone) = (human::router(hub.clone()), agent::router(hub.clone()));
        let (at_human, at_agents) = (hub.doors.human.clone(), hub.doors.agents.clone());
        let (each_person, each_agent) = (Limits::with(EACH_HOST), Limits::with(host.each_agent));
        loops.spawn(serve(human, people, each_person, at_human, closing()));
        loops.spawn(serve(agents, everyone, each_agent, at_agents, closing()));
        loops.spawn(supervisor::run(hub.clone()));
        loops.spawn(clock::run(hub.clone()));
        loops.spawn(keeper::run(hub.clone()));
        loops.spawn(configuration::run(hub.clone()));
        loops.spawn(lander(&hub).run(closing()));
        loops.spawn(login::run(hub.clone()));
        loops.spawn(notifier::watch(hub.clone()));
        loops.spawn(notifier::send(hub.clone()));
        loops.spawn(notifier::listen(hub.clone()));
        if let Some((engine, blueprint)) = host.fleet {
            loops.spawn(reconciler::run(hub.clone(), engine, blueprint));
        }
        let url = format!("http://127.0.0.1:{port}");
        hub_file::write(&hub.project, &HubFile { url, token })?;
        Ok(Running {
            hub,
            human: human_at,
            agents: agents_at,
            loops,
            _lock: lock,
        })
    }

    /// Waits until the hub was told to end, by [`Hub::closing`], then until it has. It also ends when a
    /// part of it panics, which is an error: whoever keeps it starts a whole one.
    pub async fn ended(mut self) -> Result<()> {
        let broken = tokio::select! {
            () = self.hub.closing.cancelled() => None,
            error = first_panic(&mut self.loops) => Some(error),
        };
        self.hub.closing.cancel();
        let done = async { while self.loops.join_next().await.is_some() {} };
        if tokio::time::timeout(END_DEADLINE, done).await.is_err() {
            tracing::warn!("some work was cut off at the end");
        }
        self.hub.database.close().await;
        match broken {
            // Its file stays, as that of one that was killed.
            Some(error) => Err(error).context("a part of the hub broke"),
            None => hub_file::remove(&self.hub.project),
        }
    }

    /// Ends it now.
    pub async fn end(self) -> Result<()> {
        self.hub.closing.cancel();
        self.ended().await
    }
}

/// Waits for a loop that panics; others may end.
async fn first_panic(loops: &mut JoinSet<()>) -> JoinError {
    loop {
        match loops.join_next().await {
            Some(Err(error)) if error.is_panic() => return error,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

/// Where this hub listens, and the engine for its agents.
struct Host {
    human: SocketAddr,
    agents: SocketAddr,
    published: Option<u16>,
    each_agent: usize,
    fleet: Option<(Engine, Blueprint)>,
}

impl Host {
    /// In a container each listener is bound to the address in its own network only: an agent
    /// cannot reach the human's, whatever the engine forwards.
    async fn find(project: &Project, config: &Config, settings: &Settings) -> Result<Host> {
        let Some(container) = &settings.container else {
            return Ok(Host {
                human: settings.human,
                agents: settings.agents,
                published: None,
                each_agent: EACH_HOST,
                fleet: None,
            });
        };
        let engine = Engine::connect().await?;
        let images = Images::load(project)?;
        let blueprint = Blueprint::new(project.id(), config, &images.agent);
        let own = engine.own(&container.name).await?;
        let names = blueprint.names();
        let address_in = |network: String| {
            own.addresses
                .get(&network)
                .copied()
                .with_context(|| format!("the hub's container is not in the network {network}"))
        };
        Ok(Host {
            human: (address_in(names.front_network())?, settings.human.port()).into(),
            agents: (address_in(names.network())?, settings.agents.port()).into(),
            published: Some(container.published),
            each_agent: EACH_CONTAINER,
            fleet: Some((engine, blueprint)),
        })
    }
}

fn lander(hub: &Hub) -> Lander {
    let gate = hub.config().gate_settings();
    Lander::new(
        hub.bare.clone(),
        hub.database.clone(),
        hub.verifications.clone(),
        LanderSettings {
            window: hub.config().verify.window as usize,
            gate_timeout: Duration::from_secs(gate.timeout_seconds),
        },
    )
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}"))
}

/// Takes the hub's lock. A CLI that has the file open is waited for; another hub is not.
async fn lock(project: &Project) -> Result<HubLock> {
    let path = project.hub_lock();
    let give_up = Instant::now() + LOCK_DEADLINE;
    loop {
        if let Some(lock) = HubLock::exclusive(&path)? {
            return Ok(lock);
        }
        if HubLock::shared(&path)?.is_none() || Instant::now() >= give_up {
            bail!("a hub is already running for {}", project.root().display());
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_panics_is_noticed_and_one_that_ends_is_not() {
        let mut loops = JoinSet::new();
        loops.spawn(async {});
        loops.spawn(async { panic!("it broke") });
        assert!(first_panic(&mut loops).await.is_panic());
        let still = tokio::time::timeout(Duration::from_millis(50), first_panic(&mut loops));
        assert!(still.await.is_err(), "nothing else broke");
    }
}
