//! A copy of the database, made while agents write. It lies beside the database until it is whole,
//! and loses its name before the first byte is sent.

use std::fs::File;

use axum::extract::State;
use axum::response::Response;
use ticket::partial::Partial;
use ticket::store::backup as copies;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::transfer::{sent, unusable};
use crate::auth::Acting;
use crate::error::{Answer, Refusal};
use crate::hub::Shared;

/// SQLite's media type.
const SQLITE: &str = "application/vnd.sqlite3";

/// The routes of this concern, for people only.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(backup))
}

/// A copy of the database, of one moment.
#[utoipa::path(
    get,
    path = "/backup",
    operation_id = "backup",
    tag = "queue",
    responses((status = 200, description = "An SQLite file.", body = Vec<u8>, content_type = "application/vnd.sqlite3")),
)]
async fn backup(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Response> {
    actor.must_be_human("copy the database")?;
    let database = hub.project.database();
    let copied = tokio::task::spawn_blocking(move || {
        let copy = Partial::begin(&database.with_extension("copy"), true)?;
        copies::copy(&database, copy.path())?;
        copies::check(copy.path())?;
        File::open(copy.path()).map_err(unusable)
    });
    let file = copied
        .await
        .map_err(|e| Refusal::broken("the database was not copied", e))??;
    sent(file, SQLITE)
}
