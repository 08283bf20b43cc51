//! Numbers for Prometheus, which sends the token in its `Authorization` header.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error::Answer;
use crate::hub::Shared;
use crate::metrics::{self, FORMAT};

/// Where they are.
pub const PATH: &str = "/metrics";

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route(PATH, get(exposition))
}

async fn exposition(State(hub): State<Shared>) -> Answer<Response> {
    let text = metrics::exposition(&hub).await?;
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}
