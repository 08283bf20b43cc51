//! What waits for the human: questions, proposals, checks, held landings, tickets that failed too
//! often. Each can be answered in its place.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use ticket::filter::Filter;
use ticket::landing::LandingState;
use ticket::ticket::HUMAN;
use ticket::{Actor, Queue, TicketDetail, TicketType};

use super::forms::Forms;
use super::frame::Frame;
use super::markdown::html;
use super::rendered;
use crate::error::Answer;
use crate::hub::{Hub, Shared};

/// How many are shown with their whole text.
const SHOWN: usize = 50;
/// How many of a ticket's latest comments.
const COMMENTS: usize = 3;

#[derive(Template)]
#[template(path = "needs.html")]
struct Page {
    frame: Frame,
    needs: Needs,
}

/// Everything that waits, the oldest first.
#[derive(Template)]
#[template(path = "needs_list.html")]
pub struct Needs {
    tickets: Vec<Need>,
    more: usize,
}

struct Need {
    id: i64,
    title: String,
    what: &'static str,
    text: String,
    comments: Vec<Said>,
    forms: Forms,
}

/// A comment, rendered.
pub struct Said {
    /// Who said it.
    pub author: String,
    /// When.
    pub created_at: String,
    /// Safe HTML.
    pub body: String,
}

/// `GET /needs`
pub async fn page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Needs you").await?;
    let needs = needs(&hub).await?;
    Ok(Html(rendered(&Page { frame, needs })?))
}

/// At this moment.
pub async fn needs(hub: &Hub) -> Answer<Needs> {
    let landings = hub.database.read(|store| store.landing_queue()).await?;
    let held: BTreeSet<i64> = landings
        .iter()
        .filter(|landing| landing.state == LandingState::Held)
        .map(|landing| landing.ticket_id)
        .collect();
    let (details, more) = hub
        .read(Actor::Human, {
            let held = held.clone();
            move |queue| {
                let mine = Filter {
                    assigned_to: Some(HUMAN.to_owned()),
                    ..Filter::default()
                };
                let mut ids: BTreeSet<i64> = queue.list(&mine)?.iter().map(|t| t.id).collect();
                ids.extend(held);
                let more = ids.len().saturating_sub(SHOWN);
                let shown = ids.into_iter().take(SHOWN);
                let details = shown
                    .map(|id| queue.show(id))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok((details, more))
            }
        })
        .await?;
    let tickets = details
        .into_iter()
        .map(|detail| need(&held, detail))
        .collect();
    Ok(Needs { tickets, more })
}

fn need(held: &BTreeSet<i64>, detail: TicketDetail) -> Need {
    let TicketDetail {
        ticket, comments, ..
    } = detail;
    let is_held = held.contains(&ticket.id);
    let first = comments.len().saturating_sub(COMMENTS);
    Need {
        what: match ticket.kind {
            _ if is_held => "A landing that changes protected paths.",
            TicketType::Question => "A question.",
            TicketType::Proposal => "A proposal.",
            TicketType::Verify => "A check.",
            TicketType::Task => "A task that is yours, or that agents failed at too often.",
        },
        forms: Forms::of(&ticket, is_held),
        text: html(ticket.description.as_deref().unwrap_or_default()),
        comments: comments[first..].iter().map(Said::of).collect(),
        id: ticket.id,
        title: ticket.title,
    }
}

impl Said {
    /// A comment as it is shown.
    pub fn of(comment: &ticket::comment::Comment) -> Said {
        Said {
            author: comment.author.clone(),
            created_at: comment.created_at.clone(),
            body: html(&comment.body),
        }
    }
}
