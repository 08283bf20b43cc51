//! The ticket and what is known around it, cut to what fits into a prompt.

use serde::{Deserialize, Serialize};

use super::{Finding, Start};
use crate::attempt::Attempt;
use crate::comment::Comment;
use crate::learning::{Learning, MAX_LEARNING};
use crate::text::{first_bytes, last_bytes, one_line};
use crate::ticket::{Ticket, TicketDetail};
use crate::wire::KnownProposal;

/// What a prompt holds of the ticket's and its parent's description, and of one comment.
const TEXT_LIMIT: usize = 64 * 1024;
/// What it holds of all comments on the ticket.
const COMMENTS_LIMIT: usize = 128 * 1024;
/// What it holds of the description of a ticket that was waited for, and of all comments there.
const ANSWER_LIMIT: usize = 8 * 1024;
/// What it holds of a reason.
const REASON_LIMIT: usize = 4 * 1024;
/// What it holds of why a proposal was turned down.
const WHY_LIMIT: usize = 300;
/// What is looked at of one text to find learnings that match.
const ABOUT_LIMIT: usize = 16 * 1024;
/// How many files it names.
const FILES: usize = 200;
/// What it holds of a log.
const LOG_LIMIT: usize = 16 * 1024;
/// What it holds of the log of an earlier attempt.
const HISTORY_LOG_LIMIT: usize = 2 * 1024;
/// How many of the newest comments it holds.
const COMMENTS: usize = 50;
/// How many of the latest attempts it tells of.
const ATTEMPTS: usize = 10;
/// How many of the tickets that were waited for it tells of, the newest.
const ANSWERS: usize = 20;

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
    /// The files that what the last attempt left changes; none when it left nothing.
    #[serde(default)]
    pub left: Option<String>,
    /// What others found out, oldest first.
    #[serde(default)]
    pub learnings: Vec<Learning>,
    /// How many more learnings there are.
    #[serde(default)]
    pub learnings_left_out: usize,
}

impl Background {
    /// What the ticket and its parent say, for finding what else is known about it.
    pub fn about(&self) -> String {
        let ticket = &self.ticket.ticket;
        let parent = self.parent.as_ref();
        let texts = [
            Some(&ticket.title),
            ticket.description.as_ref(),
            parent.map(|parent| &parent.title),
        ];
        let texts = texts.into_iter().flatten().chain(&ticket.labels);
        let texts: Vec<&str> = texts.map(|text| first_bytes(text, ABOUT_LIMIT)).collect();
        texts.join("\n")
    }
}

/// What the templates see of a ticket.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    ticket: Ticket,
    comments: Vec<Comment>,
    comments_left_out: usize,
    parent: Option<Ticket>,
    answers: Vec<Answer>,
    answers_left_out: usize,
    history: Vec<Attempt>,
    left: Option<String>,
    learnings: Vec<Learning>,
    learnings_left_out: usize,
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
        let shown = newest(comments, COMMENTS_LIMIT);
        let answers = &background.resolved_blockers;
        let answers_left_out = answers.len().saturating_sub(ANSWERS);
        let skipped = background.history.len().saturating_sub(ATTEMPTS);
        Subject {
            attempt: ticket.attempt,
            ticket: short_ticket(ticket, TEXT_LIMIT),
            comments_left_out: comments.len() - shown.len(),
            comments: shown,
            parent: background
                .parent
                .as_ref()
                .map(|parent| short_ticket(parent, TEXT_LIMIT)),
            answers: answers[answers_left_out..].iter().map(answer).collect(),
            answers_left_out,
            history: background.history[skipped..]
                .iter()
                .map(short_attempt)
                .collect(),
            left: background.left.as_deref().map(short_reason),
            learnings: background.learnings.iter().map(short_learning).collect(),
            learnings_left_out: background.learnings_left_out,
            agent: agent.to_owned(),
            branch: crate::attempt::branch(ticket.id, ticket.attempt),
            base_branch: base_branch.to_owned(),
            start,
        }
    }
}

/// What came back, cut to what fits.
pub(super) fn short_finding(finding: &Finding) -> Finding {
    let log = finding.log.as_deref();
    let mut files = finding.files.clone();
    if let Some(more) = files.len().checked_sub(FILES).filter(|more| *more > 0) {
        files.truncate(FILES);
        files.push(format!("[… {more} more]"));
    }
    Finding {
        reason: finding.reason.as_deref().map(short_reason),
        log: log.map(|log| last_bytes(log, LOG_LIMIT).to_owned()),
        files: files.iter().map(|file| short_reason(file)).collect(),
        retries_left: finding.retries_left,
    }
}

fn short_ticket(ticket: &Ticket, limit: usize) -> Ticket {
    let description = ticket.description.as_deref();
    Ticket {
        description: description.map(|text| short(text, limit)),
        ..ticket.clone()
    }
}

fn short_attempt(attempt: &Attempt) -> Attempt {
    let log = attempt.log_tail.as_deref();
    Attempt {
        reason: attempt.reason.as_deref().map(short_reason),
        log_tail: log.map(|log| last_bytes(log.trim_end(), HISTORY_LOG_LIMIT).to_owned()),
        ..attempt.clone()
    }
}

fn short_learning(learning: &Learning) -> Learning {
    Learning {
        body: short(&learning.body, MAX_LEARNING),
        ..learning.clone()
    }
}

/// A known proposal on one line.
pub(super) fn short_proposal(known: &KnownProposal) -> KnownProposal {
    let reason = known.reason.as_deref();
    KnownProposal {
        title: one_line(&known.title),
        reason: reason.map(|reason| first_bytes(&one_line(reason), WHY_LIMIT).to_owned()),
        ..known.clone()
    }
}

fn answer(detail: &TicketDetail) -> Answer {
    Answer {
        ticket: short_ticket(&detail.ticket, ANSWER_LIMIT),
        comments: newest(&detail.comments, ANSWER_LIMIT),
    }
}

/// The newest comments that fit into `bytes` together, oldest first. The last one is always there, if
/// need be cut.
fn newest(comments: &[Comment], bytes: usize) -> Vec<Comment> {
    let mut left = bytes;
    let mut kept = Vec::new();
    for comment in comments.iter().rev().take(COMMENTS) {
        let body = short(&comment.body, bytes.min(TEXT_LIMIT));
        match left.checked_sub(body.len()) {
            Some(rest) => left = rest,
            None if kept.is_empty() => left = 0,
            None => break,
        }
        kept.push(Comment {
            body,
            ..comment.clone()
        });
    }
    kept.reverse();
    kept
}

fn short_reason(text: &str) -> String {
    short(text, REASON_LIMIT)
}

fn short(text: &str, limit: usize) -> String {
    match first_bytes(text, limit) {
        all if all.len() == text.len() => all.to_owned(),
        part => format!("{part}\n[… {} bytes more]", text.len() - part.len()),
    }
}
