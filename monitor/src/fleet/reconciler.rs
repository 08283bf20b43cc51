//! Makes the containers be what they should: plan, act, wait for the next thing that happens.
//!
//! What happens comes from the engine's own event stream, from a scale, from the verification queue
//! and from actions that are done; nothing is polled but for a slow look at everything, in case an
//! event was lost. After a restart of the hub running agents are found and left alone; verifiers of
//! the earlier hub are removed, because what they verify was forgotten.
//!
//! The tickets of a dead agent are not released here: the agent is started again under its name and
//! hands in its tree. Its lease is the backstop.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::Utc;
use futures_util::StreamExt;
use swarm::fleet::{Blueprint, Death, Fleet as Engine, FleetError, State};
use ticket::{Actor, store};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::actions::{last_lines, last_words, remove, start};
use super::deaths::{Cause, Deaths, broken};
use super::ended::Ended;
use super::orders::{Leave, Order};
use super::plan::{Action, Desired, Id, Phase, plan};
use super::{Problem, Seen};
use crate::hub::{Shared, at};

/// How long starts and removals under way may take before everything is ended.
const BEGUN_GRACE: Duration = Duration::from_secs(10);
/// How long to go between two looks at everything.
const RESYNC: Duration = Duration::from_secs(60);
/// The pause before the engine is looked for again; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause before the engine is looked for again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What a problem with the engine is about.
const DOCKER: &str = "Docker";
/// How long an agent may take to release its ticket when everything ends.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// Docker does not answer any more.
const LOST: &str = "docker_lost";
/// It does again.
const BACK: &str = "docker_back";

