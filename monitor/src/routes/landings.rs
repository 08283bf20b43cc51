//! What became of submissions: people list them, a runner waits for its own.

use axum::extract::{OriginalUri, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use ticket::Error;
use ticket::landing::Landing;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Worker;
use crate::error::{Answer, Path, Query, Refusal};
use crate::hub::{Shared, Woken, wait_until};
use crate::routes::page::{self, Page};

/// For runners.
pub fn router() -> Router<Shared> {
    Router::new().route("/landings/{id}", get(landing))
}

/// For people.
pub fn human_router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Rows {
    /// With a lower number.
    before: Option<i64>,
    /// At most so many; 1000 at most.
    limit: Option<u32>,
}

/// Submissions to the landing queue and what became of them, newest first.
#[utoipa::path(
    get,
    path = "/landings",
    operation_id = "listLandings",
    tag = "swarm",
    params(Rows),
    responses((status = 200, description = "The answer.", headers(("link" = String, description = "Where the next page is, when there may be one.")), body = Vec<Landing>)),
)]
async fn list(
    State(hub): State<Shared>,
    uri: OriginalUri,
    Query(Rows { before, limit }): Query<Rows>,
) -> Answer<Page<Landing>> {
    let limit = page::limit(limit);
    let before = before.unwrap_or(i64::MAX);
    let found = hub
        .database
        .read(move |store| store.landings_before(before, limit))
        .await?;
    let last = |rows: &[Landing]| rows.last().map(|landing| landing.id);
    Ok(Page::new(found, limit, &uri, "before", last))
}

#[derive(Deserialize)]
struct Wait {
    #[serde(default)]
    wait: u64,
}

/// The landing as soon as it is settled, or as it is when the wait is over.
async fn landing(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path(id): Path<i64>,
    Query(Wait { wait }): Query<Wait>,
) -> Answer<Json<Landing>> {
    let deadline = wait_until(wait);
    let mut events = hub.database.last_event();
    loop {
        let landing = hub.database.read(move |store| store.landing(id)).await?;
        if landing.agent != name {
            let whose = format!("landing {id} is not {name}'s");
            return Err(Refusal(Error::Forbidden(whose)));
        }
        if landing.state.is_settled() {
            return Ok(Json(landing));
        }
        match hub.woken(&mut events, deadline).await {
            Woken::ByEvent => (),
            Woken::ByDeadline | Woken::ByClosing => return Ok(Json(landing)),
        }
    }
}
