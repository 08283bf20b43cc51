//! The door for agents: bearer tokens only, nothing for browsers. A runner's token is for its
//! attempts, the token of an attempt is for tickets and git.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use ticket::Error;
use ticket::store::Principal;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::deadline::in_time;
use super::size::not_too_large;
use super::{BODY_TIMEOUT, MAX_BODY};
use crate::auth::{self, Caller};
use crate::error::Refusal;
use crate::git::access::Door;
use crate::git::http::{Endpoint, MAX_PUSH};
use crate::hub::Shared;
use crate::routes;
use crate::routes::openapi::PREFIX;

/// Everything that agents may ask for.
pub fn router(hub: Shared) -> Router {
    let guarded = Router::from(routes::tickets(MAX_BODY))
        .merge(routes::work::router())
        .merge(routes::attempts::router())
        .merge(routes::frozen::router())
        .merge(routes::landings::router())
        .merge(routes::proposals::router())
        .merge(routes::transcripts::router())
        .merge(routes::verifications::router())
        .layer(from_fn_with_state(hub.clone(), guard));
    let door = Door::Agents {
        database: hub.database.clone(),
        verifications: hub.verifications.clone(),
    };
    let git = Endpoint::new(hub.bare.clone(), door, MAX_PUSH).router();
    Router::new()
        .nest(PREFIX, guarded.merge(routes::enroll::router()))
        .merge(routes::health::router())
        .fallback(routing::any(routes::no_such_route))
        .method_not_allowed_fallback(routes::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(from_fn(in_time))
        .layer(from_fn(not_too_large))
        .with_state(hub)
        .merge(git)
}

async fn guard(State(hub): State<Shared>, mut request: Request, next: Next) -> Response {
    let token = auth::bearer(request.headers()).map(str::to_owned);
    match principal(&hub, token).await {
        Ok(principal) => {
            if let Principal::Runner { name, .. } = &principal {
                hub.presence.heard(name);
            }
            request.extensions_mut().insert(Caller::Agent(principal));
            next.run(request).await
        }
        Err(error) => Refusal(error).into_response(),
    }
}

async fn principal(hub: &Shared, token: Option<String>) -> ticket::Result<Principal> {
    let Some(token) = token else {
        return Err(Error::Unauthorized("a bearer token is needed".into()));
    };
    let known = hub.database.read(move |store| store.principal(&token));
    known
        .await?
        .ok_or_else(|| Error::Unauthorized("this token is unknown, or its attempt is over".into()))
}
