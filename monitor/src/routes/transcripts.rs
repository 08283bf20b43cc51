//! Transcripts: runners hand them in piece by piece, people read them while they grow.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use ticket::Error;
use ticket::transcript::{Entry, Form, IS_LAST, Kept, Key, Of, Piece, Wanted};
use tokio::time::Instant;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Worker;
use crate::error::{Answer, Path, Query, Refusal};
use crate::hub::{Shared, wait_until};
use crate::transcripts::keeper;

/// The most entries that are listed at once.
const LISTED: usize = 1000;

/// What runners use.
pub fn router() -> Router<Shared> {
    Router::new()
        .route(
            "/attempts/{ticket}/{attempt}/runs/{run}/transcript",
            post(of_attempt),
        )
        .route(
            "/proposals/{proposal}/runs/{run}/transcript",
            post(of_proposal),
        )
}

/// What people use.
pub fn human_router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
}

#[derive(Deserialize)]
struct Begins {
    offset: u64,
}

async fn of_attempt(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path((ticket, attempt, run)): Path<(i64, i64, i64)>,
    Query(Begins { offset }): Query<Begins>,
    piece: Bytes,
) -> Answer<Json<Kept>> {
    let of = Of::Attempt { ticket, attempt };
    append(&hub, Key { of, run }, name, offset, piece).await
}

async fn of_proposal(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path((proposal, run)): Path<(i64, i64)>,
    Query(Begins { offset }): Query<Begins>,
    piece: Bytes,
) -> Answer<Json<Kept>> {
    let of = Of::Proposal { proposal };
    append(&hub, Key { of, run }, name, offset, piece).await
}

async fn append(
    hub: &Shared,
    key: Key,
    agent: String,
    offset: u64,
    piece: Bytes,
) -> Answer<Json<Kept>> {
    let owner = keeper::owner(hub, key).await?;
    if owner != agent {
        return Err(Refusal(Error::Forbidden(format!(
            "{key} is {owner}'s, not {agent}'s"
        ))));
    }
    let transcripts = hub.transcripts.clone();
    let kept = tokio::task::spawn_blocking(move || transcripts.append(key, &agent, offset, &piece));
    let kept = kept
        .await
        .map_err(|e| Refusal::broken("the transcript was not written", e))?;
    Ok(Json(kept?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// Of this agent.
    agent: Option<String>,
    /// Of this ticket.
    ticket: Option<i64>,
    /// Of this attempt at it.
    attempt: Option<i64>,
    /// Of this run in it.
    run: Option<i64>,
    /// With a higher number.
    after: Option<u64>,
    /// At most so many; 1000 at most.
    limit: Option<usize>,
    /// How long to wait for the first, in seconds.
    #[serde(default)]
    wait: u64,
}

/// Transcripts, newest first.
#[utoipa::path(
    get,
    path = "/transcripts",
    operation_id = "listTranscripts",
    tag = "transcripts",
    params(Listed),
    responses((status = 200, description = "The answer.", body = Vec<Entry>)),
)]
async fn list(State(hub): State<Shared>, Query(listed): Query<Listed>) -> Answer<Json<Vec<Entry>>> {
    let wanted = Wanted {
        agent: listed.agent,
        ticket: listed.ticket,
        attempt: listed.attempt,
        run: listed.run,
        after: listed.after,
    };
    let most = listed.limit.unwrap_or(LISTED).min(LISTED);
    let deadline = wait_until(listed.wait);
    let mut came = hub.transcripts.came();
    loop {
        came.borrow_and_update();
        let entries = hub.transcripts.list(&wanted, most);
        if !entries.is_empty() || !grew(&hub, &mut came, deadline).await {
            return Ok(Json(entries));
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct From {
    /// Where to begin, in bytes.
    #[serde(default)]
    offset: u64,
    /// How long to wait for more, in seconds.
    #[serde(default)]
    wait: u64,
}

/// What is there from the offset on, some of it when it is much. The header `swarm-is-last` says
/// whether it is the end.
#[utoipa::path(
    get,
    path = "/transcripts/{id}/{form}",
    operation_id = "readTranscript",
    tag = "transcripts",
    params(
        ("id" = u64, Path, description = "The transcript."),
        ("form" = String, Path, description = "`raw` or `text`."),
        From,
    ),
    responses((status = 200, description = "Bytes.", body = String, content_type = "text/plain")),
)]
async fn read(
    State(hub): State<Shared>,
    Path((id, form)): Path<(u64, String)>,
    Query(From { offset, wait }): Query<From>,
) -> Answer<Response> {
    let (form, kind) = match form.as_str() {
        "raw" => (Form::Raw, "application/x-ndjson"),
        "text" => (Form::Text, "text/plain; charset=utf-8"),
        other => {
            return Err(Refusal(Error::NotFound(format!(
                "a transcript has no form '{other}': use raw or text"
            ))));
        }
    };
    let deadline = wait_until(wait);
    let mut came = hub.transcripts.came();
    loop {
        came.borrow_and_update();
        let transcripts = hub.transcripts.clone();
        let piece = tokio::task::spawn_blocking(move || transcripts.read(id, form, offset));
        let piece = piece
            .await
            .map_err(|e| Refusal::broken("the transcript was not read", e))?;
        let Piece { bytes, is_last } = piece?;
        if !bytes.is_empty() || is_last || !grew(&hub, &mut came, deadline).await {
            let headers = [
                (header::CONTENT_TYPE, kind),
                (
                    HeaderName::from_static(IS_LAST),
                    if is_last { "true" } else { "false" },
                ),
            ];
            return Ok((headers, bytes).into_response());
        }
    }
}

/// Waits until something came. False: the time is up, or the hub ends.
async fn grew(
    hub: &Shared,
    came: &mut tokio::sync::watch::Receiver<u64>,
    deadline: Instant,
) -> bool {
    tokio::select! {
        biased;
        () = hub.closing.cancelled() => false,
        grew = came.changed() => grew.is_ok(),
        () = tokio::time::sleep_until(deadline) => false,
    }
}
