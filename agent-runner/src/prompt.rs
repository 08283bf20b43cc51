//! What the agent CLI is told. The templates come from the project; the first line, which says what
//! kind of prompt it is, comes from here. Texts that others wrote are fenced with a tag that they
//! cannot know, so that they cannot pass for the runner's own words.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use rand::RngExt;
use serde::Serialize;
use ticket::attempt::Attempt;
use ticket::comment::Comment;
use ticket::learning::Learning;
use ticket::ticket::{Ticket, TicketDetail};

use crate::lines::{first_bytes, last_bytes};

/// What a prompt holds of one text.
const TEXT_LIMIT: usize = 64 * 1024;
/// What it holds of a log.
const LOG_LIMIT: usize = 16 * 1024;
/// What it holds of the log of an earlier attempt.
const HISTORY_LOG_LIMIT: usize = 2 * 1024;
/// How many of the newest comments it holds.
const COMMENTS: usize = 50;
/// How many of the latest attempts it tells of.
const ATTEMPTS: usize = 10;

/// What the agent is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The ticket itself.
    Work,
    /// To mend what the gate found.
    VerifyFailed,
    /// To resolve a conflict with main.
    Conflict,
    /// To mend what kept its work from landing.
    Bounced,
    /// An idea.
    Propose,
}

impl Kind {
    /// The template's name.
    pub fn template(self) -> &'static str {
        match self {
            Kind::Work => "work",
            Kind::VerifyFailed => "verify-failed",
            Kind::Conflict => "conflict",
            Kind::Bounced => "bounced",
            Kind::Propose => "propose",
        }
    }

    fn first_line(self) -> String {
        format!("swarm: {}", self.template().replace('-', " "))
    }
}

/// Where the work begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Start {
    /// Main.
    Main,
    /// What an earlier attempt left, with main merged in.
    Snapshot {
        /// Its commit.
        commit: String,
    },
    /// Main, because what an earlier attempt left does not merge with it; it can be looked at.
    MainBesideSnapshot {
        /// Its commit.
        commit: String,
    },
    /// Main, because what an earlier attempt left could not be fetched.
    MainWithoutSnapshot,
}

/// The ticket and what is known around it.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    ticket: Ticket,
    comments: Vec<Comment>,
    comments_left_out: usize,
    parent: Option<Ticket>,
    answers: Vec<Answer>,
    history: Vec<Attempt>,
    learnings: Vec<Learning>,
    agent: String,
    attempt: i64,
    branch: String,
    base_branch: String,
    start: Start,
}

/// A ticket that this one waited for, and what was said there.
#[derive(Clone, Debug, Serialize)]
struct Answer {
    ticket: Ticket,
    comments: Vec<Comment>,
}

impl Subject {
    /// Gathers what an assignment says. Long texts are cut.
    pub fn new(
        assignment: &ticket::wire::Assignment,
        agent: &str,
        branch: &str,
        start: Start,
    ) -> Subject {
        let TicketDetail {
            ticket, comments, ..
        } = &assignment.ticket;
        let skipped = assignment.history.len().saturating_sub(ATTEMPTS);
        Subject {
            attempt: ticket.attempt,
            ticket: short_ticket(ticket),
            comments_left_out: comments.len().saturating_sub(COMMENTS),
            comments: newest(comments),
            parent: assignment.parent.as_ref().map(short_ticket),
            answers: assignment.resolved_blockers.iter().map(answer).collect(),
            history: assignment.history[skipped..]
                .iter()
                .map(short_attempt)
                .collect(),
            learnings: assignment.learnings.clone(),
            agent: agent.to_owned(),
            branch: branch.to_owned(),
            base_branch: assignment.base.branch.clone(),
            start,
        }
    }
}

/// What came back, for the prompts that hand work back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Why, in one sentence.
    pub reason: Option<String>,
    /// The log that shows it.
    pub log: Option<String>,
    /// The files it is about.
    pub files: Vec<String>,
    /// How often the work may still come back after this.
    pub retries_left: u32,
}

/// The project's templates.
pub struct Prompts<'a> {
    templates: &'a BTreeMap<String, String>,
}

impl<'a> Prompts<'a> {
    /// From the assignment.
    pub fn new(templates: &'a BTreeMap<String, String>) -> Prompts<'a> {
        Prompts { templates }
    }

    /// The prompt for a ticket. In a conversation that goes on (`resumed`) the agent knows the ticket
    /// already.
    pub fn for_ticket(
        &self,
        kind: Kind,
        subject: &Subject,
        finding: &Finding,
        resumed: bool,
    ) -> Result<String, minijinja::Error> {
        let finding = Finding {
            log: finding
                .log
                .as_deref()
                .map(|log| last_bytes(log, LOG_LIMIT).to_owned()),
            ..finding.clone()
        };
        let values = context! {
            resumed,
            finding => Value::from(Serde(&finding)),
            ..Value::from(Serde(subject))
        };
        self.render(kind, &fence(), values)
    }

    /// The prompt for a proposal; `known` are titles not to propose again.
    pub fn for_proposal(
        &self,
        agent: &str,
        branch: &str,
        known: &[String],
    ) -> Result<String, minijinja::Error> {
        let values = context! {
            agent,
            base_branch => branch,
            known => known.to_vec(),
        };
        self.render(Kind::Propose, &fence(), values)
    }

    fn render(&self, kind: Kind, tag: &str, values: Value) -> Result<String, minijinja::Error> {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let owned = tag.to_owned();
        env.add_filter("data", move |value: Value| fenced(&owned, &value));
        env.add_global("fence", tag);
        for (name, source) in self.templates {
            env.add_template(name, source)?;
        }
        let body = env.get_template(kind.template())?.render(values)?;
        if body.trim().is_empty() {
            return Err(minijinja::Error::new(
                ErrorKind::InvalidOperation,
                format!("the prompt template '{}' is empty", kind.template()),
            ));
        }
        Ok(format!("{}\n\n{}\n", kind.first_line(), body.trim()))
    }
}

/// Puts a text between tags that it cannot close.
fn fenced(tag: &str, value: &Value) -> String {
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_none() => "(nothing)".to_owned(),
        None => value.to_string(),
    };
    let text = ticket::text::plain(&text).replace(tag, "data");
    format!("<{tag}>\n{}\n</{tag}>", text.trim_end())
}

fn fence() -> String {
    format!("data-{:08x}", rand::rng().random::<u32>())
}

fn short_ticket(ticket: &Ticket) -> Ticket {
    Ticket {
        description: ticket.description.as_deref().map(short),
        ..ticket.clone()
    }
}

fn short_attempt(attempt: &Attempt) -> Attempt {
    let log = attempt.log_tail.as_deref();
    Attempt {
        log_tail: log.map(|log| last_bytes(log.trim_end(), HISTORY_LOG_LIMIT).to_owned()),
        ..attempt.clone()
    }
}

fn answer(detail: &TicketDetail) -> Answer {
    Answer {
        ticket: short_ticket(&detail.ticket),
        comments: newest(&detail.comments),
    }
}

fn newest(comments: &[Comment]) -> Vec<Comment> {
    comments[comments.len().saturating_sub(COMMENTS)..]
        .iter()
        .map(|comment| Comment {
            body: short(&comment.body),
            ..comment.clone()
        })
        .collect()
}

fn short(text: &str) -> String {
    match first_bytes(text, TEXT_LIMIT) {
        all if all.len() == text.len() => all.to_owned(),
        part => format!("{part}\n[… {} bytes more]", text.len() - part.len()),
    }
}

#[cfg(test)]
mod tests;
