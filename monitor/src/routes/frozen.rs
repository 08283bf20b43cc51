//! A runner asks whether its work is to stand still, and hears of a change as soon as it is made.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use ticket::wire::AwaitFrozen;

use crate::auth::Worker;
use crate::error::{Answer, Body};
use crate::hub::{Shared, wait_until};

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/frozen", post(frozen))
}

async fn frozen(
    State(hub): State<Shared>,
    Worker(_): Worker,
    Body(AwaitFrozen { known, wait }): Body<AwaitFrozen>,
) -> Answer<Json<bool>> {
    let mut state = hub.freeze.watch();
    tokio::select! {
        // The sender lives as long as the hub, so it is never the channel that ended.
        _ = state.wait_for(|frozen| *frozen != known) => (),
        () = tokio::time::sleep_until(wait_until(wait)) => (),
        () = hub.closing.cancelled() => (),
    }
    Ok(Json(hub.freeze.is_on()))
}
