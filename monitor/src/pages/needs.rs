//! What waits for the human: questions, proposals, checks, held landings, tickets that failed too
//! often. Each can be answered in its place.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use ticket::waiting::{Waiting, Wanted};
use ticket::{Actor, Queue, TicketDetail};

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
    /// What a held submission changes, why nothing has to, or why the last attempt failed.
    why: Option<String>,
    /// The attempt whose changes are worth a look.
    attempt: Option<i64>,
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
    let waiting = hub.waiting().await?;
    let more = waiting.len().saturating_sub(SHOWN);
    let first: Vec<Waiting> = waiting.iter().take(SHOWN).cloned().collect();
    let asked = hub
        .read(Actor::Human, |queue| {
            let asked = first.into_iter().map(|one| {
                let detail = queue.show(one.ticket)?;
                Ok((one, detail))
            });
            asked.collect::<ticket::Result<Vec<_>>>()
        })
        .await?;
    Ok(Needs {
        tickets: asked.into_iter().map(need).collect(),
        more,
    })
}

fn need((asked, detail): (Waiting, TicketDetail)) -> Need {
    let TicketDetail {
        ticket,
        comments,
        attempts,
        ..
    } = detail;
    let first = comments.len().saturating_sub(COMMENTS);
    Need {
        what: match asked.wanted {
            Wanted::Held => "A landing that changes protected paths",
            Wanted::Question => "A question",
            Wanted::NoChange => "An agent says that nothing has to change",
            Wanted::Proposal => "A proposal",
            Wanted::Verify => "A check",
            Wanted::Quarantine => "A task that agents failed at too often",
            Wanted::Work => "A task that is yours",
        },
        why: match asked.wanted {
            Wanted::Held | Wanted::NoChange | Wanted::Quarantine => asked.detail,
            Wanted::Question | Wanted::Proposal | Wanted::Verify | Wanted::Work => None,
        },
        attempt: attempts
            .last()
            .filter(|last| asked.wanted == Wanted::Held || last.snapshot.is_some())
            .map(|last| last.number),
        forms: Forms::of(ticket.id, asked.wanted),
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
