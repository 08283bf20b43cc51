//! A refused request as an HTTP answer: the status and the JSON body that [`ticket::client`] turns
//! back into the same error.

use axum::Json;
use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ticket::Error;
use ticket::wire::{ErrorBody, ErrorDetail};

/// What every handler may fail with.
#[derive(Debug)]
pub struct Refusal(pub Error);

/// The result of a handler.
pub type Answer<T> = Result<T, Refusal>;

impl Refusal {
    /// Our own machinery failed; `what` and the causes go to the log, the sentence to the caller.
    pub fn broken(what: &str, cause: impl std::fmt::Display) -> Refusal {
        Refusal(Error::Unavailable(format!("{what}: {cause}")))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = self.0.to_string();
        if status.is_server_error() {
            tracing::warn!(kind = self.0.kind(), "a request failed: {message}");
        }
        let kind = self.0.kind().to_owned();
        let body = ErrorBody {
            error: ErrorDetail { kind, message },
        };
        (status, Json(body)).into_response()
    }
}

/// A JSON body; what cannot be read is refused in one sentence.
#[derive(axum::extract::FromRequest)]
#[from_request(via(Json), rejection(Refusal))]
pub struct Body<T>(pub T);

/// The query string.
#[derive(axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Refusal))]
pub struct Query<T>(pub T);

/// A form as browsers send it.
#[derive(axum::extract::FromRequest)]
#[from_request(via(axum::Form), rejection(Refusal))]
pub struct Form<T>(pub T);

/// The parts of the path.
#[derive(axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Refusal))]
pub struct Path<T>(pub T);

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Refusal {
        let message = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "the request is too large: send less at once".into(),
            _ => rejection.body_text(),
        };
        Refusal(Error::Invalid(message))
    }
}

impl From<FormRejection> for Refusal {
    fn from(rejection: FormRejection) -> Refusal {
        Refusal(Error::Invalid(rejection.body_text()))
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Refusal {
        Refusal(Error::Invalid(rejection.body_text()))
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Refusal {
        Refusal(Error::Invalid(rejection.body_text()))
    }
}
