//! Which ticket waits for which.

use axum::extract::State;
use axum::http::StatusCode;
use ticket::Queue;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Path};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(block, unblock))
}

/// A ticket waits for another one.
#[utoipa::path(
    put,
    path = "/tickets/{id}/blockers/{by}",
    operation_id = "block",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket."), ("by" = i64, Path, description = "The ticket that it waits for.")),
    responses((status = 204, description = "Done.")),
)]
async fn block(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path((id, by)): Path<(i64, i64)>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.block(id, by)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// It waits for that one no longer.
#[utoipa::path(
    delete,
    path = "/tickets/{id}/blockers/{by}",
    operation_id = "unblock",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket."), ("by" = i64, Path, description = "The ticket that it waits for.")),
    responses((status = 204, description = "Done.")),
)]
async fn unblock(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path((id, by)): Path<(i64, i64)>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.unblock(id, by)).await?;
    Ok(StatusCode::NO_CONTENT)
}
