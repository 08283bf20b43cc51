//! What is said about a ticket.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use ticket::Queue;
use ticket::comment::{Comment, NewComment};

use crate::auth::Acting;
use crate::error::{Answer, Body, Path};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/tickets/{id}/comments", get(list).post(add))
}

async fn list(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<Json<Vec<Comment>>> {
    let comments = hub.read(actor, move |queue| queue.comments(id)).await?;
    Ok(Json(comments))
}

async fn add(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(new): Body<NewComment>,
) -> Answer<Json<Value>> {
    let comment = hub
        .queue(actor, move |queue| queue.comment(id, &new))
        .await?;
    Ok(Json(json!({ "id": comment })))
}
