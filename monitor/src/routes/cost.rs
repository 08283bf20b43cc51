//! What agents cost.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ticket::Queue;
use ticket::cost::{Cost, CostFilter};

use crate::auth::Acting;
use crate::error::{Answer, Query};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/cost", get(cost))
}

async fn cost(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Query(filter): Query<CostFilter>,
) -> Answer<Json<Cost>> {
    let cost = hub.read(actor, move |queue| queue.cost(&filter)).await?;
    Ok(Json(cost))
}
