//! The pages that are one list: agents, the landing queue, the activity log.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use ticket::event::Event;
use ticket::landing::Landing;
use ticket::wire::AgentStatus;

use super::frame::Frame;
use super::rendered;
use crate::error::Answer;
use crate::hub::{Hub, Shared};
use crate::routes::status;

/// How many landings, and how many rows of the activity log.
const ROWS: u32 = 200;

#[derive(Template)]
#[template(path = "lists.html")]
struct List {
    frame: Frame,
    part: &'static str,
    content: String,
}

/// Agents and verifiers.
#[derive(Template)]
#[template(path = "agents.html")]
struct Agents {
    agents: Vec<AgentStatus>,
}

/// The landing queue, then what came of the latest submissions.
#[derive(Template)]
#[template(path = "landings.html")]
struct Landings {
    landings: Vec<Landing>,
}

/// The newest rows of the activity log.
#[derive(Template)]
#[template(path = "activity.html")]
struct Activity {
    events: Vec<Event>,
}

/// `GET /agents`
pub async fn agents_page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Agents").await?;
    page(frame, "agents", agents(&hub).await?)
}

/// `GET /landing`
pub async fn landings_page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Landing").await?;
    page(frame, "landings", landings(&hub).await?)
}

/// `GET /activity`
pub async fn activity_page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Activity").await?;
    page(frame, "activity", activity(&hub).await?)
}

fn page(frame: Frame, part: &'static str, content: String) -> Answer<Html<String>> {
    Ok(Html(rendered(&List {
        frame,
        part,
        content,
    })?))
}

/// The agents as they are now.
pub async fn agents(hub: &Hub) -> Answer<String> {
    let agents = status::gather(hub).await?.agents;
    rendered(&Agents { agents })
}

/// The landing queue as it is now.
pub async fn landings(hub: &Hub) -> Answer<String> {
    let (mut landings, latest) = hub
        .database
        .read(|store| Ok((store.landing_queue()?, store.landings(ROWS)?)))
        .await?;
    let finished = latest.into_iter().filter(|l| l.finished_at.is_some());
    landings.extend(finished);
    rendered(&Landings { landings })
}

/// The activity log as it is now.
pub async fn activity(hub: &Hub) -> Answer<String> {
    let events = hub
        .database
        .read(|store| store.latest_events(ROWS, None))
        .await?;
    rendered(&Activity { events })
}
