//! What only the human says of a ticket: the answer to a question, yes or no to a proposal or a held
//! landing, and whether a check passed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use ticket::Queue;
use ticket::wire::Failed;

use crate::auth::Acting;
use crate::error::{Answer, Body, Path};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/tickets/{id}/answer", post(answer))
        .route("/tickets/{id}/approve", post(approve))
        .route("/tickets/{id}/reject", post(reject))
        .route("/tickets/{id}/pass", post(pass))
        .route("/tickets/{id}/fail", post(fail))
}

#[derive(Deserialize)]
struct GivenAnswer {
    body: String,
}

async fn answer(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(GivenAnswer { body }): Body<GivenAnswer>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.answer(id, &body))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn approve(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.approve(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Reason {
    reason: String,
}

async fn reject(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(Reason { reason }): Body<Reason>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.reject(id, &reason))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Remark {
    comment: Option<String>,
}

async fn pass(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(Remark { comment }): Body<Remark>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.pass(id, comment.as_deref()))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn fail(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(Reason { reason }): Body<Reason>,
) -> Answer<Json<Failed>> {
    let failed = hub
        .queue(actor, move |queue| queue.fail(id, &reason))
        .await?;
    Ok(Json(failed))
}
