//! A message that shows whether messages arrive.

use axum::Json;
use axum::extract::State;
use ticket::wire::{TestMessage, Tried};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{Answer, Body};
use crate::hub::Shared;
use crate::notifier;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(test))
}

/// Sends one message to the people who are away; answers with what came of it, for each way that was
/// tried.
#[utoipa::path(
    post,
    path = "/notify/test",
    operation_id = "testNotifications",
    tag = "swarm",
    request_body = TestMessage,
    responses((status = 200, description = "The answer.", body = Vec<Tried>)),
)]
async fn test(
    State(hub): State<Shared>,
    Body(wanted): Body<TestMessage>,
) -> Answer<Json<Vec<Tried>>> {
    let tried = notifier::test(&hub, wanted.channel.as_deref()).await?;
    Ok(Json(tried))
}
