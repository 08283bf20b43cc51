//! Tickets: make, find, show, change, and the moves of their life; what a human says of them is in
//! `reviews`. The same code for the human and
//! for agents; what each may do is decided by [`ticket::Actor`] in the store.

use axum::Json;
use axum::extract::{DefaultBodyLimit, OriginalUri, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use ticket::attempt::Attempt;
use ticket::filter::{Filter, Hit, Search};
use ticket::printed::{Counted, Made};
use ticket::ticket::{NewTicket, Resolution, TicketChange};
use ticket::wire::{ClaimNext, Claimed};
use ticket::{Queue, Ticket, TicketDetail};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Body, Path, Query, Refusal};
use crate::hub::{Hub, Shared};
use crate::routes::page::{self, Page};

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(count))
        .routes(routes!(claim_next))
        .routes(routes!(search))
        .routes(routes!(show, update))
        .routes(routes!(complete))
        .routes(routes!(no_change))
        .routes(routes!(mark_done))
        .routes(routes!(unclaim))
        .routes(routes!(attempts))
        .routes(routes!(diff))
}

/// Many tickets at once, in a body of at most so many bytes.
pub fn batch(largest: usize) -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(create_all))
        .layer(DefaultBodyLimit::max(largest))
}

/// Makes a ticket.
#[utoipa::path(
    post,
    path = "/tickets",
    operation_id = "create",
    tag = "tickets",
    request_body = NewTicket,
    responses((status = 200, description = "The answer.", body = Made)),
)]
async fn create(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Body(new): Body<NewTicket>,
) -> Answer<Json<Made>> {
    let id = hub.queue(actor, move |queue| queue.create(&new)).await?;
    Ok(Json(Made { id }))
}

/// Makes all of these or none; answers with their ids in the same order. A reference to `-k` means
/// the `k`-th of them.
#[utoipa::path(
    post,
    path = "/tickets/batch",
    operation_id = "createTickets",
    tag = "tickets",
    request_body = Vec<NewTicket>,
    responses((status = 200, description = "The answer.", body = Vec<i64>)),
)]
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

/// Tickets whose title, description or comments have all the words; the newest first.
#[utoipa::path(
    get,
    path = "/search",
    operation_id = "search",
    tag = "tickets",
    params(Search),
    responses((status = 200, description = "The answer.", body = Vec<Hit>)),
)]
async fn search(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Query(search): Query<Search>,
) -> Answer<Json<Vec<Hit>>> {
    let hits = hub.read(actor, move |queue| queue.search(&search)).await?;
    Ok(Json(hits))
}

/// Tickets by id.
#[utoipa::path(
    get,
    path = "/tickets",
    operation_id = "listTickets",
    tag = "tickets",
    params(Filter),
    responses((status = 200, description = "The answer.", headers(("link" = String, description = "Where the next page is, when there may be one.")), body = Vec<Ticket>)),
)]
async fn list(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    uri: OriginalUri,
    Query(mut filter): Query<Filter>,
) -> Answer<Page<Ticket>> {
    let limit = page::limit(filter.limit);
    filter.limit = Some(limit);
    let found = hub.read(actor, move |queue| queue.list(&filter)).await?;
    let last = |rows: &[Ticket]| rows.last().map(|ticket| ticket.id);
    Ok(Page::new(found, limit, &uri, "after", last))
}

/// How many tickets the filter lets through.
#[utoipa::path(
    get,
    path = "/tickets/count",
    operation_id = "countTickets",
    tag = "tickets",
    params(Filter),
    responses((status = 200, description = "The answer.", body = Counted)),
)]
async fn count(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Query(filter): Query<Filter>,
) -> Answer<Json<Counted>> {
    let count = hub.read(actor, move |queue| queue.count(&filter)).await?;
    Ok(Json(Counted { count }))
}

/// A claim by hand or by a script: no body when there is nothing to claim.
#[utoipa::path(
    post,
    path = "/tickets/claim-next",
    operation_id = "claimNext",
    tag = "tickets",
    request_body = ClaimNext,
    responses(
        (status = 200, description = "The ticket.", body = Claimed),
        (status = 204, description = "There is nothing to claim."),
    ),
)]
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

/// One ticket with all that hangs on it.
#[utoipa::path(
    get,
    path = "/tickets/{id}",
    operation_id = "showTicket",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    responses((status = 200, description = "The answer.", body = TicketDetail)),
)]
async fn show(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<Json<TicketDetail>> {
    Ok(Json(hub.read(actor, move |queue| queue.show(id)).await?))
}

/// Changes fields; absent ones stay.
#[utoipa::path(
    patch,
    path = "/tickets/{id}",
    operation_id = "update",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = TicketChange,
    responses((status = 204, description = "Done.")),
)]
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

/// The work on it is complete: status `ready`.
#[utoipa::path(
    post,
    path = "/tickets/{id}/complete",
    operation_id = "complete",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    responses((status = 204, description = "Done.")),
)]
async fn complete(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.complete(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NoChange {
    /// Why, in one sentence.
    reason: String,
}

/// Nothing has to change, for this reason: the human says whether that is so.
#[utoipa::path(
    post,
    path = "/tickets/{id}/no-change",
    operation_id = "noChange",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = NoChange,
    responses((status = 204, description = "Done.")),
)]
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MarkDone {
    /// Why it is done; without it, what the type of the ticket implies.
    resolution: Option<Resolution>,
}

/// Finishes a ticket and frees its dependents.
#[utoipa::path(
    post,
    path = "/tickets/{id}/mark-done",
    operation_id = "markDone",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    request_body = MarkDone,
    responses((status = 204, description = "Done.")),
)]
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

/// Gives a ticket back: status `open`, nobody assigned.
#[utoipa::path(
    post,
    path = "/tickets/{id}/unclaim",
    operation_id = "unclaim",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    responses((status = 204, description = "Done.")),
)]
async fn unclaim(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<StatusCode> {
    hub.queue(actor, move |queue| queue.unclaim(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who had a ticket, oldest first.
#[utoipa::path(
    get,
    path = "/tickets/{id}/attempts",
    operation_id = "listAttempts",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket.")),
    responses((status = 200, description = "The answer.", body = Vec<Attempt>)),
)]
async fn attempts(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    Path(id): Path<i64>,
) -> Answer<Json<Vec<Attempt>>> {
    let attempts = hub.read(actor, move |queue| queue.attempts(id)).await?;
    Ok(Json(attempts))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichAttempt {
    /// Its number; without it the latest that left a tree.
    attempt: Option<i64>,
}

/// What an attempt changed, as a patch: what is in it is not always text.
#[utoipa::path(
    get,
    path = "/tickets/{id}/diff",
    operation_id = "diff",
    tag = "tickets",
    params(("id" = i64, Path, description = "The ticket."), WhichAttempt),
    responses((status = 200, description = "The patch.", body = Vec<u8>, content_type = "application/octet-stream")),
)]
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
