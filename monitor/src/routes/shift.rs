//! What happened while nobody looked.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use ticket::shift::Shift;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::{Answer, Query};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(shift))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct From {
    /// From this moment on, in Unix seconds; from the hub's last start without it.
    since: Option<i64>,
}

/// What happened while nobody looked.
#[utoipa::path(
    get,
    path = "/shift",
    operation_id = "shift",
    tag = "swarm",
    params(From),
    responses((status = 200, description = "The answer.", body = Shift)),
)]
async fn shift(
    State(hub): State<Shared>,
    Query(From { since }): Query<From>,
) -> Answer<Json<Shift>> {
    let shift = hub.database.read(move |store| store.shift(since)).await?;
    Ok(Json(shift))
}
