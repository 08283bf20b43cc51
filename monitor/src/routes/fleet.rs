//! How many agents there are, and the end of the swarm.

use axum::extract::State;
use axum::http::StatusCode;
use ticket::Error;
use ticket::wire::Scale;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{Answer, Body, Refusal};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(scale))
        .routes(routes!(shutdown))
}

/// How many agents there should be from now on.
#[utoipa::path(
    put,
    path = "/fleet",
    operation_id = "scale",
    tag = "swarm",
    request_body = Scale,
    responses((status = 204, description = "Done.")),
)]
async fn scale(
    State(hub): State<Shared>,
    Body(Scale { agents }): Body<Scale>,
) -> Answer<StatusCode> {
    hub.fleet.scale(agents, &hub.database).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends agents and verifiers, which release their tickets to this hub, and then the hub.
#[utoipa::path(
    post,
    path = "/shutdown",
    operation_id = "shutdown",
    tag = "swarm",
    responses((status = 204, description = "The agents are gone, and the hub ends.")),
)]
async fn shutdown(State(hub): State<Shared>) -> Answer<StatusCode> {
    // It goes on when the caller does not wait for it.
    let ending = tokio::spawn(async move {
        let ended = hub.fleet.end().await;
        if ended.is_ok() {
            hub.closing.cancel();
        }
        ended
    });
    match ending.await {
        Ok(ended) => {
            ended?;
            Ok(StatusCode::NO_CONTENT)
        }
        Err(error) => Err(Refusal(Error::Unavailable(format!(
            "the swarm could not be ended: {error}"
        )))),
    }
}
