//! Who asks, and what each may do to a ticket. The only place that decides it.

use crate::error::{Error, Result};
use crate::ticket::{HUMAN, TicketType};

/// Who stands behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person at a terminal or the page, or a script of theirs.
    Human,
    /// The hub itself: lander, reaper, reconciler.
    Hub,
    /// An agent CLI inside one attempt.
    Attempt {
        /// The agent's name.
        agent: String,
        /// The ticket it works on.
        ticket: i64,
        /// The number of the attempt.
        attempt: i64,
    },
    /// An idle agent that was asked for a proposal.
    Proposer {
        /// The agent's name.
        agent: String,
        /// The number of the proposal run.
        run: i64,
    },
}

impl Actor {
    /// The name that goes into the log and on comments.
    pub fn name(&self) -> &str {
        match self {
            Actor::Human => HUMAN,
            Actor::Hub => "hub",
            Actor::Attempt { agent, .. } | Actor::Proposer { agent, .. } => agent,
        }
    }

    /// The name to write: a human may write in another's name, an agent only in its own.
    pub fn signs<'a>(&'a self, wanted: Option<&'a str>) -> &'a str {
        match self {
            Actor::Human | Actor::Hub => wanted.unwrap_or_else(|| self.name()),
            Actor::Attempt { .. } | Actor::Proposer { .. } => self.name(),
        }
    }

    /// Whom a ticket goes to that this actor makes and assigns to nobody. What an agent asks must not be
    /// answered by another agent; a human may leave a question to whoever claims it.
    pub fn addressee(&self, kind: TicketType) -> Option<&'static str> {
        match self {
            Actor::Human | Actor::Hub => None,
            Actor::Attempt { .. } | Actor::Proposer { .. } => kind.is_for_human().then_some(HUMAN),
        }
    }

    /// Only a human (or the hub) does `what`.
    pub fn must_be_human(&self, what: &str) -> Result<()> {
        match self {
            Actor::Human | Actor::Hub => Ok(()),
            Actor::Attempt { agent, .. } | Actor::Proposer { agent, .. } => Err(Error::Forbidden(
                format!("{agent} may not {what}: only the human may"),
            )),
        }
    }

    /// An agent writes on the ticket it works on and on those it made; a human on all.
    pub fn must_own(&self, id: i64, created_by: &str, what: &str) -> Result<()> {
        match self {
            Actor::Human | Actor::Hub => Ok(()),
            Actor::Attempt { agent, ticket, .. } if *ticket == id || created_by == agent => Ok(()),
            Actor::Attempt { agent, ticket, .. } => Err(Error::Forbidden(format!(
                "{agent} may not {what} ticket {id}: it works on ticket {ticket}"
            ))),
            Actor::Proposer { agent, .. } => Err(Error::Forbidden(format!(
                "{agent} may not {what} ticket {id}: it only proposes"
            ))),
        }
    }
}
