//! The token in an address becomes a cookie, and the address is left at once: it would stay in the
//! browser's history and in what the user copies.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::error::{Answer, Query};
use crate::hub::Shared;
use crate::pages;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/login", get(login))
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

async fn login(
    State(hub): State<Shared>,
    Query(Login { token }): Query<Login>,
) -> Answer<Response> {
    Ok(match hub.door.log_in(&token) {
        Some(cookie) => ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        None => pages::locked().await,
    })
}
