//! A look over the database, and what can be mended of it. Looking has a connection of its own and
//! holds nobody up; mending is a write like others.

use axum::Json;
use axum::extract::State;
use ticket::diagnosis::Diagnosis;
use ticket::store::doctor as doctors;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Refusal};
use crate::hub::{Hub, Shared};

/// The routes of this concern, for people only.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(look, repair))
}

/// Looks the database over.
#[utoipa::path(
    get,
    path = "/doctor",
    operation_id = "examine",
    tag = "queue",
    responses((status = 200, description = "The answer.", body = Diagnosis)),
)]
async fn look(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Json<Diagnosis>> {
    actor.must_be_human("look the database over")?;
    Ok(Json(examined(&hub).await?))
}

/// Mends what the rest of the database determines, and looks it over.
#[utoipa::path(
    post,
    path = "/doctor",
    operation_id = "repair",
    tag = "queue",
    responses((status = 200, description = "The answer.", body = Diagnosis)),
)]
async fn repair(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Json<Diagnosis>> {
    actor.must_be_human("repair the database")?;
    let repaired = hub.database.call(move |store| store.repair(&actor)).await;
    let mut diagnosis = examined(&hub).await?;
    diagnosis.note_repair(repaired);
    Ok(Json(diagnosis))
}

async fn examined(hub: &Hub) -> Answer<Diagnosis> {
    let database = hub.project.database();
    let looked = tokio::task::spawn_blocking(move || doctors::examine(&database));
    let diagnosis = looked
        .await
        .map_err(|e| Refusal::broken("the database was not looked over", e))??;
    Ok(diagnosis)
}
