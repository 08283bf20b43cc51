//! What the forms of the pages do. Each is a command of `ticket` or `swarm` and a route of the API by
//! the same name, and runs the same code.
//!
//! A browser that sends a form is led back to the ticket; the page's script gets no content, and the
//! event stream tells it what changed.

use axum::extract::State;
use axum::http::header::HeaderValue;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use ticket::comment::NewComment;
use ticket::store::Session;
use ticket::ticket::{NewTicket, TicketChange};
use ticket::{Actor, Error, Queue, Result, text};

use super::fields::{self, said, words};
use super::refusal;
use crate::error::{Answer, Form, Path, Refusal};
use crate::fleet::Order;
use crate::hub::{Hub, Shared};

/// The fields that a form may have; a field that is left empty says nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    text: String,
    title: String,
    description: Option<String>,
    priority: Option<i64>,
    labels: Option<String>,
    assign: Option<String>,
    blocked_by: String,
    by: String,
    agents: Option<u32>,
}

impl Fields {
    fn text(&self) -> String {
        said(&self.text).unwrap_or_default()
    }

    fn new_ticket(&self) -> Result<NewTicket> {
        let blockers = words(&self.blocked_by);
        let blockers = blockers
            .iter()
            .filter_map(|word| fields::ticket(word).transpose());
        Ok(NewTicket {
            title: said(&self.title).unwrap_or_default(),
            description: self.description.as_deref().and_then(said),
            priority: self.priority,
            labels: words(self.labels.as_deref().unwrap_or_default()),
            blocked_by: blockers.collect::<Result<_>>()?,
            ..NewTicket::default()
        })
    }

    /// What has to change so that the ticket is as the form says, whose labels are these now.
    fn change(&self, labels: &[String]) -> TicketChange {
        let wanted = self.labels.as_deref().map(words);
        let wanted = wanted.as_deref().unwrap_or(labels);
        let without = |these: &[String], those: &[String]| {
            let missing = these.iter().filter(|label| !those.contains(label));
            missing.cloned().collect()
        };
        TicketChange {
            add_labels: without(wanted, labels),
            remove_labels: without(labels, wanted),
            assign: self.assign.clone(),
            title: said(&self.title),
            description: self
                .description
                .as_deref()
                .map(|description| said(description).unwrap_or_default()),
            priority: self.priority,
            ..TicketChange::default()
        }
    }

    fn by(&self) -> Result<i64> {
        let missing = || Error::Invalid("the number of the other ticket is missing".into());
        fields::ticket(&self.by)?.ok_or_else(missing)
    }
}

/// `POST /tickets`
pub async fn create(
    State(hub): State<Shared>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let made = match fields.new_ticket() {
        Ok(new) => {
            hub.queue(Actor::Human, move |queue| queue.create(&new))
                .await
        }
        Err(error) => Err(Refusal(error)),
    };
    match made {
        Ok(id) => done(&headers, &format!("/tickets/{id}")),
        Err(refusal) => refused(&hub, &headers, refusal, "/").await,
    }
}

/// `POST /tickets/{id}/{action}`
pub async fn act(
    State(hub): State<Shared>,
    headers: HeaderMap,
    Path((id, action)): Path<(i64, String)>,
    Form(fields): Form<Fields>,
) -> Response {
    let back = format!("/tickets/{id}");
    let acted = hub
        .queue(Actor::Human, move |queue| run(queue, id, &action, &fields))
        .await;
    answered(&hub, &headers, acted, &back).await
}

/// The answer to a form that did something, or was refused; a browser goes `back`.
pub async fn answered(hub: &Hub, headers: &HeaderMap, acted: Answer<()>, back: &str) -> Response {
    match acted {
        Ok(()) => done(headers, back),
        Err(refusal) => refused(hub, headers, refusal, back).await,
    }
}

/// `POST /swarm/{action}`
pub async fn act_on_swarm(
    State(hub): State<Shared>,
    headers: HeaderMap,
    Path(action): Path<String>,
    Form(fields): Form<Fields>,
) -> Response {
    let acted = run_on_swarm(&hub, &action, fields).await;
    answered(&hub, &headers, acted, "/").await
}

async fn run_on_swarm(hub: &Hub, action: &str, fields: Fields) -> Answer<()> {
    match action {
        "pause" => hub.pause(Actor::Human, fields.text()).await,
        "drain" => hub.drain(Actor::Human, fields.text()).await,
        "resume" => hub.resume(Actor::Human).await.map(drop),
        "scale" => {
            let missing = || Error::Invalid("the number of agents is missing".into());
            let agents = fields.agents.ok_or_else(missing)?;
            Ok(hub.fleet.scale(agents, &hub.database).await?)
        }
        other => Err(no_such(other, "a swarm")),
    }
}

/// `POST /agents/{name}/{action}`
pub async fn act_on_agent(
    State(hub): State<Shared>,
    headers: HeaderMap,
    Path((name, action)): Path<(String, String)>,
) -> Response {
    let order = match action.as_str() {
        "stop" => Ok(Order::Stop),
        "restart" => Ok(Order::Restart),
        other => Err(no_such(other, "an agent")),
    };
    let acted = match order {
        Ok(order) => hub.fleet.order(&name, order, &hub.database).await,
        Err(refusal) => Err(refusal.0),
    };
    answered(&hub, &headers, acted.map_err(Refusal), "/agents").await
}

fn no_such(action: &str, on: &str) -> Refusal {
    let action = text::one_line(action);
    Refusal(Error::NotFound(format!(
        "there is no action '{action}' on {on}"
    )))
}

fn run(queue: &mut Session<'_>, id: i64, action: &str, fields: &Fields) -> Result<()> {
    match action {
        "comment" => queue
            .comment(id, &NewComment::new(&fields.text()))
            .map(drop),
        "answer" => queue.answer(id, &fields.text()),
        "approve" => queue.approve(id),
        "reject" => queue.reject(id, &fields.text()),
        "pass" => queue.pass(id, said(&fields.text).as_deref()),
        "fail" => queue.fail(id, &fields.text()).map(drop),
        "update" => {
            let labels = queue.show(id)?.ticket.labels;
            queue.update(id, &fields.change(&labels))
        }
        "block" => queue.block(id, fields.by()?),
        "unblock" => queue.unblock(id, fields.by()?),
        "unclaim" => queue.unclaim(id),
        "retry" => queue.retry(id),
        "cancel" => queue.cancel(id, said(&fields.text).as_deref()),
        "reopen" => queue.reopen(id, &fields.text()).map(drop),
        other => Err(no_such(other, "a ticket").0),
    }
}

fn done(headers: &HeaderMap, address: &str) -> Response {
    match is_navigation(headers) {
        true => Redirect::to(address).into_response(),
        false => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn refused(hub: &Hub, headers: &HeaderMap, refusal: Refusal, back: &str) -> Response {
    match is_navigation(headers) {
        true => refusal::page(hub, refusal, back).await,
        false => refusal.into_response(),
    }
}

/// Whether a browser sends the form itself, as without our script. Old ones do not say; they get the
/// page.
fn is_navigation(headers: &HeaderMap) -> bool {
    let mode = headers.get("sec-fetch-mode").map(HeaderValue::as_bytes);
    mode.is_none_or(|mode| mode == b"navigate")
}
