//! A worker asks for something to do: a ticket, else a proposal, else it waits.
//!
//! Waiting workers stand in line. The first of them watches the queue, having registered its
//! interest before it looks; when it got something the next one steps up and looks at once. So one
//! event costs one claim and not one for every idle agent, and nobody waits longer than its turn.
//!
//! What is given to a worker that is not there any more comes back: [`Offer`] returns it when it is
//! dropped, and [`give_back_lost`] when a worker asks for work while it still has some.

use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use chrono::Utc;
use swarm::config::Config;
use ticket::attempt::Outcome;
use ticket::backend::Role;
use ticket::diff;
use ticket::prompt::Background;
use ticket::store::{ClaimPolicy, NewAttempt, NewProposal, Ration};
use ticket::wire::{Assignment, EndAttempt, EndProposal, ProposalRun, Work, WorkRequest};
use ticket::{Result, Store};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::auth::Worker;
use crate::database::Database;
use crate::error::{Answer, Body, Refusal};
use crate::hub::{Hub, Shared, Woken, wait_until};
use crate::presence::Doing;
use crate::settings;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/work", post(work))
}

async fn work(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Body(request): Body<WorkRequest>,
) -> Answer<Json<Work>> {
    hub.presence.is(&name, Doing::Waiting);
    give_back_lost(&hub, &name).await?;
    let deadline = wait_until(request.wait);
    let given = tokio::select! {
        biased;
        () = hub.closing.cancelled() => Given::Nothing,
        () = hub.fleet.dismissed(&name) => return Ok(Json(Work::Stop)),
        given = in_line(&hub, &name, deadline) => given?,
    };
    let work = match given {
        Given::Ticket(offer) => assignment(&hub, *offer).await?,
        Given::Proposal(offer) => {
            let work = proposal(&hub, offer).await?;
            hub.presence.is(&name, Doing::Proposing);
            work
        }
        Given::Nothing => Work::Nothing,
    };
    Ok(Json(work))
}

/// What the store had for a worker.
enum Given {
    Ticket(Box<Offer<NewAttempt>>),
    Proposal(Offer<NewProposal>),
    Nothing,
}

/// Waits for its turn, then for something to do.
async fn in_line(hub: &Hub, name: &str, deadline: Instant) -> Result<Given> {
    if deadline <= Instant::now() {
        return Ok(take(hub, name).await?.0);
    }
    let Ok(_turn) = tokio::time::timeout_at(deadline, hub.line.lock()).await else {
        return Ok(Given::Nothing);
    };
    let mut events = hub.database.last_event();
    loop {
        let (given, deferred) = take(hub, name).await?;
        if !matches!(given, Given::Nothing) {
            return Ok(given);
        }
        let until = deferred.map_or(deadline, |moment| moment.min(deadline));
        match hub.woken(&mut events, until).await {
            Woken::ByEvent => (),
            Woken::ByDeadline if until < deadline => (),
            Woken::ByDeadline | Woken::ByClosing => return Ok(Given::Nothing),
        }
    }
}

/// Claims a ticket, or begins a proposal where the ration allows; with nothing, says when to look
/// again.
async fn take(hub: &Hub, name: &str) -> Result<(Given, Option<Instant>)> {
    let agent = name.to_owned();
    let policy = policy(&hub.config());
    let ration = hub.config().proposals.clone();
    let database = hub.database.clone();
    let runtime = Handle::current();
    hub.database
        .call(move |store| {
            if let Some(claim) = store.claim(&agent, policy)? {
                let ticket = &claim.background.ticket.ticket;
                let (ticket, attempt) = (ticket.id, ticket.attempt);
                let back = move |store: &mut Store| {
                    let end =
                        EndAttempt::new(Outcome::Released, "its agent was gone before it got it");
                    store.end_attempt(&agent, ticket, attempt, &end, policy.max_attempts)
                };
                let offer = Offer::new(claim, database, runtime, back);
                return Ok((Given::Ticket(Box::new(offer)), None));
            }
            if ration.enabled {
                let ration = Ration {
                    max_open: ration.max_open,
                    every_seconds: ration.every_minutes * 60,
                };
                let begun = store.begin_proposal(&agent, ration)?;
                if let Some(begun) = begun {
                    let run = begun.run;
                    let back = move |store: &mut Store| {
                        let end = EndProposal {
                            reason: Some("its agent was gone before it got it".to_owned()),
                            outcome: Some(Outcome::Released),
                            ..EndProposal::default()
                        };
                        store.end_proposal(&agent, run, &end)
                    };
                    let offer = Offer::new(begun, database, runtime, back);
                    return Ok((Given::Proposal(offer), None));
                }
            }
            Ok((Given::Nothing, store.next_claimable()?.map(moment)))
        })
        .await
}

