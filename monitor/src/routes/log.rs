//! The activity log, page by page. Live, it is in `events`.

use axum::extract::{OriginalUri, State};
use serde::Deserialize;
use ticket::Error;
use ticket::event::Event;
use ticket::filter::LogFilter;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Query, Refusal};
use crate::hub::Shared;
use crate::routes::page::{self, Page};

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(log))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Rows {
    /// At most so many; 20 when absent, 1000 at most.
    limit: Option<u32>,
    /// Rows with a higher number, oldest first.
    after: Option<i64>,
    /// Rows with a lower number, newest first; not together with `after`.
    before: Option<i64>,
    /// Only this ticket's.
    ticket: Option<i64>,
}

/// The newest rows, of all or of one ticket, newest first; or those after a cursor, oldest first.
#[utoipa::path(
    get,
    path = "/log",
    operation_id = "log",
    tag = "events",
    params(Rows),
    responses((status = 200, description = "The answer.", headers(("link" = String, description = "Where the next page is, when there may be one.")), body = Vec<Event>)),
)]
async fn log(
    State(hub): State<Shared>,
    Acting(_): Acting,
    uri: OriginalUri,
    Query(rows): Query<Rows>,
) -> Answer<Page<Event>> {
    let filter = LogFilter {
        limit: rows.limit,
        ticket: rows.ticket,
    };
    let limit = page::limit(Some(filter.limit()));
    let (name, found) = match (rows.after, rows.before) {
        (Some(_), Some(_)) => {
            return Err(Refusal(Error::Invalid(
                "after and before exclude each other: name one of them".into(),
            )));
        }
        (Some(after), None) => {
            let later = hub
                .database
                .read(move |store| store.later_events(after, limit, filter.ticket));
            ("after", later.await?)
        }
        (None, before) => {
            let before = before.unwrap_or(i64::MAX);
            let earlier = hub
                .database
                .read(move |store| store.earlier_events(before, limit, filter.ticket));
            ("before", earlier.await?)
        }
    };
    let last = |rows: &[Event]| rows.last().map(|event| event.id);
    Ok(Page::new(found, limit, &uri, name, last))
}
