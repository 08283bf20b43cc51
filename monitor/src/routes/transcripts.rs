//! Transcripts: runners hand them in piece by piece, people read them while they grow.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use ticket::Error;
use ticket::transcript::{Entry, Form, IS_LAST, Kept, Key, Of, Piece, Wanted};
use tokio::time::Instant;

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
pub fn human_router() -> Router<Shared> {
    Router::new()
        .route("/transcripts", get(list))
        .route("/transcripts/{id}/{form}", get(read))
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

#[derive(Deserialize)]
struct Listed {
    agent: Option<String>,
    ticket: Option<i64>,
    attempt: Option<i64>,
    run: Option<i64>,
    after: Option<u64>,
    limit: Option<usize>,
    /// How long to wait for the first, in seconds.
    #[serde(default)]
    wait: u64,
}

/// Newest first.
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

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    offset: u64,
    /// How long to wait for more, in seconds.
    #[serde(default)]
    wait: u64,
}

/// What is there from the offset on, some of it when it is much. The header says whether it is the end.
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
