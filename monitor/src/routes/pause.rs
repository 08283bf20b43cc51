//! Claims withheld, with the work under way frozen or finished, and let happen again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use ticket::Queue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Body};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(paused))
        .routes(routes!(pause))
        .routes(routes!(drain))
        .routes(routes!(resume))
}

/// Why claims are withheld; null when they are not.
#[utoipa::path(
    get,
    path = "/paused",
    operation_id = "paused",
    tag = "queue",
    responses((status = 200, description = "The answer.", body = Option<String>)),
)]
async fn paused(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Json<Option<String>>> {
    Ok(Json(hub.read(actor, |queue| queue.paused()).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Pause {
    /// Why.
    reason: String,
}

/// Withholds claims, and has agents stand still. What was handed in still lands.
#[utoipa::path(
    post,
    path = "/pause",
    operation_id = "pause",
    tag = "queue",
    request_body = Pause,
    responses((status = 204, description = "Done.")),
)]
async fn pause(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(Pause { reason }): Body<Pause>,
) -> Answer<StatusCode> {
    hub.pause(actor, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withholds claims; work under way is finished.
#[utoipa::path(
    post,
    path = "/drain",
    operation_id = "drain",
    tag = "queue",
    request_body = Pause,
    responses((status = 204, description = "Done.")),
)]
async fn drain(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(Pause { reason }): Body<Pause>,
) -> Answer<StatusCode> {
    hub.drain(actor, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets claims happen again, and agents go on; false when claims were not withheld.
#[utoipa::path(
    post,
    path = "/resume",
    operation_id = "resume",
    tag = "queue",
    responses((status = 200, description = "The answer.", body = bool)),
)]
async fn resume(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Json<bool>> {
    Ok(Json(hub.resume(actor).await?))
}
