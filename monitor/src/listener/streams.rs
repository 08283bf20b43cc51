//! Event streams stay open for as long as their client likes, so there are only so many at once. Each
//! reads the table at its client's pace: a slow one holds up nobody and keeps nothing in memory.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use ticket::Error;
use tokio::sync::Semaphore;

use crate::error::Refusal;
use crate::hub::Shared;

/// How many event streams may be open at once.
pub const MOST: usize = 1500;

/// The open event streams.
#[derive(Debug)]
pub struct Streams {
    free: Arc<Semaphore>,
    most: usize,
}

impl Default for Streams {
    fn default() -> Streams {
        Streams::at_most(MOST)
    }
}

impl Streams {
    /// So many at once.
    pub fn at_most(most: usize) -> Streams {
        Streams {
            free: Arc::new(Semaphore::new(most)),
            most,
        }
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.most - self.free.available_permits()
    }

    /// A response that is an event stream takes a place until its client is gone; when none is free
    /// the client is told to come back.
    fn admit(&self, response: Response) -> Response {
        let kind = response.headers().get(header::CONTENT_TYPE);
        if kind.is_none_or(|kind| kind.as_bytes() != b"text/event-stream") {
            return response;
        }
        let Ok(place) = self.free.clone().try_acquire_owned() else {
            let most = self.most;
            return Refusal(Error::Unavailable(format!(
                "{most} clients follow the events already: end one of them"
            )))
            .into_response();
        };
        let (parts, body) = response.into_parts();
        let pieces = body.into_data_stream().inspect(move |_| {
            let _held_as_long_as_the_stream = &place;
        });
        Response::from_parts(parts, Body::from_stream(pieces))
    }
}

/// Lets so many event streams be open and no more.
pub async fn bounded(State(hub): State<Shared>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    hub.streams.admit(response)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    fn stream() -> Response {
        let kind = [(header::CONTENT_TYPE, "text/event-stream")];
        (kind, Body::from("data: 1\n\n")).into_response()
    }

    #[test]
    fn a_place_is_free_again_when_its_client_is_gone() {
        let streams = Streams::at_most(1);
        let first = streams.admit(stream());
        assert_eq!((first.status(), streams.open()), (StatusCode::OK, 1));
        let second = streams.admit(stream());
        assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
        let page = streams.admit("a page".into_response());
        assert_eq!(page.status(), StatusCode::OK);
        drop(first);
        assert_eq!(streams.open(), 0);
    }
}
