//! The agents: what each does and since when, what its container uses, what it cost today. Each has a
//! page with its container's log and its session, as they happen.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use futures_util::{StreamExt, TryStreamExt};
use ticket::cost::{By, CostFilter};
use ticket::usage::{Spent, grouped};
use ticket::wire::AgentStatus;
use ticket::{Actor, Error, Queue, moment, text};

use super::frame::Frame;
use super::{rendered, tail};
use crate::error::{Answer, Path, Refusal};
use crate::fleet::load::Load;
use crate::fleet::plan::Id;
use crate::hub::{Hub, Shared};
use crate::routes::status;

/// How many lines of a container's log are on the page before more is heard.
const LOG_LINES: u64 = 200;

#[derive(Template)]
#[template(path = "agents.html")]
struct Page {
    frame: Frame,
    agents: Agents,
}

/// Agents and verifiers.
#[derive(Template)]
#[template(path = "agents_table.html")]
pub struct Agents {
    agents: Vec<Agent>,
}

/// One of them.
struct Agent {
    status: AgentStatus,
    /// When it took its ticket, in UTC.
    since: String,
    /// What its container uses, in words.
    cores: String,
    memory: String,
    /// What it cost today.
    spent: Option<Spent>,
}

impl Agent {
    fn tokens(&self) -> String {
        let spent = self.spent.unwrap_or_default();
        let sent = spent.input_tokens + spent.cache_read_tokens + spent.cache_write_tokens;
        match self.spent {
            Some(spent) => format!("{} in, {} out", grouped(sent), grouped(spent.output_tokens)),
            None => String::new(),
        }
    }

    fn cost(&self) -> String {
        self.spent.map_or(String::new(), |spent| spent.cost())
    }
}

/// `GET /agents`
pub async fn page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Agents").await?;
    let agents = among(&hub, &frame.status.agents, None).await?;
    Ok(Html(rendered(&Page { frame, agents })?))
}

/// All, or the one of this name, as they are now.
pub async fn agents(hub: &Hub, only: Option<&str>) -> Answer<Agents> {
    among(hub, &status::gather(hub).await?.agents, only).await
}

async fn among(hub: &Hub, known: &[AgentStatus], only: Option<&str>) -> Answer<Agents> {
    let known = known
        .iter()
        .filter(|agent| only.is_none_or(|name| agent.name == name));
    let loads = hub.fleet.loads().await;
    let (attempts, cost) = hub
        .database
        .read(|store| {
            let attempts = store.live_attempts()?;
            let cost = store.session(&Actor::Hub).cost(&CostFilter {
                by: By::Agent,
                since: Some(moment::today()),
                ..CostFilter::default()
            })?;
            Ok((attempts, cost))
        })
        .await?;
    let since: BTreeMap<String, String> = attempts
        .into_iter()
        .map(|attempt| (attempt.agent, attempt.started_at))
        .collect();
    let spent: BTreeMap<String, Spent> = cost
        .lines
        .into_iter()
        .map(|line| (line.key, line.spent))
        .collect();
    let agent = |status: AgentStatus| {
        let load = loads.get(&status.name);
        Agent {
            since: since.get(&status.name).cloned().unwrap_or_default(),
            cores: load.map_or(String::new(), cores),
            memory: load.map_or(String::new(), memory),
            spent: spent.get(&status.name).copied(),
            status,
        }
    };
    Ok(Agents {
        agents: known.cloned().map(agent).collect(),
    })
}

fn cores(load: &Load) -> String {
    load.cores
        .map_or("…".to_owned(), |cores| format!("{:.0} %", cores * 100.0))
}

fn memory(load: &Load) -> String {
    let used = text::size(load.memory);
    match load.memory_limit {
        Some(limit) => format!("{used} of {}", text::size(limit)),
        None => used,
    }
}

#[derive(Template)]
#[template(path = "agent.html")]
struct One {
    frame: Frame,
    id: Id,
    name: String,
    agents: Agents,
    /// The end of the container's log.
    log: Log,
    session: Session,
}

/// What a container printed.
enum Log {
    Printed(String),
    /// There is none, and why.
    None(String),
}

/// What its newest run was, and the end of that.
struct Session {
    about: String,
    text: String,
}

/// `GET /agents/{name}`
pub async fn one(State(hub): State<Shared>, Path(name): Path<String>) -> Answer<Html<String>> {
    let id = known(&name)?;
    let frame = Frame::around(&hub, &id.name()).await?;
    let agents = among(&hub, &frame.status.agents, Some(&name)).await?;
    let log = log(&hub, &name).await;
    let session = session(&hub, &name).await?;
    Ok(Html(rendered(&One {
        frame,
        id,
        name,
        agents,
        log,
        session,
    })?))
}

/// `GET /parts/agents/{name}`
pub async fn part(State(hub): State<Shared>, Path(name): Path<String>) -> Answer<Html<String>> {
    known(&name)?;
    Ok(Html(rendered(&agents(&hub, Some(&name)).await?)?))
}

fn known(name: &str) -> Answer<Id> {
    let id = Id::parse(name).filter(|id| id.name() == name);
    id.ok_or_else(|| {
        let name = text::one_line(name);
        Refusal(Error::NotFound(format!(
            "there is no agent '{name}': names are such as agent-1 or verifier-2"
        )))
    })
}

async fn log(hub: &Hub, name: &str) -> Log {
    let Some(engine) = hub.fleet.seen().engine else {
        return Log::None("This hub runs no containers.".into());
    };
    let pieces = engine.logs(&hub.fleet.container(name), false, Some(LOG_LINES));
    let pieces = pieces.map_ok(|piece| text::clean(&String::from_utf8_lossy(&piece)));
    match pieces.boxed().try_collect().await {
        Ok(printed) => Log::Printed(printed),
        Err(_) => Log::None("It has no container at present.".into()),
    }
}

async fn session(hub: &Hub, name: &str) -> Answer<Session> {
    let Some(entry) = tail::newest_of(hub, name) else {
        return Ok(Session {
            about: "Nothing was recorded of it yet.".into(),
            text: String::new(),
        });
    };
    Ok(Session {
        about: format!(
            "{}, {}, begun {} UTC",
            entry.key, entry.phase, entry.started_at
        ),
        text: tail::end_of(hub, &entry).await?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_agents_are_known() {
        for name in ["agent-1", "verifier-12"] {
            assert!(known(name).is_ok(), "{name}");
        }
        for name in [
            "hub",
            "agent-0",
            "agent-01",
            "agent-+1",
            "",
            "<b>",
            "agent-1/..",
        ] {
            assert!(known(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_a_container_uses_is_said_in_words() {
        let load = Load {
            cores: Some(0.256),
            memory: 1_500_000,
            memory_limit: Some(4_000_000),
        };
        assert_eq!(cores(&load), "26 %");
        assert_eq!(memory(&load), "1.5 MB of 4.0 MB");
        assert_eq!(cores(&Load::default()), "…");
    }
}
