//! What happened while nobody looked.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use ticket::shift::Shift;

use crate::error::{Answer, Query};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/shift", get(shift))
}

/// From this moment on, in Unix seconds.
#[derive(Deserialize)]
struct From {
    since: Option<i64>,
}

async fn shift(
    State(hub): State<Shared>,
    Query(From { since }): Query<From>,
) -> Answer<Json<Shift>> {
    let shift = hub.database.read(move |store| store.shift(since)).await?;
    Ok(Json(shift))
}
