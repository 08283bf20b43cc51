//! Tickets: make, find, show, change, and the moves of their life; what a human says of them is in
//! `reviews`. The same code for the human and
//! for agents; what each may do is decided by [`ticket::Actor`] in the store.

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use ticket::attempt::Attempt;
use ticket::filter::{Filter, Hit, Search};
use ticket::ticket::{NewTicket, Resolution, TicketChange};
use ticket::wire::ClaimNext;
use ticket::{Queue, Ticket, TicketDetail};

use crate::auth::Acting;
use crate::error::{Answer, Body, Path, Query, Refusal};
use crate::hub::{Hub, Shared};

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/tickets", get(list).post(create))
        .route("/tickets/count", get(count))
        .route("/tickets/claim-next", post(claim_next))
        .route("/search", get(search))
        .route("/tickets/{id}", get(show).patch(update))
        .route("/tickets/{id}/complete", post(complete))
        .route("/tickets/{id}/no-change", post(no_change))
        .route("/tickets/{id}/mark-done", post(mark_done))
        .route("/tickets/{id}/unclaim", post(unclaim))
        .route("/tickets/{id}/attempts", get(attempts))
        .route("/tickets/{id}/diff", get(diff))
}

/// Many tickets at once, in a body of at most so many bytes.
pub fn batch(largest: usize) -> Router<Shared> {
    let create_all = post(create_all).layer(DefaultBodyLimit::max(largest));
    Router::new().route("/tickets/batch", create_all)
}

async fn create(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(new): Body<NewTicket>,
) -> Answer<Json<Value>> {
    let id = hub.queue(actor, move |queue| queue.create(&new)).await?;
    Ok(Json(json!({ "id": id })))
}

async fn create_all(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(new): Body<Vec<NewTicket>>,
) -> Answer<Json<Vec<i64>>> {
    let ids = hub
        .queue(actor, move |queue| queue.create_all(&new))
        .await?;
    Ok(Json(ids))
}

async fn search(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Query(search): Query<Search>,
) -> Answer<Json<Vec<Hit>>> {
    let hits = hub.read(actor, move |queue| queue.search(&search)).await?;
    Ok(Json(hits))
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

/// A claim by hand or by a script: no body when there is nothing to claim.
async fn claim_next(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(ClaimNext { agent, filter }): Body<ClaimNext>,
) -> Answer<Response> {
    let claimed = hub
        .queue(actor, move |queue| queue.claim_next(&agent, &filter))
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
struct NoChange {
    reason: String,
}

async fn no_change(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
    Body(NoChange { reason }): Body<NoChange>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.no_change(id, &reason))
        .await?;
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

async fn attempts(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<Json<Vec<Attempt>>> {
    let attempts = hub.read(actor, move |queue| queue.attempts(id)).await?;
    Ok(Json(attempts))
}

#[derive(Deserialize)]
struct WhichAttempt {
    attempt: Option<i64>,
}

async fn diff(
    State(hub): State<Shared>,
    Acting(_): Acting,
    Path(id): Path<i64>,
    Query(WhichAttempt { attempt }): Query<WhichAttempt>,
) -> Answer<Response> {
    let patch = patch(&hub, id, attempt).await?;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, patch).into_response())
}

/// What an attempt changed, as a patch; of the latest that left a tree when it is not said which.
/// Bytes, because what is in it is not always text. Git runs when the database is let go.
pub async fn patch(hub: &Hub, id: i64, attempt: Option<i64>) -> Answer<Vec<u8>> {
    let subject = hub
        .database
        .read(move |store| store.diff_subject(id, attempt))
        .await?;
    let _turn = hub.diffs.acquire().await;
    let repository = hub.project.repository();
    let patch = tokio::task::spawn_blocking(move || ticket::diff::of(&repository, &subject)).await;
    Ok(patch.map_err(|e| Refusal::broken("the patch could not be made", e))??)
}
