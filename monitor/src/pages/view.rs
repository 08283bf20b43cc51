//! What the templates show, gathered from the hub.

use askama::Template;
use ticket::event::Event;
use ticket::filter::Filter;
use ticket::landing::Landing;
use ticket::wire::{AgentStatus, SwarmStatus};
use ticket::{Actor, Queue, Status, Ticket};

use crate::error::Answer;
use crate::hub::Hub;
use crate::routes::status;

/// How many tickets are listed; the oldest unfinished ones matter most.
const MAX_TICKETS: usize = 500;
/// How many landings, and how many rows of the activity log.
const ROWS: u32 = 30;
/// How many digits of a commit are shown.
const SHORT_COMMIT: usize = 10;

/// The whole page.
#[derive(Template)]
#[template(path = "index.html")]
pub struct Index {
    project: String,
    after: i64,
    summary: Summary,
    tickets: Tickets,
    agents: Agents,
    landings: Landings,
    activity: Activity,
}

/// Main's head, counts and problems.
#[derive(Template)]
#[template(path = "summary.html")]
pub struct Summary {
    status: SwarmStatus,
    counts: Vec<(Status, u64)>,
}

/// Unfinished tickets.
#[derive(Template)]
#[template(path = "tickets.html")]
pub struct Tickets {
    tickets: Vec<Ticket>,
    more: usize,
}

/// Agents and verifiers.
#[derive(Template)]
#[template(path = "agents.html")]
pub struct Agents {
    agents: Vec<AgentStatus>,
}

/// The landing queue, then what came of the latest submissions.
#[derive(Template)]
#[template(path = "landings.html")]
pub struct Landings {
    landings: Vec<Landing>,
}

/// The newest rows of the activity log.
#[derive(Template)]
#[template(path = "activity.html")]
pub struct Activity {
    events: Vec<Event>,
}

/// What somebody without a token sees.
#[derive(Template)]
#[template(path = "locked.html")]
pub struct Locked;

/// The page. The cursor is read first: what happens while the rest is read is told again.
pub async fn index(hub: &Hub) -> Answer<Index> {
    let after = *hub.database.last_event().borrow();
    Ok(Index {
        project: hub.config.project.name.clone(),
        after,
        summary: summary(hub).await?,
        tickets: tickets(hub).await?,
        agents: agents(hub).await?,
        landings: landings(hub).await?,
        activity: activity(hub).await?,
    })
}

pub async fn summary(hub: &Hub) -> Answer<Summary> {
    let status = status::gather(hub).await?;
    let count = |s: Status| status.tickets.get(s.as_str()).copied().unwrap_or(0);
    let counts = Status::ALL.map(|s| (s, count(s))).into();
    Ok(Summary { status, counts })
}

pub async fn tickets(hub: &Hub) -> Answer<Tickets> {
    let unfinished = |queue: &mut ticket::store::Session<'_>| queue.list(&Filter::default());
    let mut tickets = hub.read(Actor::Human, unfinished).await?;
    let more = tickets.len().saturating_sub(MAX_TICKETS);
    tickets.truncate(MAX_TICKETS);
    Ok(Tickets { tickets, more })
}

pub async fn agents(hub: &Hub) -> Answer<Agents> {
    let agents = status::gather(hub).await?.agents;
    Ok(Agents { agents })
}

pub async fn landings(hub: &Hub) -> Answer<Landings> {
    let (mut landings, latest) = hub
        .database
        .read(|store| Ok((store.landing_queue()?, store.landings(ROWS)?)))
        .await?;
    let finished = latest.into_iter().filter(|l| l.finished_at.is_some());
    landings.extend(finished);
    Ok(Landings { landings })
}

pub async fn activity(hub: &Hub) -> Answer<Activity> {
    let events = hub
        .database
        .read(|store| store.latest_events(ROWS, None))
        .await?;
    Ok(Activity { events })
}

/// The first digits of a commit, enough for a person.
fn short(commit: &str) -> &str {
    commit.get(..SHORT_COMMIT).unwrap_or(commit)
}
