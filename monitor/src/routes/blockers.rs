//! Which ticket waits for which.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::put;
use ticket::Queue;

use crate::auth::Acting;
use crate::error::{Answer, Path};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/tickets/{id}/blockers/{by}", put(block).delete(unblock))
}

async fn block(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path((id, by)): Path<(i64, i64)>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.block(id, by)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unblock(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path((id, by)): Path<(i64, i64)>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.unblock(id, by)).await?;
    Ok(StatusCode::NO_CONTENT)
}
