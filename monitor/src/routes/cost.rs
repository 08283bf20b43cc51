//! What agents cost.

use axum::Json;
use axum::extract::State;
use ticket::Queue;
use ticket::cost::{Cost, CostFilter};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Query};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(cost))
}

/// How many lines an answer has at most.
const MOST: u32 = 1000;

/// What agents cost, added up: 1000 lines at most.
#[utoipa::path(
    get,
    path = "/cost",
    operation_id = "cost",
    tag = "queue",
    params(CostFilter),
    responses((status = 200, description = "The answer.", body = Cost)),
)]
async fn cost(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Query(filter): Query<CostFilter>,
) -> Answer<Json<Cost>> {
    let filter = CostFilter {
        limit: Some(filter.limit.unwrap_or(MOST).min(MOST)),
        ..filter
    };
    let cost = hub.read(actor, move |queue| queue.cost(&filter)).await?;
    Ok(Json(cost))
}
