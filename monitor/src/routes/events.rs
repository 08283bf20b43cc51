//! The activity log as it grows, as server-sent events. An event's id is its row: a client that
//! comes back with `Last-Event-ID` gets what it missed, because the table is read and the channel
//! only says when.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use ticket::event::Event;
use tokio::sync::watch;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Acting;
use crate::error::{Answer, Query};
use crate::hub::Shared;

/// How many rows are read at once.
const PAGE: u32 = 500;
/// How often a line is sent that says nothing, so that a dead connection is noticed.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Where a stream begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct From {
    /// After this row; without it, with what happens from now on.
    after: Option<i64>,
}

/// The activity log as it grows, as server-sent events: the id is the row, the name the action, the
/// data the row as JSON.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "events",
    tag = "events",
    params(
        From,
        ("last-event-id" = Option<i64>, Header, description = "The last row that the client has; wins over `after`."),
    ),
    responses((status = 200, description = "The stream.", body = String, content_type = "text/event-stream")),
)]
async fn events(
    State(hub): State<Shared>,
    Acting(_): Acting,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Message, Infallible>>>> {
    let feed = Feed::new(hub, &headers, from);
    let messages = unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        Some((Ok(message(&event)), feed))
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The events after a cursor, those that were and then those that come.
pub struct Feed {
    hub: Shared,
    cursor: i64,
    wake: watch::Receiver<i64>,
    read: VecDeque<Event>,
}

impl Feed {
    /// Begins where the client says that it left off.
    pub fn new(hub: Shared, headers: &HeaderMap, from: From) -> Feed {
        let wake = hub.database.last_event();
        let newest = *wake.borrow();
        let resumed = headers.get("last-event-id").and_then(|v| v.to_str().ok());
        let cursor = resumed.and_then(|id| id.parse().ok()).or(from.after);
        Feed {
            hub,
            cursor: cursor.unwrap_or(newest),
            wake,
            read: VecDeque::new(),
        }
    }

    /// The next event. `None` when the hub ends, or cannot read on: the client comes back.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.read.pop_front() {
                self.cursor = event.id;
                return Some(event);
            }
            self.fill().await?;
        }
    }

    /// All events that are there, at least one.
    pub async fn batch(&mut self) -> Option<Vec<Event>> {
        let first = self.next().await?;
        let rest = std::mem::take(&mut self.read);
        let batch: Vec<Event> = [first].into_iter().chain(rest).collect();
        self.cursor = batch.last()?.id;
        Some(batch)
    }

    async fn fill(&mut self) -> Option<()> {
        self.wake.borrow_and_update();
        let cursor = self.cursor;
        let read = self
            .hub
            .database
            .read(move |store| store.events_after(cursor, PAGE));
        match read.await {
            Ok(events) => self.read = events.into(),
            Err(error) => {
                tracing::warn!("the event stream breaks off: {error}");
                return None;
            }
        }
        if !self.read.is_empty() {
            return Some(());
        }
        tokio::select! {
            () = self.hub.closing.cancelled() => None,
            changed = self.wake.changed() => changed.ok(),
        }
    }
}

fn message(event: &Event) -> Message {
    // Databases of the reference system may hold any words; a line break would end the field.
    let action = ticket::text::one_line(&event.action);
    let data = serde_json::to_string(event).unwrap_or_default();
    Message::default()
        .id(event.id.to_string())
        .event(action.replace('\r', " "))
        .data(data)
}