/// Looks after the containers until the hub ends. `engine` is a connection that works now.
pub async fn run(hub: Shared, engine: Engine, blueprint: Blueprint) {
    let Some(orders) = hub.fleet.orders.take() else {
        return tracing::error!("the containers are looked after already");
    };
    let mut reconciler = Reconciler {
        hub: hub.clone(),
        engine,
        blueprint,
        containers: BTreeMap::new(),
        rows: BTreeMap::new(),
        unstartable: BTreeMap::new(),
        outage: unfinished_outage(&hub).await,
        news: Vec::new(),
        tasks: JoinSet::new(),
        orders,
        leaving: BTreeMap::new(),
    };
    loop {
        match reconciler.session().await {
            Over::HubEnds => return,
            Over::AllEnded => return hub.fleet.ended.cancel(),
            Over::EngineLost(error) => reconciler.lost(&error).await,
        }
        let mut pause = FIRST_PAUSE;
        reconciler.engine = loop {
            tokio::select! {
                () = hub.closing.cancelled() => return,
                () = tokio::time::sleep(pause) => (),
            }
            match Engine::connect().await {
                Ok(engine) => break engine,
                Err(_) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        };
    }
}

/// What an earlier hub wrote down and did not live to see the end of.
async fn unfinished_outage(hub: &Shared) -> Option<String> {
    let last = hub
        .database
        .read(|store| store.last_event_of(&[LOST, BACK]));
    let last = last.await.ok().flatten()?;
    (last.action == LOST).then(|| last.detail.unwrap_or_default())
}

struct Reconciler {
    hub: Shared,
    engine: Engine,
    blueprint: Blueprint,
    containers: BTreeMap<Id, Container>,
    rows: BTreeMap<Row, Deaths>,
    unstartable: BTreeMap<Row, String>,
    outage: Option<String>,
    news: Vec<(&'static str, String)>,
    tasks: JoinSet<Done>,
    orders: mpsc::UnboundedReceiver<Leave>,
    /// Who has to go because the human said so, and who waits for that.
    leaving: BTreeMap<Id, Vec<oneshot::Sender<()>>>,
}

#[derive(Clone, Copy, Debug)]
struct Container {
    phase: Phase,
    since: Instant,
}

/// Whose deaths are counted together: each worker's, and all verifiers'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Worker(u32),
    Verifiers,
}

/// Why a session with the engine is over.
enum Over {
    HubEnds,
    AllEnded,
    EngineLost(FleetError),
}

/// An action that was done.
enum Done {
    Started(Id, Result<(), FleetError>),
    Removed(Id),
}

impl Reconciler {
    /// One connection to the engine, from the first look to its loss.
    async fn session(&mut self) -> Over {
        let mut deaths = self.engine.deaths(self.blueprint.names().id(), Utc::now());
        // Nothing that was begun over an earlier connection will be reported.
        self.tasks.shutdown().await;
        self.containers
            .retain(|_, c| !matches!(c.phase, Phase::Starting | Phase::Removing));
        if let Err(error) = self.look().await {
            return Over::EngineLost(error);
        }
        if self.outage.take().is_some() {
            self.tell(BACK, String::new());
        }
        let mut desired = self.hub.fleet.wanted.subscribe();
        let mut demand = self.hub.verifications.demand();
        let mut stopped = self.hub.fleet.orders.stopped();
        self.send_away();
        let mut resync = Instant::now() + RESYNC;
        loop {
            desired.borrow_and_update();
            demand.borrow_and_update();
            stopped.borrow_and_update();
            self.act().await;
            self.publish().await;
            let retry = self.next_retry();
            tokio::select! {
                biased;
                () = self.hub.closing.cancelled() => return Over::HubEnds,
                () = self.hub.fleet.ending.cancelled() => {
                    return match self.end_all().await {
                        Ok(()) => Over::AllEnded,
                        Err(error) => Over::EngineLost(error),
                    };
                }
                death = deaths.next() => match death {
                    Some(Ok(death)) => self.died(death).await,
                    Some(Err(error)) => return Over::EngineLost(error),
                    None => return Over::EngineLost(FleetError::Engine("its events ended".into())),
                },
                Some(Ok(done)) = self.tasks.join_next() => self.done(done).await,
                _ = desired.changed() => {
                    self.rows.clear();
                    self.unstartable.clear();
                }
                _ = demand.changed() => (),
                _ = stopped.changed() => (),
                Some(leave) = self.orders.recv() => self.take_away(leave),
                () = at(retry) => (),
                () = tokio::time::sleep_until(resync) => {
                    resync = Instant::now() + RESYNC;
                    if let Err(error) = self.look().await {
                        return Over::EngineLost(error);
                    }
                }
            }
        }
    }

    /// Compares what is known with what the engine lists.
    async fn look(&mut self) -> Result<(), FleetError> {
        let listed = self.engine.list(self.blueprint.names().id()).await?;
        let mut found = BTreeSet::new();
        for container in listed {
            let Some(id) = Id::parse(&container.name) else {
                continue;
            };
            found.insert(id);
            let known = self.containers.get(&id).map(|c| c.phase);
            let phase = match (known, container.state) {
                (Some(Phase::Starting | Phase::Removing), _) => continue,
                (Some(Phase::Running), State::Running) => continue,
                (None, State::Running) if !id.is_verifier => {
                    tracing::info!("{} runs already: it goes on", container.name);
                    Phase::Running
                }
                _ => Phase::Dead,
            };
            let since = Instant::now();
            self.containers.insert(id, Container { phase, since });
        }
        let vanished = self.containers.iter().filter(|(id, container)| {
            let settled = matches!(container.phase, Phase::Running | Phase::Dead);
            settled && !found.contains(id)
        });
        for id in vanished.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.gone(id).await;
        }
        Ok(())
    }

    /// Starts what is missing, removes what is dead.
    async fn act(&mut self) {
        let desired = self.desired().await;
        let phases = self.phases();
        for action in plan(&desired, &phases) {
            let (id, phase) = match action {
                Action::Start(id) => (id, Phase::Starting),
                Action::Remove(id) => (id, Phase::Removing),
            };
            let since = Instant::now();
            self.containers.insert(id, Container { phase, since });
            let (hub, engine) = (self.hub.clone(), self.engine.clone());
            let blueprint = self.blueprint.clone();
            self.tasks.spawn(async move {
                match action {
                    Action::Start(id) => {
                        Done::Started(id, start(&hub, &engine, &blueprint, id).await)
                    }
                    Action::Remove(id) => {
                        remove(&engine, &hub.fleet.container(&id.name())).await;
                        Done::Removed(id)
                    }
                }
            });
        }
    }

    /// Has an agent go. One that is being started anew already need not go first.
    fn take_away(&mut self, Leave { id, order, gone }: Leave) {
        self.rows.remove(&row(id));
        self.unstartable.remove(&row(id));
        let phase = self.containers.get(&id).map(|container| container.phase);
        if order == Order::Restart && phase == Some(Phase::Starting) {
            // Whoever asked may be gone.
            let _ = gone.send(());
            return;
        }
        self.leaving.entry(id).or_default().push(gone);
        self.send_away();
    }

    /// Ends the containers of those who have to go. One that is being started is ended when it is.
    fn send_away(&mut self) {
        let leaving: Vec<Id> = self.leaving.keys().copied().collect();
        for id in leaving {
            match self.containers.get_mut(&id) {
                None => self.has_left(id),
                Some(container) if container.phase == Phase::Running => {
                    container.phase = Phase::Removing;
                    let (hub, engine) = (self.hub.clone(), self.engine.clone());
                    self.tasks.spawn(async move {
                        let container = hub.fleet.container(&id.name());
                        if let Err(error) = engine.stop(&container, STOP_GRACE).await {
                            tracing::warn!("{container} was not asked to end: {error}");
                        }
                        remove(&engine, &container).await;
                        Done::Removed(id)
                    });
                }
                Some(_) => (),
            }
        }
    }

    /// Tells those who waited for it.
    fn has_left(&mut self, id: Id) {
        for gone in self.leaving.remove(&id).unwrap_or_default() {
            // Whoever asked may be gone, too.
            let _ = gone.send(());
        }
    }

    async fn desired(&self) -> Desired {
        let now = Instant::now();
        let demand = self.hub.verifications.demand().borrow().clone();
        let attempts = self.hub.database.read(|store| store.live_attempts()).await;
        let unfinished = attempts.unwrap_or_default();
        let held = |row: &Row| {
            self.rows
                .get(row)
                .is_some_and(|d| d.held_until(now).is_some())
        };
        let workers = self.rows.keys().filter_map(|row| match row {
            Row::Worker(number) if held(row) => Some(Id::worker(*number)),
            _ => None,
        });
        Desired {
            workers: self.hub.fleet.desired(),
            ready_verifiers: u32::try_from(demand.ready).unwrap_or(u32::MAX),
            unfinished: numbers(unfinished.iter().map(|a| &a.agent), false),
            stopped: self.hub.fleet.orders.stopped().borrow().clone(),
            busy: numbers(demand.taken.iter(), true),
            obsolete: numbers(demand.obsolete.iter(), true),
            held: workers.collect(),
            verifiers_held: held(&Row::Verifiers),
        }
    }

    /// A container's process ended, as the engine says.
    async fn died(&mut self, death: Death) {
        let Some(id) = Id::parse(&death.name) else {
            return;
        };
        let Some(container) = self.containers.get(&id).copied() else {
            return;
        };
        if !matches!(container.phase, Phase::Starting | Phase::Running) {
            return;
        }
        // The event may be of an earlier container under the same name.
        let out_of_memory = match self.engine.exit(&death.container).await {
            Ok(None) => return,
            Ok(Some(exit)) => exit.out_of_memory,
            Err(_) if container.phase == Phase::Starting => return,
            Err(_) => false,
        };
        let ended = Ended {
            code: death.code,
            out_of_memory,
            was_heard: self.hub.presence.of(&death.name).is_some(),
            was_dismissed: !id.is_verifier && id.number > self.hub.fleet.desired(),
            had_work: id.is_verifier
                && self
                    .hub
                    .verifications
                    .demand()
                    .borrow()
                    .taken
                    .contains(&death.name),
        };
        let kind = ended.kind(self.hub.config().limits.memory);
        if !ended.is_as_asked() {
            let lines = last_lines(&self.engine, &death.container).await;
            let words = lines.as_deref().and_then(last_words);
            let cause = Cause::new(&kind, words);
            if !id.is_verifier {
                let blame = store::Death {
                    from_outside: !ended.is_failure(),
                    reason: format!("its container died: {kind}"),
                    log_tail: lines,
                };
                self.blame(&death.name, blame).await;
            }
            self.tell("agent_died", format!("{}: {cause}", death.name));
            if ended.is_failure() {
                self.count(id, cause, container.since.elapsed());
            }
        }
        if id.is_verifier {
            self.hub.verifications.verifier_died(&death.name, &kind);
        }
        if let Some(container) = self.containers.get_mut(&id) {
            container.phase = Phase::Dead;
        }
    }

    /// Writes the death down on the ticket that the agent worked on.
    async fn blame(&self, agent: &str, death: store::Death) {
        let agent = agent.to_owned();
        let written = self
            .hub
            .database
            .call(move |store| store.attempt_died(&agent, &death));
        if let Err(error) = written.await {
            tracing::warn!("a death could not be written down: {error}");
        }
    }

    async fn done(&mut self, done: Done) {
        match done {
            Done::Removed(id) => self.gone(id).await,
            Done::Started(id, Ok(())) => {
                self.started(id);
                self.send_away();
            }
            Done::Started(id, Err(FleetError::NameTaken(_))) => {
                let (phase, since) = (Phase::Dead, Instant::now());
                self.containers.insert(id, Container { phase, since });
            }
            Done::Started(id, Err(error)) => {
                self.containers.remove(&id);
                self.has_left(id);
                let problem = format!("{} cannot be started: {error}", id.name());
                tracing::warn!("{problem}");
                self.unstartable.insert(row(id), problem);
                let cause = Cause::new(&error.to_string(), None);
                self.count(id, cause, Duration::ZERO);
            }
        }
    }

    fn started(&mut self, id: Id) {
        self.unstartable.remove(&row(id));
        let Some(container) = self.containers.get_mut(&id) else {
            return;
        };
        // Unless it died before we heard that it was started.
        if container.phase == Phase::Starting {
            container.phase = Phase::Running;
        }
        if !id.is_verifier {
            self.tell("agent_started", id.name());
        }
    }

    /// The container is no more; what its runner had goes to others.
    async fn gone(&mut self, id: Id) {
        self.containers.remove(&id);
        self.has_left(id);
        let name = id.name();
        if id.is_verifier {
            self.hub.verifications.verifier_gone(&name);
        } else if id.number <= self.hub.fleet.desired() && !self.hub.fleet.is_stopped(id) {
            return;
        }
        self.hub.presence.forget(&name);
        let forgotten = self
            .hub
            .database
            .call(move |store| store.forget_agent(&name));
        if let Err(error) = forgotten.await {
            tracing::warn!("{} could not be forgotten: {error}", id.name());
        }
    }

    fn count(&mut self, id: Id, cause: Cause, lived: Duration) {
        let row = row(id);
        let deaths = self.rows.entry(row).or_default();
        deaths.add(cause, lived, Instant::now());
        if deaths.just_broke()
            && let Some(problem) = deaths.problem(&row.name())
        {
            self.tell("breaker_opened", problem);
        }
    }

    /// Everything of this project but the hub is asked to end, then removed.
    async fn end_all(&mut self) -> Result<(), FleetError> {
        // The engine goes on with what it was asked for, listed below or not: let it finish.
        let begun = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(BEGUN_GRACE, begun).await;
        self.tasks.shutdown().await;
        let listed = self.engine.list(self.blueprint.names().id()).await?;
        let agents = listed.into_iter().filter(|c| Id::parse(&c.name).is_some());
        let endings = agents.map(|agent| {
            let (hub, engine) = (self.hub.clone(), self.engine.clone());
            async move {
                engine.stop(&agent.container, STOP_GRACE).await?;
                engine.remove(&agent.container).await?;
                let name = agent.name;
                hub.presence.forget(&name);
                // The agent is gone; a row too many in the database does no harm.
                let _ = hub
                    .database
                    .call(move |store| store.forget_agent(&name))
                    .await;
                Ok::<(), FleetError>(())
            }
        });
        futures_util::future::try_join_all(endings).await?;
        self.containers.clear();
        self.publish().await;
        Ok(())
    }

    async fn lost(&mut self, error: &FleetError) {
        self.tell(LOST, error.to_string());
        self.outage = Some(format!(
            "Docker does not answer, so no container is started or replaced: {error}"
        ));
        self.publish().await;
    }

    /// Shows what is known to the rest of the hub, then writes down what happened: who hears of an
    /// event finds what it is about.
    async fn publish(&mut self) {
        let problem = |about: String, said: String| Problem { about, said };
        let outage = self.outage.iter();
        let outage = outage.map(|said| problem(DOCKER.into(), said.clone()));
        let unstartable = self.unstartable.iter();
        let unstartable = unstartable.map(|(row, said)| problem(row.name(), said.clone()));
        let broken = broken(self.rows.iter().map(|(row, deaths)| (row.name(), deaths)));
        *self.hub.fleet.lock() = Seen {
            engine: Some(self.engine.clone()),
            containers: self.phases(),
            problems: outage.chain(unstartable).chain(broken).collect(),
        };
        for (action, detail) in std::mem::take(&mut self.news) {
            let detail = Some(detail).filter(|d| !d.is_empty());
            let told = self
                .hub
                .database
                .call(move |store| store.note(&Actor::Hub, None, action, detail.as_deref()));
            if let Err(error) = told.await {
                tracing::warn!("an event could not be written down: {error}");
            }
        }
    }

    fn tell(&mut self, action: &'static str, detail: String) {
        tracing::info!("{action} {detail}");
        self.news.push((action, detail));
    }

    fn phases(&self) -> BTreeMap<Id, Phase> {
        self.containers
            .iter()
            .map(|(id, c)| (*id, c.phase))
            .collect()
    }

    /// The nearest moment at which something that waits may be started again.
    fn next_retry(&self) -> Option<Instant> {
        let now = Instant::now();
        self.rows.values().filter_map(|d| d.held_until(now)).min()
    }
}

impl Row {
    fn name(self) -> String {
        match self {
            Row::Worker(number) => Id::worker(number).name(),
            Row::Verifiers => "the verifiers".into(),
        }
    }
}

fn row(id: Id) -> Row {
    if id.is_verifier {
        Row::Verifiers
    } else {
        Row::Worker(id.number)
    }
}

fn numbers<'a>(names: impl Iterator<Item = &'a String>, verifiers: bool) -> BTreeSet<u32> {
    names
        .filter_map(|name| Id::parse(name))
        .filter(|id| id.is_verifier == verifiers)
        .map(|id| id.number)
        .collect()
}
