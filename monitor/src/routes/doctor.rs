//! A look over the database, and what can be mended of it. Looking has a connection of its own and
//! holds nobody up; mending is a write like others.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ticket::diagnosis::Diagnosis;
use ticket::store::doctor as doctors;

use crate::auth::Acting;
use crate::error::{Answer, Refusal};
use crate::hub::{Hub, Shared};

/// The routes of this concern, for people only.
pub fn router() -> Router<Shared> {
    Router::new().route("/doctor", get(look).post(repair))
}

async fn look(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Json<Diagnosis>> {
    actor.must_be_human("look the database over")?;
    Ok(Json(examined(&hub).await?))
}

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
