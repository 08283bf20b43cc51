//! What an open page hears on its one stream: which of its parts changed, in the words of
//! [`super::changed`], and text as it is printed.
//!
//! Text is sent anew from near its end whenever a page comes back, so that nothing has to be
//! remembered about it. It was written by agents: the page shows it as text and nothing else.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use futures_util::stream::{self, BoxStream, unfold};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use ticket::text;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::tail::{self, Tail};
use super::{changed, landing};
use crate::error::Query;
use crate::fleet::plan::Id;
use crate::hub::Shared;
use crate::routes::events::{Feed, From, KEEP_ALIVE};
use crate::verification::Demand;

/// How often a page that shows what containers use is told to look again.
const USAGE_INTERVAL: Duration = Duration::from_secs(3);
/// How many lines of a container's log are sent at first.
const LOG_LINES: u64 = 200;

/// What a page wants to hear beside changes.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// That it is time to look at what containers use.
    usage: bool,
    /// What the container of this agent prints.
    log: Option<String>,
    /// What verify.sh prints for the landing that is first in the queue.
    verify: bool,
    /// The runs of this agent, one after the other.
    session: Option<String>,
    /// This run.
    transcript: Option<u64>,
}

/// Text for a place on the page.
#[derive(Serialize)]
struct Text<'a> {
    into: &'a str,
    text: &'a str,
    /// It takes the place of what is there.
    reset: bool,
}

/// `GET /live`
pub async fn live(
    State(hub): State<Shared>,
    Query(from): Query<From>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Message, Infallible>>> {
    let over = CancellationToken::new();
    let feed = Feed::new(hub.clone(), &headers, from);
    let mut streams = vec![
        changes(feed, over.clone().drop_guard()),
        verifiers(hub.clone()),
    ];
    if wanted.usage {
        streams.push(usage());
    }
    if let Some(id) = wanted.log.as_deref().and_then(Id::parse) {
        streams.push(log(hub.clone(), id.name()));
    }
    if wanted.verify {
        streams.push(verify(hub.clone()));
    }
    let run = match (wanted.session, wanted.transcript) {
        (Some(agent), _) => Some(tail::Of::Agent(agent)),
        (None, Some(id)) => Some(tail::Of::Run(id)),
        (None, None) => None,
    };
    streams.extend(run.map(|of| session(hub.clone(), of)));
    // A page without changes would be wrong: it comes back, and gets all streams anew.
    let messages = stream::select_all(streams)
        .take_until(over.cancelled_owned())
        .map(Ok);
    Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// What the activity log tells; `guard` tells when there is no more of it.
fn changes(feed: Feed, guard: DropGuard) -> BoxStream<'static, Message> {
    unfold((feed, guard), |(mut feed, guard)| async move {
        let events = feed.batch().await?;
        let last = events.last()?.id.to_string();
        let words = changed::by(&events);
        Some((Message::default().id(last).data(words), (feed, guard)))
    })
    .boxed()
}

/// Verifiers take candidates and finish with them without a row in the log.
fn verifiers(hub: Shared) -> BoxStream<'static, Message> {
    unfold(hub.verifications.demand(), |mut demand| async move {
        demand.changed().await.ok()?;
        Some((Message::default().data(changed::LANDINGS), demand))
    })
    .boxed()
}

fn usage() -> BoxStream<'static, Message> {
    unfold((), |()| async {
        tokio::time::sleep(USAGE_INTERVAL).await;
        Some((Message::default().data(changed::USAGE), ()))
    })
    .boxed()
}

/// A container's log, and that of the container which takes its place.
fn log(hub: Shared, name: String) -> BoxStream<'static, Message> {
    let events = hub.database.last_event();
    unfold((hub, name, events, true), |state| async move {
        let (hub, name, mut events, is_first) = state;
        if !is_first {
            events.changed().await.ok()?;
        }
        events.borrow_and_update();
        let printed = printed(&hub, &name, "log");
        Some((printed, (hub, name, events, false)))
    })
    .flatten()
    .boxed()
}

/// What the verifier prints that has the first candidate of the landing queue, then the next one.
fn verify(hub: Shared) -> BoxStream<'static, Message> {
    let demand = hub.verifications.demand();
    unfold((hub, demand, None), |(hub, mut demand, shown)| async move {
        let name = another(&hub, &mut demand, shown.as_deref()).await?;
        let mut next = demand.clone();
        let (hub_too, name_too) = (hub.clone(), name.clone());
        let other = async move { drop(another(&hub_too, &mut next, Some(&name_too)).await) };
        let begins = message("verify", "", true);
        let printed = stream::once(async { begins })
            .chain(printed(&hub, &name, "verify"))
            .take_until(Box::pin(other));
        Some((printed, (hub, demand, Some(name))))
    })
    .flatten()
    .boxed()
}

/// The first verifier of the landing queue, as soon as it is not `known`; none when the hub ends.
async fn another(
    hub: &Shared,
    demand: &mut watch::Receiver<Demand>,
    known: Option<&str>,
) -> Option<String> {
    loop {
        demand.borrow_and_update();
        let first = landing::first_verifier(hub).await.ok().flatten();
        if first.is_some() && first.as_deref() != known {
            return first;
        }
        demand.changed().await.ok()?;
    }
}

/// The end of a container's log and what follows.
fn printed(hub: &Shared, name: &str, into: &'static str) -> BoxStream<'static, Message> {
    let Some(engine) = hub.fleet.seen().engine else {
        return stream::empty().boxed();
    };
    let container = hub.fleet.container(name);
    engine
        .logs(&container, true, Some(LOG_LINES))
        .filter_map(|piece| async move { piece.ok() })
        .enumerate()
        .map(move |(n, piece)| {
            let piece = text::clean(&String::from_utf8_lossy(&piece));
            message(into, &piece, n == 0)
        })
        .boxed()
}

/// What an agent CLI was asked and printed.
fn session(hub: Shared, of: tail::Of) -> BoxStream<'static, Message> {
    unfold(Tail::new(hub, of), |mut tail| async move {
        let piece = tail.next().await?;
        Some((message("session", &piece.text, piece.is_first), tail))
    })
    .boxed()
}

fn message(into: &str, text: &str, reset: bool) -> Message {
    let text = Text { into, text, reset };
    let data = serde_json::to_string(&text).unwrap_or_default();
    Message::default().event("text").data(data)
}
