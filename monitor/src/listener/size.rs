//! A body that says that it is too large is refused before any of it is read. One that does not say is
//! cut off where it is read.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ticket::Error;
use ticket::transfer::MAX_IMPORT;

use super::{MAX_BATCH, MAX_BODY};
use crate::error::Refusal;
use crate::routes::openapi::PREFIX;

/// Refuses what is announced as too large with 413.
pub async fn not_too_large(request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> = announced.and_then(|length| length.to_str().ok()?.parse().ok());
    let most = most(request.uri().path());
    if announced.is_none_or(|length| length <= most) {
        return next.run(request).await;
    }
    let refusal = Refusal(Error::Invalid(format!(
        "the request is too large: at most {} MB are taken here",
        most >> 20
    )));
    (StatusCode::PAYLOAD_TOO_LARGE, refusal).into_response()
}

/// How large a body may be, in bytes.
fn most(path: &str) -> u64 {
    match path.strip_prefix(PREFIX) {
        Some("/import") => MAX_IMPORT,
        Some("/tickets/batch") => MAX_BATCH as u64,
        _ => MAX_BODY as u64,
    }
}
