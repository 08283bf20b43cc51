//! One ticket: its text, what it waits for, who tried it and how that ended, what was handed in and
//! what became of it, what was said, and what the human can do with it.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use ticket::attempt::Attempt;
use ticket::landing::Landing;
use ticket::store::Linked;
use ticket::ticket::TicketType;
use ticket::{Actor, Queue, Status, Ticket, TicketDetail};

use super::forms::Forms;
use super::frame::Frame;
use super::markdown::html;
use super::needs::Said;
use super::rendered;
use crate::error::{Answer, Path};
use crate::hub::{Hub, Shared};

/// How many tickets of a kind of relation are named.
const RELATED: usize = 50;

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
    /// What was handed in, oldest first.
    landings: Vec<Landing>,
    comments: Vec<Said>,
}

/// Tickets that this one has to do with, in the same way.
struct Relation {
    what: &'static str,
    /// The same of a ticket that is done.
    was: &'static str,
    tickets: Vec<Linked>,
    more: usize,
}

/// A ticket and what is said of those that it has to do with.
struct Known {
    detail: TicketDetail,
    relations: Vec<Relation>,
    landings: Vec<Landing>,
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
    let known = known(&hub, id).await?;
    let page = Page {
        frame,
        id,
        title: known.detail.ticket.title.clone(),
        forms: forms(&hub, &known.detail).await?,
        ticket: Body::of(known),
    };
    Ok(Html(rendered(&page)?))
}

/// `GET /parts/tickets/{id}`
pub async fn body(State(hub): State<Shared>, Path(id): Path<i64>) -> Answer<Html<String>> {
    Ok(Html(rendered(&Body::of(known(&hub, id).await?))?))
}

/// `GET /parts/tickets/{id}/forms`
pub async fn forms_part(State(hub): State<Shared>, Path(id): Path<i64>) -> Answer<Html<String>> {
    let detail = hub.read(Actor::Human, move |queue| queue.show(id)).await?;
    Ok(Html(rendered(&forms(&hub, &detail).await?)?))
}

async fn known(hub: &Hub, id: i64) -> Answer<Known> {
    let known = hub.database.read(move |store| {
        let detail = store.session(&Actor::Human).show(id)?;
        let parent: Vec<i64> = detail.ticket.parent_id.into_iter().collect();
        let mut relations = Vec::new();
        for (what, was, ids) in [
            ("Waits for", "Waited for", &detail.blocked_by),
            ("Blocks", "Blocked", &detail.blocks),
            ("Part of", "Part of", &parent),
            ("Its part", "Its part", &detail.children),
        ] {
            if ids.is_empty() {
                continue;
            }
            let first = &ids[..ids.len().min(RELATED)];
            relations.push(Relation {
                what,
                was,
                tickets: store.linked(first)?,
                more: ids.len() - first.len(),
            });
        }
        let landings = store.landings_of(id)?;
        Ok(Known {
            detail,
            relations,
            landings,
        })
    });
    Ok(known.await?)
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
    fn of(known: Known) -> Body {
        let TicketDetail {
            ticket,
            comments,
            attempts,
            ..
        } = known.detail;
        Body {
            id: ticket.id,
            facts: facts(&ticket),
            relations: known.relations,
            landings: known.landings,
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
