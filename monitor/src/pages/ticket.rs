//! One ticket: its text, what it waits for, who tried it and how that ended, what was said, and what
//! the human can do with it.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use ticket::attempt::Attempt;
use ticket::ticket::TicketType;
use ticket::{Actor, Queue, Status, Ticket, TicketDetail};

use super::forms::Forms;
use super::frame::Frame;
use super::markdown::html;
use super::needs::Said;
use super::rendered;
use crate::error::{Answer, Path};
use crate::hub::{Hub, Shared};

#[derive(Template)]
#[template(path = "ticket.html")]
struct Page {
    frame: Frame,
    id: i64,
    title: String,
    ticket: Body,
    forms: TicketForms,
}

#[derive(Template)]
#[template(path = "ticket_body.html")]
struct Body {
    id: i64,
    facts: Vec<(&'static str, String)>,
    relations: Vec<Relation>,
    text: String,
    attempts: Vec<Tried>,
    comments: Vec<Said>,
}

/// Tickets that this one has to do with.
struct Relation {
    what: &'static str,
    ids: Vec<i64>,
}

/// One attempt, in words.
struct Tried {
    number: i64,
    agent: String,
    state: String,
    started_at: String,
    cost: String,
    reason: String,
    log_tail: Option<String>,
    has_tree: bool,
}

#[derive(Template)]
#[template(path = "ticket_forms.html")]
struct TicketForms {
    answers: Forms,
    ticket: Ticket,
    blocked_by: Vec<i64>,
    /// Agents have failed at it, and it waits.
    is_retriable: bool,
}

/// `GET /tickets/{id}`
pub async fn page(State(hub): State<Shared>, Path(id): Path<i64>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, &format!("#{id}")).await?;
    let detail = detail(&hub, id).await?;
    let page = Page {
        frame,
        id,
        title: detail.ticket.title.clone(),
        forms: forms(&hub, &detail).await?,
        ticket: Body::of(detail),
    };
    Ok(Html(rendered(&page)?))
}

/// `GET /parts/tickets/{id}`
pub async fn body(State(hub): State<Shared>, Path(id): Path<i64>) -> Answer<Html<String>> {
    Ok(Html(rendered(&Body::of(detail(&hub, id).await?))?))
}

/// `GET /parts/tickets/{id}/forms`
pub async fn forms_part(State(hub): State<Shared>, Path(id): Path<i64>) -> Answer<Html<String>> {
    let detail = detail(&hub, id).await?;
    Ok(Html(rendered(&forms(&hub, &detail).await?)?))
}

async fn detail(hub: &Hub, id: i64) -> Answer<TicketDetail> {
    hub.read(Actor::Human, move |queue| queue.show(id)).await
}

async fn forms(hub: &Hub, detail: &TicketDetail) -> Answer<TicketForms> {
    let id = detail.ticket.id;
    let waiting = hub.waiting().await?;
    let asked = waiting.iter().find(|waiting| waiting.ticket == id);
    Ok(TicketForms {
        answers: asked
            .map(|asked| Forms::of(id, asked.wanted))
            .unwrap_or_default(),
        is_retriable: detail.ticket.status == Status::Open
            && detail.ticket.kind == TicketType::Task
            && detail
                .attempts
                .iter()
                .any(|attempt| attempt.outcome.is_some()),
        ticket: detail.ticket.clone(),
        blocked_by: detail.blocked_by.clone(),
    })
}

impl Body {
    fn of(detail: TicketDetail) -> Body {
        let TicketDetail {
            ticket,
            blocked_by,
            blocks,
            children,
            comments,
            attempts,
        } = detail;
        let relations = [
            ("Waits for", blocked_by),
            ("Blocks", blocks),
            ("Part of", ticket.parent_id.into_iter().collect()),
            ("Its parts", children),
        ];
        Body {
            id: ticket.id,
            facts: facts(&ticket),
            relations: relations
                .into_iter()
                .filter(|(_, ids)| !ids.is_empty())
                .map(|(what, ids)| Relation { what, ids })
                .collect(),
            text: html(ticket.description.as_deref().unwrap_or_default()),
            attempts: attempts.into_iter().map(Tried::of).collect(),
            comments: comments.iter().map(Said::of).collect(),
        }
    }
}

/// What is known of it in a word each.
fn facts(ticket: &Ticket) -> Vec<(&'static str, String)> {
    let optional = [
        ("resolution", ticket.resolution.map(|r| r.as_str().into())),
        ("assigned to", ticket.assigned_to.clone()),
        (
            "labels",
            (!ticket.labels.is_empty()).then(|| ticket.labels.join(", ")),
        ),
        (
            "spent",
            (ticket.spent_usd.0 != 0).then(|| ticket.spent_usd.to_string()),
        ),
    ];
    [
        ("status", ticket.status.to_string()),
        ("type", ticket.kind.to_string()),
        ("priority", ticket.priority.to_string()),
        ("made by", ticket.created_by.clone()),
        ("made (UTC)", ticket.created_at.clone()),
    ]
    .into_iter()
    .chain(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    )
    .collect()
}

impl Tried {
    fn of(attempt: Attempt) -> Tried {
        Tried {
            number: attempt.number,
            state: match attempt.outcome {
                Some(outcome) => outcome.to_string(),
                None => attempt.phase,
            },
            agent: attempt.agent,
            started_at: attempt.started_at,
            cost: match attempt.spent.cost_usd.0 {
                0 => String::new(),
                _ => attempt.spent.cost_usd.to_string(),
            },
            reason: attempt.reason.unwrap_or_default(),
            log_tail: attempt.log_tail,
            has_tree: attempt.snapshot.is_some(),
        }
    }
}
