//! What a runner says about a proposal run: what it used, and the end. It begins in `work`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use ticket::wire::{EndProposal, Heard, Heartbeat};

use crate::auth::Worker;
use crate::error::{Answer, Body, Path};
use crate::hub::Shared;
use crate::presence::Doing;
use crate::routes::attempts::{MAX_REASON, capped, priced};
use crate::supervisor::PROPOSAL;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/proposals/{run}/heartbeat", post(heartbeat))
        .route("/proposals/{run}/end", post(end))
}

async fn heartbeat(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path(run): Path<i64>,
    Body(mut beat): Body<Heartbeat>,
) -> Answer<Json<Heard>> {
    priced(&hub, &mut beat.usage);
    let heard = hub
        .database
        .call(move |store| store.proposal_heartbeat(&name, run, &beat))
        .await?;
    hub.leases.renew(PROPOSAL, run);
    Ok(Json(heard))
}

async fn end(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path(run): Path<i64>,
    Body(mut end): Body<EndProposal>,
) -> Answer<StatusCode> {
    capped(&mut end.reason, MAX_REASON);
    priced(&hub, &mut end.usage);
    hub.presence.is(&name, Doing::Waiting);
    hub.database
        .call(move |store| store.end_proposal(&name, run, &end))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
