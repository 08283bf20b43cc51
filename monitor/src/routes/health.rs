//! Whether the hub lives, and whether it can do its work. Neither needs a token or tells anything.

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use crate::error::Answer;
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
}

/// Database and repository answer.
async fn ready(State(hub): State<Shared>) -> Answer<&'static str> {
    hub.database.read(|store| store.last_event_id()).await?;
    hub.base().await?;
    Ok("ready\n")
}
