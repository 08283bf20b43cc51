//! A runner trades the one-time code of its container for its token. The only call on the agents'
//! listener that needs no token.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use ticket::wire::{Enroll, Enrolled};

use crate::error::{Answer, Body};
use crate::hub::Shared;
use crate::presence::Doing;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/enroll", post(enroll))
}

async fn enroll(
    State(hub): State<Shared>,
    Body(Enroll { code }): Body<Enroll>,
) -> Answer<Json<Enrolled>> {
    let enrolled = hub.database.call(move |store| store.enroll(&code)).await?;
    hub.presence.is(&enrolled.name, Doing::Waiting);
    if let Some(left) = &enrolled.unfinished {
        hub.leases.renew(left.ticket, left.attempt);
    }
    Ok(Json(enrolled))
}
