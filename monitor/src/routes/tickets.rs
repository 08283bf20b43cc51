//! Tickets: make, find, show, change, and the moves of their life. The same code for the human and
//! for agents; what each may do is decided by [`ticket::Actor`] in the store.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use ticket::ticket::{Filter, NewTicket, Resolution, TicketChange};
use ticket::{Queue, Ticket, TicketDetail};

use crate::auth::Acting;
use crate::error::{Answer, Body, Path, Query};
use crate::hub::Shared;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/tickets", get(list).post(create))
        .route("/tickets/count", get(count))
        .route("/tickets/claim-next", post(claim_next))
        .route("/tickets/{id}", get(show).patch(update))
        .route("/tickets/{id}/complete", post(complete))
        .route("/tickets/{id}/mark-done", post(mark_done))
        .route("/tickets/{id}/unclaim", post(unclaim))
        .route("/tickets/{id}/answer", post(answer))
        .route("/tickets/{id}/approve", post(approve))
        .route("/tickets/{id}/reject", post(reject))
}

async fn create(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(new): Body<NewTicket>,
) -> Answer<Json<Value>> {
    let id = hub.queue(actor, move |queue| queue.create(&new)).await?;
    Ok(Json(json!({ "id": id })))
}

async fn list(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Query(filter): Query<Filter>,
) -> Answer<Json<Vec<Ticket>>> {
    let found = hub.read(actor, move |queue| queue.list(&filter)).await?;
    Ok(Json(found))
}

async fn count(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Query(filter): Query<Filter>,
) -> Answer<Json<Value>> {
    let count = hub.read(actor, move |queue| queue.count(&filter)).await?;
    Ok(Json(json!({ "count": count })))
}

#[derive(Deserialize)]
struct ClaimNext {
    agent: String,
}

/// A claim by hand or by a script: no body when there is nothing to claim.
async fn claim_next(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(ClaimNext { agent }): Body<ClaimNext>,
) -> Answer<Response> {
    let claimed = hub
        .queue(actor, move |queue| queue.claim_next(&agent))
        .await?;
    Ok(match claimed {
        Some(claimed) => Json(claimed).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

async fn show(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<Json<TicketDetail>> {
    Ok(Json(hub.read(actor, move |queue| queue.show(id)).await?))
}

async fn update(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(change): Body<TicketChange>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.update(id, &change))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn complete(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.complete(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct MarkDone {
    resolution: Option<Resolution>,
}

async fn mark_done(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(MarkDone { resolution }): Body<MarkDone>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.mark_done(id, resolution))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unclaim(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.unclaim(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct GivenAnswer {
    body: String,
}

async fn answer(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(GivenAnswer { body }): Body<GivenAnswer>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.answer(id, &body))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn approve(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.approve(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Rejection {
    reason: String,
}

async fn reject(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(Rejection { reason }): Body<Rejection>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.reject(id, &reason))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
