//! What is said about a ticket.

use axum::Json;
use axum::extract::State;
use ticket::Queue;
use ticket::comment::{Comment, NewComment};
use ticket::printed::Made;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Body, Path};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, add))
}

/// What was said about a ticket, oldest first.
#[utoipa::path(
    get,
    path = "/tickets/{id}/comments",
    operation_id = "listComments",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    responses((status = 200, description = "The answer.", body = Vec<Comment>)),
)]
async fn list(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<Json<Vec<Comment>>> {
    let comments = hub.read(actor, move |queue| queue.comments(id)).await?;
    Ok(Json(comments))
}

/// Says something about a ticket.
#[utoipa::path(
    post,
    path = "/tickets/{id}/comments",
    operation_id = "comment",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = NewComment,
    responses((status = 200, description = "The answer.", body = Made)),
)]
async fn add(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(new): Body<NewComment>,
) -> Answer<Json<Made>> {
    let id = hub
        .queue(actor, move |queue| queue.comment(id, &new))
        .await?;
    Ok(Json(Made { id }))
}
