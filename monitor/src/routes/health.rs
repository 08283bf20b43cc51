//! Whether the hub lives, and whether it can do its work. Neither needs a token, so neither tells more
//! than that: what is wrong is in the hub's log.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
}

/// Database and repository answer, and both listeners take connections.
async fn ready(State(hub): State<Shared>) -> Response {
    if hub.closing.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: the hub ends\n").into_response();
    }
    let mut missing = Vec::new();
    if let Err(error) = hub.database.read(|store| store.last_event_id()).await {
        tracing::warn!("not ready: the database cannot be read: {error}");
        missing.push("the database");
    }
    if let Err(error) = hub.base().await {
        tracing::warn!("not ready: {}", error.0);
        missing.push("the repository");
    }
    if !hub.doors.are_open() {
        missing.push("a listener");
    }
    match missing.as_slice() {
        [] => "ready\n".into_response(),
        missing => {
            let sentence = format!("not ready, missing: {}\n", missing.join(", "));
            (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response()
        }
    }
}
