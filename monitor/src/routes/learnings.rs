//! What agents and people found out, for those who come after.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use ticket::Queue;
use ticket::learning::{Learning, LearningFilter, NewLearning};

use crate::auth::Acting;
use crate::error::{Answer, Body, Query};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/learnings", get(list).post(learn))
}

async fn learn(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(new): Body<NewLearning>,
) -> Answer<Json<Value>> {
    let id = hub.queue(actor, move |queue| queue.learn(&new)).await?;
    Ok(Json(json!({ "id": id })))
}

async fn list(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Query(filter): Query<LearningFilter>,
) -> Answer<Json<Vec<Learning>>> {
    let found = hub
        .read(actor, move |queue| queue.learnings(&filter))
        .await?;
    Ok(Json(found))
}
