//! Everything out, and in again, as JSON lines. What goes out or comes in lies in a file without a
//! name meanwhile, so that neither memory nor a slow client's pace matters: the database is read or
//! written at full speed and left alone then.

use std::fs::File;
use std::io::{BufWriter, Seek};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Json, RequestExt};
use futures_util::StreamExt;
use ticket::transfer::{Imported, MAX_IMPORT};
use ticket::{Error, Queue};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Refusal};
use crate::hub::{Hub, Shared};

/// The media type of one JSON object a line.
const JSON_LINES: &str = "application/x-ndjson";
/// How much of a file is sent at once.
const PIECE: usize = 64 << 10;

/// The routes of this concern, for people only.
pub fn router() -> OpenApiRouter<Shared> {
    let limit = usize::try_from(MAX_IMPORT).unwrap_or(usize::MAX);
    let import = OpenApiRouter::new().routes(routes!(import));
    OpenApiRouter::new()
        .routes(routes!(export))
        .merge(import.layer(DefaultBodyLimit::max(limit)))
}

/// Everything that people may take with them, one JSON object a line.
#[utoipa::path(
    get,
    path = "/export",
    operation_id = "export",
    tag = "queue",
    responses((status = 200, description = "Lines as `ticket schema` describes them.", body = String, content_type = "application/x-ndjson")),
)]
async fn export(State(hub): State<Shared>, Acting(actor): Acting) -> Answer<Response> {
    let file = nameless(&hub)?;
    let written = hub.read(actor, move |queue| {
        let mut out = BufWriter::new(file);
        queue.export(&mut out)?;
        let mut file = out.into_inner().map_err(|e| unusable(e.into_error()))?;
        file.rewind().map_err(unusable)?;
        Ok(file)
    });
    sent(written.await?, JSON_LINES)
}

/// Takes in the lines of an export: all of them or none.
#[utoipa::path(
    post,
    path = "/import",
    operation_id = "import",
    tag = "queue",
    request_body(
        content = String,
        content_type = "application/x-ndjson",
        description = "Lines as `ticket schema` describes them.",
    ),
    responses((status = 200, description = "The answer.", body = Imported)),
)]
async fn import(
    State(hub): State<Shared>,
    Acting(actor): Acting,
    request: Request,
) -> Answer<Json<Imported>> {
    actor.must_be_human("import tickets")?;
    let mut pieces = request.into_limited_body().into_data_stream();
    let mut file = tokio::fs::File::from_std(nameless(&hub)?);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|e| {
            let most = MAX_IMPORT >> 20;
            Refusal(Error::Invalid(format!(
                "the import broke off, or it has more than {most} MB: {e}"
            )))
        })?;
        file.write_all(&piece).await.map_err(unusable)?;
    }
    file.flush().await.map_err(unusable)?;
    let mut file = file.into_std().await;
    file.rewind().map_err(unusable)?;
    let imported = hub.queue(actor, move |queue| queue.import(Box::new(file)));
    Ok(Json(imported.await?))
}

/// A whole file as an answer.
pub fn sent(file: File, kind: &'static str) -> Answer<Response> {
    let length = file.metadata().map_err(unusable)?.len();
    let pieces = ReaderStream::with_capacity(tokio::fs::File::from_std(file), PIECE);
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// A file that is gone when it is closed, on the disk of the database.
fn nameless(hub: &Hub) -> ticket::Result<File> {
    let database = hub.project.database();
    tempfile::tempfile_in(database.parent().unwrap_or(&database)).map_err(unusable)
}

/// The hub's own disk let it down.
pub fn unusable(error: std::io::Error) -> Error {
    Error::Io("the hub cannot use its disk".into(), error)
}
