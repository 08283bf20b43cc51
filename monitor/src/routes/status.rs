//! The swarm at a glance: what the database, the fleet and the hub's memory know, put together.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use ticket::attempt::Attempt;
use ticket::cost::Today;
use ticket::landing::Landing;
use ticket::store::{AgentRow, Total};
use ticket::wire::{AgentStatus, Role, SwarmStatus};
use ticket::{Actor, Queue, Store, moment};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Answer;
use crate::fleet::plan::{Id, Phase};
use crate::hub::{Hub, Shared};
use crate::presence::{Doing, Heard};

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(status))
}

/// The swarm at a glance.
#[utoipa::path(
    get,
    path = "/status",
    operation_id = "status",
    tag = "swarm",
    responses((status = 200, description = "The answer.", body = SwarmStatus)),
)]
async fn status(State(hub): State<Shared>) -> Answer<Json<SwarmStatus>> {
    Ok(Json(gather(&hub).await?))
}

/// Everything at this moment.
pub async fn gather(hub: &Hub) -> Answer<SwarmStatus> {
    let base = hub.base().await?;
    let queue = hub
        .database
        .read_kept(&hub.glance, moment::today(), Glance::read)
        .await?;
    let Glance {
        registered,
        attempts,
        tickets,
        landings,
        today,
        ..
    } = queue;
    let paused = hub.read(Actor::Hub, |queue| queue.paused()).await?;
    let seen = hub.fleet.seen();
    let desired = hub.fleet.desired();
    let known = Known {
        registered: registered.iter().map(|a| (a.name.as_str(), a)).collect(),
        attempts: attempts.iter().map(|a| (a.agent.as_str(), a)).collect(),
        containers: &seen.containers,
        runs_containers: seen.engine.is_some(),
        desired,
        is_frozen: hub.freeze.is_on(),
        is_stopped: |id| hub.fleet.is_stopped(id),
    };
    let agents = known.names().map(|id| {
        let container = |name: &str| hub.fleet.container(name);
        known.agent(id, hub.presence.of(&id.name()), container)
    });
    Ok(SwarmStatus {
        project: hub.config().project.name.clone(),
        base,
        desired_agents: desired,
        agents: agents.collect(),
        tickets,
        landings,
        cost: Some(today),
        problems: seen
            .problems
            .into_iter()
            .map(|problem| problem.said)
            .chain(hub.login.problem(moment::now()))
            .chain(hub.notifier.troubles())
            .chain(hub.transcripts.problem())
            .chain(paused.map(|reason| {
                format!("claims are paused: {reason}; 'ticket resume' lets them go on")
            }))
            .collect(),
    })
}

/// What the database has of it. It is the same all day, until something is written.
#[derive(Clone, Debug)]
pub struct Glance {
    registered: Vec<AgentRow>,
    attempts: Vec<Attempt>,
    tickets: BTreeMap<String, u64>,
    total: Total,
    landings: Vec<Landing>,
    today: Today,
}

impl Glance {
    fn read(store: &mut Store, last: Option<Glance>) -> ticket::Result<Glance> {
        let known = last.map(|last| last.total).unwrap_or_default();
        let (tickets, total) = store.status_counts_from(known)?;
        Ok(Glance {
            registered: store.agents()?,
            attempts: store.live_attempts()?,
            tickets,
            total,
            landings: store.landing_queue()?,
            today: store.today()?,
        })
    }
}

/// What an agent's line is made from.
struct Known<'a, S: Fn(Id) -> bool> {
    registered: BTreeMap<&'a str, &'a AgentRow>,
    attempts: BTreeMap<&'a str, &'a Attempt>,
    containers: &'a BTreeMap<Id, Phase>,
    runs_containers: bool,
    desired: u32,
    is_frozen: bool,
    is_stopped: S,
}

