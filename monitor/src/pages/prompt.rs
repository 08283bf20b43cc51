//! What an agent would be told that claimed a ticket now, as `ticket prompt ID` prints it.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use serde::Deserialize;
use ticket::prompt::{Kind, Preview, Wanted};

use super::frame::Frame;
use super::rendered;
use crate::error::{Answer, Path, Query};
use crate::hub::Shared;
use crate::routes::prompt;

#[derive(Template)]
#[template(path = "prompt.html")]
struct Page {
    frame: Frame,
    id: i64,
    kinds: Vec<Kind>,
    preview: Preview,
}

/// Which of a ticket's prompts.
#[derive(Deserialize)]
pub struct Which {
    #[serde(default)]
    kind: Kind,
}

/// `GET /tickets/{id}/prompt`
pub async fn page(
    State(hub): State<Shared>,
    Path(id): Path<i64>,
    Query(Which { kind }): Query<Which>,
) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, &format!("Prompt for #{id}")).await?;
    let wanted = Wanted {
        ticket: Some(id),
        kind,
        agent: None,
    };
    let preview = prompt::made(&hub, wanted).await?;
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Propose);
    Ok(Html(rendered(&Page {
        frame,
        id,
        kinds: kinds.collect(),
        preview,
    })?))
}
