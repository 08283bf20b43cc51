//! What only the human says of a ticket: the answer to a question, yes or no to a proposal or a held
//! landing, whether a check passed, and whether it is needed at all or once more.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use ticket::Queue;
use ticket::printed::Made;
use ticket::wire::Failed;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Body, Path};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(answer))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(pass))
        .routes(routes!(fail))
        .routes(routes!(retry))
        .routes(routes!(cancel))
        .routes(routes!(reopen))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GivenAnswer)]
struct GivenAnswer {
    /// The answer.
    body: String,
}

/// Answers a question, or says that work of one's own is done: a comment, and done.
#[utoipa::path(
    post,
    path = "/tickets/{id}/answer",
    operation_id = "answer",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = GivenAnswer,
    responses((status = 204, description = "Done.")),
)]
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

/// A proposal becomes an open, unassigned task; a held landing may land; nothing had to change.
#[utoipa::path(
    post,
    path = "/tickets/{id}/approve",
    operation_id = "approve",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    responses((status = 204, description = "Done.")),
)]
async fn approve(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.approve(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    /// Why, in one sentence.
    reason: String,
}

/// A proposal is turned down; a held landing goes back; what had no change is tried again.
#[utoipa::path(
    post,
    path = "/tickets/{id}/reject",
    operation_id = "reject",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = Reason,
    responses((status = 204, description = "Done.")),
)]
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Remark {
    /// What was looked at.
    comment: Option<String>,
}

/// A check found nothing wrong: done.
#[utoipa::path(
    post,
    path = "/tickets/{id}/pass",
    operation_id = "pass",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = Remark,
    responses((status = 204, description = "Done.")),
)]
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

/// A check found something wrong: done, with a ticket for the fix and one to check again.
#[utoipa::path(
    post,
    path = "/tickets/{id}/fail",
    operation_id = "fail",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = Reason,
    responses((status = 200, description = "The answer.", body = Failed)),
)]
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

/// A task at which agents failed may be claimed at once, and its failures are forgotten.
#[utoipa::path(
    post,
    path = "/tickets/{id}/retry",
    operation_id = "retry",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    responses((status = 204, description = "Done.")),
)]
async fn retry(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.retry(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Cancelled {
    /// Why, as a comment.
    reason: Option<String>,
}

/// Nobody needs a ticket any more: done, as cancelled.
#[utoipa::path(
    post,
    path = "/tickets/{id}/cancel",
    operation_id = "cancel",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = Cancelled,
    responses((status = 204, description = "Done.")),
)]
async fn cancel(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(Cancelled { reason }): Body<Cancelled>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.cancel(id, reason.as_deref()))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a ticket that goes on with a done one, which stays done for those that waited for it.
#[utoipa::path(
    post,
    path = "/tickets/{id}/reopen",
    operation_id = "reopen",
    tag = "tickets",
    params(("id" = i64, Path, description = "The done ticket.")),
    request_body = Reason,
    responses((status = 200, description = "The new ticket.", body = Made)),
)]
async fn reopen(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(Reason { reason }): Body<Reason>,
) -> Answer<Json<Made>> {
    let id = hub
        .queue(actor, move |queue| queue.reopen(id, &reason))
        .await?;
    Ok(Json(Made { id }))
}
