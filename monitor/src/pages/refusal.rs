//! What is refused to a browser whose user goes somewhere, as a page: what was wrong, and the way back.
//! The script and programs get JSON.

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use ticket::wire::ErrorBody;

use super::frame::Frame;
use super::rendered;
use crate::error::{Answer, Refusal};
use crate::hub::{Hub, Shared};
use crate::listener::human::is_navigation;

/// More than any refusal has, in bytes.
const LARGEST: usize = 1 << 20;
/// Where the way back leads when nothing is nearer.
const BOARD: &str = "/";

#[derive(Template)]
#[template(path = "refused.html")]
struct Refused {
    frame: Frame,
    message: String,
    back: String,
}

/// The page for a refusal, with its status, and a link to where the user was.
pub async fn page(hub: &Hub, refusal: Refusal, back: &str) -> Response {
    let message = refusal.0.to_string();
    let status = refusal.into_response().status();
    told(hub, status, message, back).await
}

async fn told(hub: &Hub, status: StatusCode, message: String, back: &str) -> Response {
    match rendered_page(hub, status, message, back).await {
        Ok(page) => (status, Html(page)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn rendered_page(
    hub: &Hub,
    status: StatusCode,
    message: String,
    back: &str,
) -> Answer<String> {
    let title = match status {
        StatusCode::NOT_FOUND => "Not found",
        _ if status.is_server_error() => "That did not work",
        _ => "That was refused",
    };
    rendered(&Refused {
        frame: Frame::around(hub, title).await?,
        message,
        back: back.to_owned(),
    })
}

/// Makes a page of every refusal that answers a browser's own request.
pub async fn on_a_page(State(hub): State<Shared>, request: Request, next: Next) -> Response {
    let is_for_a_person = is_navigation(request.headers());
    let response = next.run(request).await;
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/json");
    if !is_for_a_person || !is_json || response.status().is_success() {
        return response;
    }
    let (head, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST).await else {
        return head.status.into_response();
    };
    match serde_json::from_slice::<ErrorBody>(&bytes) {
        Ok(said) => told(&hub, head.status, said.error.message, BOARD).await,
        Err(_) => Response::from_parts(head, Body::from(bytes)),
    }
}