impl<S: Fn(Id) -> bool> Known<'_, S> {
    /// Workers that there are or should be, and verifiers that there are.
    fn names(&self) -> impl Iterator<Item = Id> + use<S> {
        let mut ids: Vec<Id> = self.containers.keys().copied().collect();
        if self.runs_containers {
            ids.extend((1..=self.desired).map(Id::worker));
        }
        ids.extend(self.registered.keys().filter_map(|name| Id::parse(name)));
        ids.sort();
        ids.dedup();
        ids.into_iter()
    }

    fn agent(
        &self,
        id: Id,
        heard: Option<Heard>,
        container: impl Fn(&str) -> String,
    ) -> AgentStatus {
        let name = id.name();
        let row = self.registered.get(name.as_str());
        let attempt = self.attempts.get(name.as_str());
        let phase = self.containers.get(&id).copied();
        let state = state(Facts {
            phase: phase.filter(|_| self.runs_containers),
            runs_containers: self.runs_containers,
            enrolled: heard.is_some() || row.is_some_and(|r| r.seen_at.is_some()),
            has_attempt: attempt.is_some(),
            is_proposing: heard.as_ref().is_some_and(|h| h.doing == Doing::Proposing),
            is_frozen: self.is_frozen && id.role() == Role::Worker,
            is_stopped: (self.is_stopped)(id),
            is_dismissed: id.role() == Role::Worker && id.number > self.desired,
        });
        let seen_at = heard.map(|h| h.at);
        AgentStatus {
            role: id.role(),
            state: state.to_owned(),
            container: phase.map(|_| container(&name)),
            ticket: attempt.map(|a| a.ticket_id),
            attempt: attempt.map(|a| a.number),
            phase: attempt.map(|a| a.phase.clone()),
            seen_at: seen_at.or_else(|| row.and_then(|r| r.seen_at.clone())),
            name,
        }
    }
}

/// What an agent's state follows from.
#[derive(Clone, Copy, Debug)]
struct Facts {
    phase: Option<Phase>,
    runs_containers: bool,
    enrolled: bool,
    has_attempt: bool,
    is_proposing: bool,
    is_dismissed: bool,
    is_frozen: bool,
    is_stopped: bool,
}

fn state(facts: Facts) -> &'static str {
    match facts.phase {
        None if facts.is_stopped => "stopped",
        Some(_) if facts.is_stopped => "stopping",
        None | Some(Phase::Dead | Phase::Removing) if facts.runs_containers => "down",
        Some(Phase::Starting) => "starting",
        _ if !facts.enrolled => "starting",
        _ if facts.is_dismissed => "stopping",
        _ if facts.is_frozen && (facts.has_attempt || facts.is_proposing) => "frozen",
        _ if facts.has_attempt => "working",
        _ if facts.is_proposing => "proposing",
        _ => "idle",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_follows_from_container_and_work() {
        let idle = Facts {
            phase: Some(Phase::Running),
            runs_containers: true,
            enrolled: true,
            has_attempt: false,
            is_proposing: false,
            is_dismissed: false,
            is_frozen: false,
            is_stopped: false,
        };
        let working = Facts {
            has_attempt: true,
            ..idle
        };
        for (facts, expected) in [
            (idle, "idle"),
            (working, "working"),
            (
                Facts {
                    is_proposing: true,
                    ..idle
                },
                "proposing",
            ),
            (
                Facts {
                    is_dismissed: true,
                    ..working
                },
                "stopping",
            ),
            (
                Facts {
                    is_frozen: true,
                    ..working
                },
                "frozen",
            ),
            (
                Facts {
                    is_frozen: true,
                    ..idle
                },
                "idle",
            ),
            (
                Facts {
                    is_stopped: true,
                    ..working
                },
                "stopping",
            ),
            (
                Facts {
                    phase: None,
                    is_stopped: true,
                    ..idle
                },
                "stopped",
            ),
            (
                Facts {
                    enrolled: false,
                    ..idle
                },
                "starting",
            ),
            (
                Facts {
                    phase: Some(Phase::Starting),
                    ..idle
                },
                "starting",
            ),
            (
                Facts {
                    phase: Some(Phase::Dead),
                    ..working
                },
                "down",
            ),
            (
                Facts {
                    phase: None,
                    ..idle
                },
                "down",
            ),
            (
                Facts {
                    phase: None,
                    runs_containers: false,
                    ..working
                },
                "working",
            ),
        ] {
            assert_eq!(state(facts), expected, "{facts:?}");
        }
    }
}
