//! A message that shows whether messages arrive.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use ticket::wire::{TestMessage, Tried};

use crate::error::{Answer, Body};
use crate::hub::Shared;
use crate::notifier;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/notify/test", post(test))
}

/// Answers with what came of it, for each way that was tried.
async fn test(
    State(hub): State<Shared>,
    Body(wanted): Body<TestMessage>,
) -> Answer<Json<Vec<Tried>>> {
    let tried = notifier::test(&hub, wanted.channel.as_deref()).await?;
    Ok(Json(tried))
}
