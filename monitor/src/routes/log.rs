//! The activity log, page by page. Live, it is in `events`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use ticket::event::Event;
use ticket::filter::LogFilter;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Query};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(log))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Page {
    /// At most so many.
    limit: Option<u32>,
    /// Rows with a higher number, oldest first.
    after: Option<i64>,
    /// Only this ticket's.
    ticket: Option<i64>,
}

/// The newest rows, of all or of one ticket, newest first; or those after a cursor, oldest first.
#[utoipa::path(
    get,
    path = "/log",
    operation_id = "log",
    tag = "events",
    params(Page),
    responses((status = 200, description = "The answer.", body = Vec<Event>)),
)]
async fn log(
    State(hub): State<Shared>,
    Acting(_): Acting,
    Query(page): Query<Page>,
) -> Answer<Json<Vec<Event>>> {
    let filter = LogFilter {
        limit: page.limit,
        ticket: page.ticket,
    };
    let limit = filter.limit();
    let rows = hub
        .database
        .read(move |store| match page.after {
            Some(cursor) => store.events_after(cursor, limit),
            None => store.latest_events(limit, filter.ticket),
        })
        .await?;
    Ok(Json(rows))
}
