//! The activity log, page by page. Live, it is in `events`.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use ticket::event::Event;
use ticket::filter::LogFilter;

use crate::auth::Acting;
use crate::error::{Answer, Query};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/log", get(log))
}

#[derive(Deserialize)]
struct Page {
    limit: Option<u32>,
    after: Option<i64>,
    ticket: Option<i64>,
}

/// The newest rows, of all or of one ticket, newest first; or those after a cursor, oldest first.
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
