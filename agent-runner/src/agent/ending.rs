//! How a run of an agent CLI can end, and what each ending means for the attempt. Pure.

use std::time::Duration;

use ticket::attempt::Outcome;
use ticket::halt::{Trouble, UsageLimit};
use ticket::text::exact_size;
use ticket::usage::Budget;

use crate::interrupt::Why;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself and without complaint; what it said last. Says nothing about the work.
    Completed(Option<String>),
    /// It used up the turns that it was given.
    MaxTurns,
    /// It used up the money that it was given.
    Budget,
    /// The account's limit.
    RateLimited {
        /// What is known of its end.
        limit: UsageLimit,
        /// What the agent CLI said.
        said: String,
    },
    /// The login was refused, or the account cannot pay.
    Auth(String),
    /// The model's service is overloaded, broken or out of reach.
    Service(String),
    /// The conversation does not fit, or the service does not accept it.
    Unusable(String),
    /// The conversation to resume is not there.
    NoConversation(String),
    /// No such model.
    NoModel(String),
    /// The program could not be started, or refused its arguments.
    NotStarted(String),
    /// It ended with a failure of its own.
    Failed(String),
    /// The system ended it because its container had no memory left; in words.
    OutOfMemory(String),
    /// Somebody else ended it by a signal.
    Killed(i32),
    /// It took longer than it may.
    TimedOut(Duration),
    /// It did nothing for so long.
    Stalled(Duration),
    /// The runner ended it.
    Interrupted(Why),
}

impl Ending {
    /// The outcome of an attempt that ends with this, and why in one sentence. A completed run never
    /// ends an attempt by itself: the outcome is that of one that left nothing.
    pub fn outcome(&self) -> (Outcome, String) {
        match self {
            Ending::Completed(_) => (
                Outcome::AgentFailed,
                "the agent exited 0 but changed nothing".into(),
            ),
            Ending::MaxTurns => (Outcome::AgentFailed, "the agent used up its turns".into()),
            Ending::Budget => (Outcome::AgentFailed, "the agent used up its budget".into()),
            Ending::RateLimited { said, .. } => (Outcome::RateLimited, said.clone()),
            Ending::Auth(said) => (Outcome::AuthFailed, said.clone()),
            Ending::Service(said) => (Outcome::InfraFailed, said.clone()),
            Ending::Unusable(said) => (Outcome::AgentFailed, said.clone()),
            Ending::NoConversation(said) => (
                Outcome::InfraFailed,
                format!("the conversation is gone: {said}"),
            ),
            Ending::NoModel(said) => (
                Outcome::InfraFailed,
                format!("the configured model is not there: {said}"),
            ),
            Ending::NotStarted(said) => (Outcome::InfraFailed, said.clone()),
            Ending::Failed(said) => (Outcome::AgentFailed, said.clone()),
            Ending::OutOfMemory(what) => (
                Outcome::AgentFailed,
                format!("the agent was killed: {what}"),
            ),
            Ending::Killed(signal) => (
                Outcome::AgentFailed,
                format!("the agent was ended by signal {signal}, again and again"),
            ),
            Ending::TimedOut(limit) => (
                Outcome::AgentFailed,
                format!(
                    "the agent took longer than {} s and was ended",
                    limit.as_secs()
                ),
            ),
            Ending::Stalled(limit) => (
                Outcome::Stalled,
                format!(
                    "the agent printed nothing and used no processor for {} s and was ended",
                    limit.as_secs()
                ),
            ),
            Ending::Interrupted(Why::Stop) => {
                (Outcome::Released, "the agent was told to stop".into())
            }
            Ending::Interrupted(Why::Lost) => (
                Outcome::Released,
                "the attempt was ended from outside".into(),
            ),
            Ending::Interrupted(Why::Budget(Budget::Ticket)) => (
                Outcome::AgentFailed,
                "the ticket's budget is used up".into(),
            ),
            Ending::Interrupted(Why::Budget(Budget::Day)) => {
                (Outcome::Released, "the day's budget is used up".into())
            }
            Ending::Interrupted(Why::Disk(limit)) => (
                Outcome::AgentFailed,
                format!(
                    "the agent filled its disk: the work directory held more than {} (limits.disk)",
                    exact_size(*limit)
                ),
            ),
            Ending::Interrupted(Why::HubAway) => (
                Outcome::InfraFailed,
                "the hub did not answer for too long".into(),
            ),
        }
    }

    /// What kept the agent CLI from its model, when that is how it ended.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Ending::RateLimited { limit, .. } => Some(Trouble::Limit(*limit)),
            Ending::Auth(_) => Some(Trouble::Login),
            Ending::Service(_) => Some(Trouble::Service),
            Ending::NotStarted(_) | Ending::NoModel(_) => Some(Trouble::Program),
            _ => None,
        }
    }

    /// The same ending with its text changed.
    pub fn map_text(self, f: impl Fn(&str) -> String) -> Ending {
        match self {
            Ending::Completed(said) => Ending::Completed(said.map(|s| f(&s))),
            Ending::RateLimited { limit, said } => Ending::RateLimited {
                limit,
                said: f(&said),
            },
            Ending::Auth(said) => Ending::Auth(f(&said)),
            Ending::Service(said) => Ending::Service(f(&said)),
            Ending::Unusable(said) => Ending::Unusable(f(&said)),
            Ending::NoConversation(said) => Ending::NoConversation(f(&said)),
            Ending::NoModel(said) => Ending::NoModel(f(&said)),
            Ending::NotStarted(said) => Ending::NotStarted(f(&said)),
            Ending::Failed(said) => Ending::Failed(f(&said)),
            Ending::MaxTurns
            | Ending::Budget
            | Ending::OutOfMemory(_)
            | Ending::Killed(_)
            | Ending::TimedOut(_)
            | Ending::Stalled(_)
            | Ending::Interrupted(_) => self,
        }
    }
}
