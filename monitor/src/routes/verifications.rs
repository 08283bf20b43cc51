//! Verifiers fetch what to verify and say what came of it; the human has a commit verified.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use ticket::Error;
use ticket::wire::{Verdict, Verification, VerifyCommit, WorkRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Verifier;
use crate::error::{Answer, Body, Path, Refusal};
use crate::hub::{Shared, wait_until};
use crate::verification::Order;

/// For verifiers.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/verifications/next", post(next))
        .route("/verifications/{id}/started", post(started))
        .route("/verifications/{id}/verdict", post(verdict))
}

/// For people.
pub fn human_router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(verify))
}

/// The next commit to verify, or none when the wait is over.
async fn next(
    State(hub): State<Shared>,
    Verifier(name): Verifier,
    Body(request): Body<WorkRequest>,
) -> Answer<Json<Option<Verification>>> {
    let verification = tokio::select! {
        biased;
        () = hub.closing.cancelled() => None,
        next = hub.verifications.next(&name) => Some(next?),
        () = tokio::time::sleep_until(wait_until(request.wait)) => None,
    };
    Ok(Json(verification))
}

/// verify.sh is about to run: what it runs must not fetch with the verifier's token.
async fn started(
    State(hub): State<Shared>,
    Verifier(name): Verifier,
    Path(id): Path<u64>,
) -> Answer<StatusCode> {
    hub.verifications.started(id, &name)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn verdict(
    State(hub): State<Shared>,
    Verifier(name): Verifier,
    Path(id): Path<u64>,
    Body(verdict): Body<Verdict>,
) -> Answer<StatusCode> {
    hub.verifications.verdict(id, &name, verdict)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Verifies a commit by its own verify.sh, and waits for the verdict.
#[utoipa::path(
    post,
    path = "/verifications",
    operation_id = "verifyCommit",
    tag = "swarm",
    request_body = VerifyCommit,
    responses((status = 200, description = "The answer.", body = Verdict)),
)]
async fn verify(
    State(hub): State<Shared>,
    Body(VerifyCommit { commit }): Body<VerifyCommit>,
) -> Answer<Json<Verdict>> {
    let name = commit.clone();
    let found = hub
        .bare
        .call(move |repository| Ok(repository.find_commit(&name)))
        .await
        .map_err(|e| Refusal::broken("the repository cannot be read", e))?;
    let Some(found) = found.map(|id| id.to_string()) else {
        return Err(Refusal(Error::NotFound(format!(
            "there is no commit {commit} in the repository"
        ))));
    };
    let pending = hub.verifications.order(Order {
        commit: found.clone(),
        gate_commit: found,
        own_gate_too: false,
        env: BTreeMap::new(),
        timeout: Duration::from_secs(hub.config().gate_settings().timeout_seconds),
    });
    tokio::select! {
        () = hub.closing.cancelled() => {
            Err(Refusal(Error::Unavailable("the hub ends".into())))
        }
        verdict = pending.verdict() => Ok(Json(verdict)),
    }
}
