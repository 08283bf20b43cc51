//! A message that shows whether messages arrive.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};

use crate::error::Answer;
use crate::hub::Shared;
use crate::notifier;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/notify/test", post(test))
}

/// Answers with who took it.
async fn test(State(hub): State<Shared>) -> Answer<Json<String>> {
    Ok(Json(notifier::test(&hub).await?))
}
