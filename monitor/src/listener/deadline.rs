//! How long a request may take until its answer begins, a body that trickles in with it. Event streams
//! begin at once and then go on; git has limits of its own.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ticket::Error;

use crate::error::Refusal;
use crate::routes::openapi::PREFIX;

/// What a request may take that names no other time. The longest long poll is 60 seconds.
const USUAL: Duration = Duration::from_secs(90);
/// What takes thousands of tickets, or the whole database.
const BULK: Duration = Duration::from_secs(10 * 60);
/// Containers get their time to end.
const SHUTDOWN: Duration = Duration::from_secs(3 * 60);
/// A verification runs verify.sh, behind others.
const VERIFICATION: Duration = Duration::from_secs(2 * 60 * 60);

/// Ends requests that take too long with 503.
pub async fn in_time(request: Request, next: Next) -> Response {
    let limit = limit(request.uri().path());
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Refusal(Error::Unavailable(format!(
            "the request took longer than {} seconds",
            limit.as_secs()
        )))
        .into_response(),
    }
}

fn limit(path: &str) -> Duration {
    let Some(path) = path.strip_prefix(PREFIX) else {
        return USUAL;
    };
    match path {
        "/tickets/batch" | "/import" | "/export" | "/backup" | "/doctor" => BULK,
        "/shutdown" => SHUTDOWN,
        "/verifications" => VERIFICATION,
        _ if path.starts_with("/tickets/") && path.ends_with("/diff") => BULK,
        _ => USUAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_take_long_may() {
        for (path, expected) in [
            ("/", USUAL),
            ("/api/v1/tickets", USUAL),
            ("/api/v1/work", USUAL),
            ("/api/v1/tickets/7/diff", BULK),
            ("/api/v1/import", BULK),
            ("/import", USUAL),
            ("/api/v1/verifications", VERIFICATION),
            ("/api/v1/verifications/next", USUAL),
        ] {
            assert_eq!(limit(path), expected, "{path}");
        }
    }
}
