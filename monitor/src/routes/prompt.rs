//! What an agent would be told that claimed a ticket now.

use axum::Json;
use axum::extract::State;
use ticket::prompt::{Place, Preview, Wanted, preview};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Query, Refusal};
use crate::hub::{Hub, Shared};

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(prompt))
}

/// What an agent would be told that claimed a ticket now.
#[utoipa::path(
    get,
    path = "/prompt",
    operation_id = "previewPrompt",
    tag = "tickets",
    params(Wanted),
    responses((status = 200, description = "The answer.", body = Preview)),
)]
async fn prompt(
    State(hub): State<Shared>,
    Acting(_): Acting,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<Preview>> {
    Ok(Json(made(&hub, wanted).await?))
}

/// The prompt. The templates are read and filled in when the database is let go.
pub async fn made(hub: &Hub, wanted: Wanted) -> Answer<Preview> {
    let place = Place {
        prompts: Some(hub.project.prompts()),
        repository: Some(hub.bare.path().to_owned()),
        base_branch: hub.bare.branch().to_owned(),
        retries: hub.config().verify.retries,
    };
    let asked = wanted.clone();
    let material = hub
        .database
        .read(move |store| store.prompt_material(&asked))
        .await?;
    let made = tokio::task::spawn_blocking(move || preview(&place, &wanted, material)).await;
    let made = made.map_err(|e| Refusal::broken("the prompt could not be made", e))?;
    Ok(made?)
}
