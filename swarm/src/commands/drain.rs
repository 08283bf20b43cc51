//! The first half of `swarm stop`: agents finish what they have and go, while the human sees who is still
//! at what. Ctrl-C has them stay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use swarm::{Project, hub};
use ticket::Error;
use ticket::client::Client;
use ticket::text::one_line;
use ticket::wire::{AgentStatus, Role};

use super::failure::Refusal;
use super::progress::Wait;
use crate::exit;

/// How often the hub is asked who is still there. It must be more often than it forgets.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long a hub that was heard may be away: one that crashed is back within seconds.
const SILENCE: Duration = Duration::from_secs(15);
/// How often to look for Ctrl-C meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// A ticket that an agent had not finished when its time was over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    agent: String,
    ticket: i64,
    #[serde(skip)]
    phase: String,
}

impl Unfinished {
    /// `#4 of agent-1, #7 of agent-2`.
    pub fn list(all: &[Unfinished]) -> String {
        let each = all
            .iter()
            .map(|one| format!("#{} of {}", one.ticket, one.agent));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// Waits until all agents have finished what they have, at most this long. What they have then is
/// returned. A hub that cannot be asked, or one whose agents stand still, is not waited for. Ctrl-C is
/// an error, and the swarm goes on.
pub fn wait(project: &Project, limit: Duration) -> Result<Vec<Unfinished>> {
    if limit.is_zero() || hub::hub_file(project).is_none() {
        return Ok(Vec::new());
    }
    let client = hub::client(project)?;
    let interrupt = Interrupt::watch()?;
    let until = Instant::now() + limit;
    let mut shown = Wait::new();
    let mut heard = None;
    let mut unfinished = Vec::new();
    loop {
        match ask(&client) {
            Ok(still) => {
                heard = Some(Instant::now());
                unfinished = still.iter().filter_map(work_of).collect();
                if still.is_empty() {
                    return Ok(unfinished);
                }
            }
            Err(Error::Unavailable(_)) if heard.is_some_and(|at| at.elapsed() < SILENCE) => {}
            Err(error) => {
                tracing::debug!("agents are not waited for: {error}");
                return Ok(unfinished);
            }
        }
        if Instant::now() >= until {
            return Ok(unfinished);
        }
        shown.show(&sentence(&unfinished), until - Instant::now());
        let next = Instant::now() + INTERVAL;
        while Instant::now() < next.min(until) {
            if interrupt.came() {
                drop(shown);
                return Err(stay(&client));
            }
            sleep(LOOK);
        }
    }
}

/// Has the agents leave; returns those that are still there.
fn ask(client: &Client) -> ticket::Result<Vec<AgentStatus>> {
    client.leave()?;
    let mut agents = client.status()?.agents;
    agents.retain(|agent| {
        let is_there = agent.container.is_some() || agent.ticket.is_some();
        agent.role == Role::Worker && is_there && agent.state != "stopped"
    });
    Ok(agents)
}

fn work_of(agent: &AgentStatus) -> Option<Unfinished> {
    Some(Unfinished {
        agent: one_line(&agent.name),
        ticket: agent.ticket?,
        phase: one_line(agent.phase.as_deref().unwrap_or("?")),
    })
}

fn sentence(unfinished: &[Unfinished]) -> String {
    let each = unfinished
        .iter()
        .map(|one| format!("{} with #{} ({})", one.agent, one.ticket, one.phase));
    match unfinished {
        [] => "Agents are leaving".to_owned(),
        [_] => format!("One agent finishes: {}", each.collect::<String>()),
        many => {
            let number = many.len();
            let each = each.collect::<Vec<_>>().join(", ");
            format!("{number} agents finish: {each}")
        }
    }
}

fn stay(client: &Client) -> anyhow::Error {
    let what = match client.stay() {
        Ok(()) => "interrupted: nothing was stopped, and the swarm goes on".to_owned(),
        Err(error) => format!("interrupted: the swarm goes on by itself within a minute ({error})"),
    };
    Refusal {
        code: exit::INTERRUPTED,
        what,
    }
    .into()
}

/// Ctrl-C and its like are heard, and end nothing, until this is dropped.
struct Interrupt {
    came: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Interrupt {
    fn watch() -> Result<Interrupt> {
        let watched = Interrupt {
            came: Arc::default(),
            over: Arc::default(),
        };
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let (came, over) = (watched.came.clone(), watched.over.clone());
            signal_hook::flag::register_conditional_default(signal, over)
                .and_then(|_| signal_hook::flag::register(signal, came))
                .context("cannot listen for Ctrl-C")?;
        }
        Ok(watched)
    }

    fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        // Taken away, a handler would leave its signal without any effect.
        self.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_work(agent: &str, ticket: i64, phase: &str) -> Unfinished {
        Unfinished {
            agent: agent.into(),
            ticket,
            phase: phase.into(),
        }
    }

    #[test]
    fn who_is_still_at_what_is_told_in_one_line() {
        let (one, two) = (
            at_work("agent-1", 4, "agent"),
            at_work("agent-3", 7, "verify"),
        );
        assert_eq!(sentence(&[]), "Agents are leaving");
        assert_eq!(
            sentence(std::slice::from_ref(&one)),
            "One agent finishes: agent-1 with #4 (agent)"
        );
        assert_eq!(
            sentence(&[one.clone(), two.clone()]),
            "2 agents finish: agent-1 with #4 (agent), agent-3 with #7 (verify)"
        );
        assert_eq!(
            Unfinished::list(&[one, two]),
            "#4 of agent-1, #7 of agent-3"
        );
    }
}
