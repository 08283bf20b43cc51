//! What a runner says about its attempt: signs of life, the submission, the end. The store refuses
//! what names an attempt that is over or another agent's.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use ticket::landing::Landing;
use ticket::usage::RunUsage;
use ticket::wire::{EndAttempt, Heard, Heartbeat, Submit};

use crate::auth::Worker;
use crate::error::{Answer, Body, Path};
use crate::hub::{Hub, Shared};

/// The longest reason kept, in bytes: it is one sentence.
pub const MAX_REASON: usize = 4 << 10;
/// The longest end of a log kept, in bytes.
pub const MAX_LOG: usize = 64 << 10;
/// The longest name of a phase or of a conversation, in bytes.
const MAX_NAME: usize = 200;
/// How many runs one report may tell of: more than `verify.retries` allows.
const MAX_REPORTS: usize = 1000;
/// The longest summary kept, in bytes: it becomes a commit's body.
const MAX_SUMMARY: usize = 16 << 10;

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/attempts/{ticket}/{attempt}/heartbeat", post(heartbeat))
        .route("/attempts/{ticket}/{attempt}/submit", post(submit))
        .route("/attempts/{ticket}/{attempt}/end", post(end))
}

async fn heartbeat(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path((ticket, attempt)): Path<(i64, i64)>,
    Body(mut beat): Body<Heartbeat>,
) -> Answer<Json<Heard>> {
    capped(&mut beat.phase, MAX_NAME);
    capped(&mut beat.session_id, MAX_NAME);
    priced(&hub, &mut beat.usage);
    let heard = hub
        .database
        .call(move |store| store.heartbeat(&name, ticket, attempt, &beat))
        .await?;
    hub.leases.renew(ticket, attempt);
    Ok(Json(heard))
}

async fn submit(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path((ticket, attempt)): Path<(i64, i64)>,
    Body(mut submit): Body<Submit>,
) -> Answer<Json<Landing>> {
    capped(&mut submit.summary, MAX_SUMMARY);
    let landing = hub
        .database
        .call(move |store| store.submit(&name, ticket, attempt, &submit))
        .await?;
    Ok(Json(landing))
}

async fn end(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path((ticket, attempt)): Path<(i64, i64)>,
    Body(mut end): Body<EndAttempt>,
) -> Answer<StatusCode> {
    capped(&mut end.reason, MAX_REASON);
    capped(&mut end.log_tail, MAX_LOG);
    capped(&mut end.session_id, MAX_NAME);
    priced(&hub, &mut end.usage);
    let max_attempts = hub.config().queue.max_attempts;
    hub.database
        .call(move |store| store.end_attempt(&name, ticket, attempt, &end, max_attempts))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps so many reports, and adds what models cost that the agent CLI does not say.
pub fn priced(hub: &Hub, runs: &mut Vec<RunUsage>) {
    runs.truncate(MAX_REPORTS);
    for run in runs.iter_mut() {
        *run = std::mem::take(run).capped();
    }
    hub.in_force().prices.add_to(runs);
}

/// Keeps the end of a text that is too long: the end of a log says why.
pub fn capped(text: &mut Option<String>, most: usize) {
    let Some(text) = text.as_mut().filter(|t| t.len() > most) else {
        return;
    };
    let from = (text.len() - most..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    text.drain(..from);
}

#[cfg(test)]
mod tests {
    use super::capped;

    #[test]
    fn a_long_text_keeps_its_end_and_its_characters() {
        for (given, most, kept) in [
            ("short", 10, "short"),
            ("0123456789", 4, "6789"),
            ("aéé", 3, "é"),
            ("", 0, ""),
        ] {
            let mut text = Some(given.to_owned());
            capped(&mut text, most);
            assert_eq!(text.as_deref(), Some(kept), "{given:?} in {most}");
        }
    }
}
