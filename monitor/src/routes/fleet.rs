//! How many agents there are, and the end of the swarm.

use axum::extract::State;
use axum::http::StatusCode;
use ticket::wire::Scale;
use ticket::{Actor, Error};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{Answer, Body, Refusal};
use crate::hub::{Hub, Shared};

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(scale))
        .routes(routes!(leave, stay))
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

/// Has all agents finish what they have and go, as those do that are one too many. Counts for 30 s:
/// ask again as long as you wait, then `POST /shutdown`. When nobody asks any more, they come back.
/// Refused while the swarm is paused, since agents that stand still finish nothing.
#[utoipa::path(
    post,
    path = "/fleet/leave",
    operation_id = "leave",
    tag = "swarm",
    responses((status = 204, description = "They leave.")),
)]
async fn leave(State(hub): State<Shared>) -> Answer<StatusCode> {
    if hub.freeze.is_on() {
        let why = "the swarm is paused: agents that stand still finish nothing";
        return Err(Refusal(Error::Refused(why.into())));
    }
    if hub.fleet.leave() {
        note(&hub, "leaving").await?;
    }
    tokio::spawn(async move { hub.fleet.return_when_forgotten().await });
    Ok(StatusCode::NO_CONTENT)
}

/// Has agents stay that were to leave, and those that have left come back.
#[utoipa::path(
    delete,
    path = "/fleet/leave",
    operation_id = "stay",
    tag = "swarm",
    responses((status = 204, description = "They stay.")),
)]
async fn stay(State(hub): State<Shared>) -> Answer<StatusCode> {
    if hub.fleet.stay() {
        note(&hub, "staying").await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn note(hub: &Hub, action: &'static str) -> Answer<()> {
    let noted = hub
        .database
        .call(move |store| store.note(&Actor::Human, None, action, None));
    Ok(noted.await?)
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