async fn assignment(hub: &Hub, offer: Offer<NewAttempt>) -> Answer<Work> {
    let ticket = &offer.given.background.ticket.ticket;
    let (id, number) = (ticket.id, ticket.attempt);
    let agent = settings::agent(hub, Role::Work).await?;
    let base = hub.base().await?;
    let commit = base.commit.clone();
    hub.database
        .call(move |store| store.set_base(id, number, &commit))
        .await?;
    let about = offer.given.background.about();
    let ((learnings, learnings_left_out), allowance) = hub
        .database
        .read(move |store| {
            let learnings = store.learnings_for_prompt(&about)?;
            Ok((learnings, store.allowance(Some(id))?))
        })
        .await?;
    let left = left(hub, offer.given.start_from.clone()).await;
    let claim = offer.taken();
    Ok(Work::Ticket(Box::new(Assignment {
        background: Background {
            left,
            learnings,
            learnings_left_out,
            ..claim.background
        },
        lease_seconds: hub.config().queue.lease_seconds,
        token: claim.token,
        base,
        start_from: claim.start_from,
        resume: claim.resume,
        allowance,
        agent,
        gate: hub.config().gate_settings(),
    })))
}

/// The files that the snapshot changes; an attempt can begin without knowing them.
async fn left(hub: &Hub, snapshot: Option<String>) -> Option<String> {
    let (commit, repository) = (snapshot?, hub.bare.path().to_owned());
    let changed = tokio::task::spawn_blocking(move || diff::changed(&repository, &commit)).await;
    match changed {
        Ok(Ok(changed)) => changed,
        Ok(Err(error)) => {
            tracing::warn!("what the last attempt left was not looked at: {error}");
            None
        }
        Err(error) => {
            tracing::warn!("what the last attempt left was not looked at: {error}");
            None
        }
    }
}

async fn proposal(hub: &Hub, offer: Offer<NewProposal>) -> Answer<Work> {
    let agent = settings::agent(hub, Role::Propose).await?;
    let base = hub.base().await?;
    let allowance = hub.database.read(|store| store.allowance(None)).await?;
    let begun = offer.taken();
    Ok(Work::Propose(Box::new(ProposalRun {
        run: begun.run,
        token: begun.token,
        base,
        known: begun.known,
        tries: begun.tries,
        resume: begun.resume,
        allowance,
        agent,
    })))
}

/// A worker that asks for work has none: what it was given and never heard of goes back. A claim by
/// hand under the same name has another lease and is left alone.
async fn give_back_lost(hub: &Hub, name: &str) -> Answer<()> {
    let agent = name.to_owned();
    let policy = policy(&hub.config());
    hub.database
        .call(move |store| {
            let queue = store.landing_queue()?;
            for lost in store.live_attempts()? {
                let submitted = queue.iter().any(|l| l.ticket_id == lost.ticket_id);
                if lost.agent != agent || lost.lease_seconds != policy.lease_seconds || submitted {
                    continue;
                }
                let end = EndAttempt::new(Outcome::Released, "its agent asked for other work");
                let (ticket, attempt) = (lost.ticket_id, lost.number);
                store.end_attempt(&agent, ticket, attempt, &end, policy.max_attempts)?;
            }
            Ok(())
        })
        .await
        .map_err(Refusal::from)
}

/// Something that was given and has not reached its worker yet. Dropped before [`Offer::taken`], as
/// when the worker closes its connection, it goes back.
struct Offer<T> {
    given: T,
    way_back: WayBack,
}

struct WayBack {
    database: Database,
    runtime: Handle,
    go: Option<GiveBack>,
}

type GiveBack = Box<dyn FnOnce(&mut Store) -> Result<()> + Send>;

impl<T> Offer<T> {
    fn new(
        given: T,
        database: Database,
        runtime: Handle,
        back: impl FnOnce(&mut Store) -> Result<()> + Send + 'static,
    ) -> Offer<T> {
        let way_back = WayBack {
            database,
            runtime,
            go: Some(Box::new(back)),
        };
        Offer { given, way_back }
    }

    fn taken(mut self) -> T {
        self.way_back.go = None;
        self.given
    }
}

impl Drop for WayBack {
    fn drop(&mut self) {
        let Some(go) = self.go.take() else {
            return;
        };
        let database = self.database.clone();
        self.runtime.spawn(async move {
            if let Err(error) = database.call(go).await {
                tracing::warn!("what no agent took could not be given back: {error}");
            }
        });
    }
}

fn policy(config: &Config) -> ClaimPolicy {
    ClaimPolicy {
        lease_seconds: config.queue.lease_seconds,
        max_attempts: config.queue.max_attempts,
    }
}

/// The monotonic moment of a time in Unix seconds.
fn moment(unix_seconds: i64) -> Instant {
    let milliseconds = unix_seconds * 1000 - Utc::now().timestamp_millis();
    Instant::now() + Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}
