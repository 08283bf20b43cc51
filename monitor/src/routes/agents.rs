//! One agent ended, or its container made anew.

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{Answer, Path};
use crate::fleet::Order;
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(stop))
        .routes(routes!(restart))
}

/// Ends an agent: its ticket goes back with what was done, no attempt is used up, and it stays away
/// until it is restarted or the swarm is scaled.
#[utoipa::path(
    post,
    path = "/agents/{name}/stop",
    operation_id = "agentStop",
    tag = "swarm",
    params(("name" = String, Path, description = "The agent, such as agent-1.")),
    responses((status = 204, description = "Its container is gone.")),
)]
async fn stop(State(hub): State<Shared>, Path(name): Path<String>) -> Answer<StatusCode> {
    hub.fleet.order(&name, Order::Stop, &hub.database).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends an agent where it runs, as `stop` does; its container is made anew.
#[utoipa::path(
    post,
    path = "/agents/{name}/restart",
    operation_id = "agentRestart",
    tag = "swarm",
    params(("name" = String, Path, description = "The agent, such as agent-1.")),
    responses((status = 204, description = "The old container is gone, the new one is being made.")),
)]
async fn restart(State(hub): State<Shared>, Path(name): Path<String>) -> Answer<StatusCode> {
    hub.fleet
        .order(&name, Order::Restart, &hub.database)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
