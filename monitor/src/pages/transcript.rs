//! What the agent CLI was asked and printed in one attempt, run by run. A run that goes on is followed.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use ticket::Error;
use ticket::transcript::{Entry, Wanted};

use super::frame::Frame;
use super::{rendered, tail};
use crate::error::{Answer, Path, Refusal};
use crate::hub::Shared;

/// How many runs of an attempt are shown.
const RUNS: usize = 20;

#[derive(Template)]
#[template(path = "transcript.html")]
struct Page {
    frame: Frame,
    ticket: i64,
    attempt: i64,
    runs: Vec<Run>,
    more: usize,
    /// The run that goes on: the last.
    open: Option<u64>,
}

struct Run {
    entry: Entry,
    /// The end of its text, when that is long.
    text: String,
    is_cut: bool,
}

/// `GET /tickets/{id}/transcript/{attempt}`
pub async fn page(
    State(hub): State<Shared>,
    Path((ticket, attempt)): Path<(i64, i64)>,
) -> Answer<Html<String>> {
    let title = format!("Transcript of attempt {attempt} at #{ticket}");
    let frame = Frame::around(&hub, &title).await?;
    let exists = hub
        .database
        .read(move |store| store.attempt(ticket, attempt));
    exists.await?;
    let wanted = Wanted {
        ticket: Some(ticket),
        attempt: Some(attempt),
        ..Wanted::default()
    };
    let mut entries = hub.transcripts.list(&wanted, usize::MAX);
    let more = entries.len().saturating_sub(RUNS);
    entries.truncate(RUNS);
    let open = entries.first().filter(|entry| entry.is_open());
    let open = open.map(|entry| entry.id);
    let mut runs = Vec::new();
    for entry in entries.into_iter().rev() {
        let text = match tail::end_of(&hub, &entry).await {
            // It was too old, and went in this moment.
            Err(Refusal(Error::NotFound(_))) => continue,
            text => text?,
        };
        runs.push(Run {
            is_cut: entry.text_bytes > tail::SHOWN,
            entry,
            text,
        });
    }
    Ok(Html(rendered(&Page {
        frame,
        ticket,
        attempt,
        runs,
        more,
        open,
    })?))
}
