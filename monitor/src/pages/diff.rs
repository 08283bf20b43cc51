//! What an attempt changed, line by line.

use askama::Template;
use axum::extract::State;
use axum::response::Html;

use super::frame::Frame;
use super::rendered;
use crate::error::{Answer, Path};
use crate::hub::Shared;
use crate::routes::tickets::patch;

/// How many lines are shown: browsers get slow with more.
const MAX_LINES: usize = 5_000;
/// How many characters of a line.
const MAX_LINE: usize = 500;

#[derive(Template)]
#[template(path = "diff.html")]
struct Page {
    frame: Frame,
    id: i64,
    attempt: i64,
    lines: Vec<Line>,
    cut: bool,
}

struct Line {
    /// The class in the style sheet.
    kind: &'static str,
    text: String,
}

/// `GET /tickets/{id}/diff/{attempt}`
pub async fn page(
    State(hub): State<Shared>,
    Path((id, attempt)): Path<(i64, i64)>,
) -> Answer<Html<String>> {
    let title = format!("What attempt {attempt} at #{id} changed");
    let frame = Frame::around(&hub, &title).await?;
    let patch: Vec<u8> = patch(&hub, id, Some(attempt)).await?;
    let patch = String::from_utf8_lossy(&patch);
    let mut lines = patch.lines();
    let shown = lines.by_ref().take(MAX_LINES).map(line).collect();
    Ok(Html(rendered(&Page {
        frame,
        id,
        attempt,
        lines: shown,
        cut: lines.next().is_some(),
    })?))
}

fn line(text: &str) -> Line {
    let kind = match text.as_bytes() {
        [b'@', b'@', ..] => "place",
        _ if text.starts_with("diff --git ") => "file",
        _ if text.starts_with("+++ ") || text.starts_with("--- ") => "file",
        [b'+', ..] => "added",
        [b'-', ..] => "removed",
        _ => "same",
    };
    Line {
        kind,
        text: ticket::text::beginning(text, MAX_LINE),
    }
}
