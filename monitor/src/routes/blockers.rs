//! Which ticket waits for which.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use ticket::Queue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Body, Path};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(block))
        .routes(routes!(unblock))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Blocker {
    /// The ticket that it waits for.
    by: i64,
}

/// A ticket waits for another one.
#[utoipa::path(
    post,
    path = "/tickets/{id}/block",
    operation_id = "block",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = Blocker,
    responses((status = 204, description = "Done.")),
)]
async fn block(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(Blocker { by }): Body<Blocker>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.block(id, by)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// It waits for that one no longer.
#[utoipa::path(
    post,
    path = "/tickets/{id}/unblock",
    operation_id = "unblock",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = Blocker,
    responses((status = 204, description = "Done.")),
)]
async fn unblock(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(Blocker { by }): Body<Blocker>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.unblock(id, by)).await?;
    Ok(StatusCode::NO_CONTENT)
}
