//! The ticket and what is known around it, cut to what fits into a prompt.

use serde::{Deserialize, Serialize};

use super::Start;
use crate::attempt::Attempt;
use crate::comment::Comment;
use crate::learning::Learning;
use crate::text::{first_bytes, last_bytes};
use crate::ticket::{Ticket, TicketDetail};

/// What a prompt holds of one text.
const TEXT_LIMIT: usize = 64 * 1024;
/// What it holds of the log of an earlier attempt.
const HISTORY_LOG_LIMIT: usize = 2 * 1024;
/// How many of the newest comments it holds.
const COMMENTS: usize = 50;
/// How many of the latest attempts it tells of.
const ATTEMPTS: usize = 10;

/// What is known of a ticket that is given to an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Background {
    /// The ticket; `ticket.ticket.attempt` is the number of the attempt.
    pub ticket: TicketDetail,
    /// The ticket it is a part of.
    pub parent: Option<Ticket>,
    /// The finished tickets that it waited for, with their comments: a question's answer is here.
    pub resolved_blockers: Vec<TicketDetail>,
    /// Earlier attempts and why they failed, oldest first.
    pub history: Vec<Attempt>,
    /// What others found out, oldest first.
    #[serde(default)]
    pub learnings: Vec<Learning>,
}

/// What the templates see of a ticket.
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
    /// What `agent` is told of a ticket that it works on from `start`. Long texts are cut.
    pub fn new(background: &Background, agent: &str, base_branch: &str, start: Start) -> Subject {
        let TicketDetail {
            ticket, comments, ..
        } = &background.ticket;
        let skipped = background.history.len().saturating_sub(ATTEMPTS);
        Subject {
            attempt: ticket.attempt,
            ticket: short_ticket(ticket),
            comments_left_out: comments.len().saturating_sub(COMMENTS),
            comments: newest(comments),
            parent: background.parent.as_ref().map(short_ticket),
            answers: background.resolved_blockers.iter().map(answer).collect(),
            history: background.history[skipped..]
                .iter()
                .map(short_attempt)
                .collect(),
            learnings: background.learnings.clone(),
            agent: agent.to_owned(),
            branch: crate::attempt::branch(ticket.id, ticket.attempt),
            base_branch: base_branch.to_owned(),
            start,
        }
    }
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
