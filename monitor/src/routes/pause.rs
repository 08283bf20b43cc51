//! Claims withheld, and let happen again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use ticket::Queue;

use crate::auth::Acting;
use crate::error::{Answer, Body};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/pause", get(paused).put(pause).delete(resume))
}

async fn paused(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Json<Option<String>>> {
    Ok(Json(hub.read(actor, |queue| queue.paused()).await?))
}

#[derive(Deserialize)]
struct Pause {
    reason: String,
}

async fn pause(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(Pause { reason }): Body<Pause>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.pause(&reason)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn resume(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Json<bool>> {
    Ok(Json(hub.queue(actor, |queue| queue.resume()).await?))
}
