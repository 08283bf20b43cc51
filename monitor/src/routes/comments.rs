//! What is said about a ticket.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use ticket::Queue;
use ticket::ticket::Comment;

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

#[derive(Deserialize)]
struct NewComment {
    body: String,
    author: Option<String>,
}

async fn add(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(NewComment { body, author }): Body<NewComment>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| {
        queue.comment(id, &body, author.as_deref())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
