//! The JSON API under `/api/v1`, one file for each concern. Which listener serves which of them is
//! decided in `listener`.

pub mod agents;
pub mod attempts;
mod backup;
pub mod blockers;
pub mod comments;
mod cost;
mod doctor;
pub mod enroll;
pub mod events;
pub mod fleet;
pub mod frozen;
pub mod health;
pub mod landings;
mod learnings;
pub mod log;
pub mod login;
pub mod metrics;
pub mod notify;
pub mod openapi;
mod page;
mod pause;
pub mod prompt;
pub mod proposals;
mod reviews;
pub mod services;
mod shift;
pub mod status;
pub mod tickets;
pub mod transcripts;
mod transfer;
pub mod verifications;
pub mod work;

use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ticket::Error;
use utoipa_axum::router::OpenApiRouter;

use crate::error::Refusal;
use crate::hub::Shared;

/// What both listeners have: the queue. Many tickets at once may have so many bytes.
pub fn tickets(largest_batch: usize) -> OpenApiRouter<Shared> {
    tickets::router()
        .merge(tickets::batch(largest_batch))
        .merge(comments::router())
        .merge(blockers::router())
        .merge(log::router())
        .merge(reviews::router())
        .merge(learnings::router())
        .merge(pause::router())
        .merge(prompt::router())
}

/// What people have beside that: the queue as a whole.
pub fn whole() -> OpenApiRouter<Shared> {
    transfer::router()
        .merge(backup::router())
        .merge(doctor::router())
        .merge(shift::router())
        .merge(cost::router())
}

/// The answer to an unknown address.
pub async fn no_such_route(method: Method, uri: Uri) -> Refusal {
    Refusal(Error::NotFound(format!(
        "there is no {method} {} here",
        uri.path()
    )))
}

/// The answer to a known address that does not take this method.
pub async fn no_such_method(method: Method, uri: Uri) -> Response {
    let refusal = Refusal(Error::Invalid(format!(
        "{} does not take {method}",
        uri.path()
    )));
    (StatusCode::METHOD_NOT_ALLOWED, refusal).into_response()
}
