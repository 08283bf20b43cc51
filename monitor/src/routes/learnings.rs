//! What agents and people found out, for those who come after.

use axum::Json;
use axum::extract::{OriginalUri, State};
use ticket::Queue;
use ticket::learning::{Learning, LearningFilter, NewLearning};
use ticket::printed::Made;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Body, Query};
use crate::hub::Shared;
use crate::routes::page::{self, Page};

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list, learn))
}

/// Keeps what was found out. What is known already keeps its number.
#[utoipa::path(
    post,
    path = "/learnings",
    operation_id = "learn",
    tag = "queue",
    request_body = NewLearning,
    responses((status = 200, description = "The answer.", body = Made)),
)]
async fn learn(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(new): Body<NewLearning>,
) -> Answer<Json<Made>> {
    let id = hub.queue(actor, move |queue| queue.learn(&new)).await?;
    Ok(Json(Made { id }))
}

/// What was found out, the newest of it, oldest first.
#[utoipa::path(
    get,
    path = "/learnings",
    operation_id = "listLearnings",
    tag = "queue",
    params(LearningFilter),
    responses((status = 200, description = "The answer.", headers(("link" = String, description = "Where the next page is, when there may be one.")), body = Vec<Learning>)),
)]
async fn list(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    uri: OriginalUri,
    Query(mut filter): Query<LearningFilter>,
) -> Answer<Page<Learning>> {
    let limit = page::limit(filter.limit);
    filter.limit = Some(limit);
    let found = hub
        .read(actor, move |queue| queue.learnings(&filter))
        .await?;
    let first = |rows: &[Learning]| rows.first().map(|learning| learning.id);
    Ok(Page::new(found, limit, &uri, "before", first))
}
