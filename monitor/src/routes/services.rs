//! What a container of the swarm printed, as it comes. The bytes are the agents' own: whoever shows
//! them on a terminal or a page strips or escapes them there.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use swarm::fleet::FleetError;
use swarm::fleet::names::HUB;
use ticket::Error;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{Answer, Path, Query, Refusal};
use crate::fleet::plan::Id;
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(logs))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Go on with what is printed from now on.
    #[serde(default)]
    follow: bool,
    /// Only so many lines of the end.
    tail: Option<u64>,
}

/// What a container of the swarm printed, as it comes: bytes of whoever printed them.
#[utoipa::path(
    get,
    path = "/services/{name}/logs",
    operation_id = "logs",
    tag = "swarm",
    params(
        ("name" = String, Path, description = "`hub`, or an agent such as `agent-1`."),
        Which,
    ),
    responses((status = 200, description = "The log.", body = String, content_type = "text/plain")),
)]
async fn logs(
    State(hub): State<Shared>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Answer<Response> {
    if name != HUB && Id::parse(&name).is_none() {
        return Err(Refusal(Error::NotFound(format!(
            "there is no service '{name}': use hub, or an agent such as agent-1"
        ))));
    }
    let engine = hub.fleet.seen().engine.ok_or_else(no_containers)?;
    let container = hub.fleet.container(&name);
    match engine.exit(&container).await {
        Err(FleetError::NotFound(_)) => {
            return Err(Refusal(Error::NotFound(format!(
                "{name} has no container at present"
            ))));
        }
        Err(error) => return Err(Refusal::broken("the log cannot be read", error)),
        Ok(_) => (),
    }
    let closing = hub.closing.clone();
    let pieces = engine
        .logs(&container, which.follow, which.tail)
        .take_until(closing.cancelled_owned());
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((plain, Body::from_stream(pieces)).into_response())
}

/// Why there is no log.
pub fn no_containers() -> Refusal {
    Refusal(Error::Refused(
        "this hub runs no containers, so there are no logs of any".into(),
    ))
}
