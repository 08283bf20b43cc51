//! The pages on the human listener. Rendered here and readable without any script; one small script
//! swaps the parts that changed and sends forms without a reload.
//!
//! What agents wrote is escaped by the templates, or comes through [`markdown`], without exception.

mod actions;
mod board;
mod changed;
mod diff;
mod forms;
mod frame;
mod lists;
mod markdown;
mod needs;
mod ticket;

use std::convert::Infallible;

use ::ticket::Error;
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::Stream;
use futures_util::stream::unfold;

use crate::error::{Answer, Path, Query, Refusal};
use crate::hub::Shared;
use crate::routes::events::{Feed, From, KEEP_ALIVE};

const STYLE: &str = include_str!("../../assets/page.css");
const SCRIPT: &str = include_str!("../../assets/page.js");
/// How many digits of a commit are shown.
const SHORT_COMMIT: usize = 10;

/// The pages, their parts, and what their forms do.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(board::page))
        .route("/needs", get(needs::page))
        .route("/agents", get(lists::agents_page))
        .route("/landing", get(lists::landings_page))
        .route("/activity", get(lists::activity_page))
        .route("/tickets", post(actions::create))
        .route("/tickets/{id}", get(ticket::page))
        .route("/tickets/{id}/{action}", post(actions::act))
        .route("/swarm/{action}", post(actions::act_on_swarm))
        .route("/tickets/{id}/diff/{attempt}", get(diff::page))
        .route("/parts/tickets", get(board::tickets))
        .route("/parts/tickets/{id}", get(ticket::body))
        .route("/parts/tickets/{id}/forms", get(ticket::forms_part))
        .route("/parts/{name}", get(part))
        .route("/live", get(live))
}

/// The files that the pages refer to. They hold no secret and need no token.
pub fn assets() -> Router<Shared> {
    Router::new()
        .route(
            "/assets/page.css",
            get(|| async { asset("text/css", STYLE) }),
        )
        .route(
            "/assets/page.js",
            get(|| async { asset("text/javascript", SCRIPT) }),
        )
}

/// What somebody without a token sees.
#[derive(Template)]
#[template(path = "locked.html")]
struct Locked;

/// What a browser without a token sees.
pub async fn locked() -> Response {
    let page = rendered(&Locked).map(Html);
    (StatusCode::UNAUTHORIZED, page).into_response()
}

/// A part of a page that needs nothing but its name.
async fn part(State(hub): State<Shared>, Path(name): Path<String>) -> Answer<Html<String>> {
    let part = match name.as_str() {
        "problems" => rendered(&frame::problems(&hub).await?)?,
        "summary" => rendered(&board::summary(&hub).await?)?,
        "controls" => rendered(&board::controls(&hub).await?)?,
        "waiting" => rendered(&frame::waiting(&hub).await?)?,
        "needs" => rendered(&needs::needs(&hub).await?)?,
        "agents" => lists::agents(&hub).await?,
        "landings" => lists::landings(&hub).await?,
        "activity" => lists::activity(&hub).await?,
        other => {
            return Err(Refusal(Error::NotFound(format!(
                "the pages have no part '{other}'"
            ))));
        }
    };
    Ok(Html(part))
}

/// What changed, as that happens, in the words of [`changed`].
async fn live(
    State(hub): State<Shared>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Message, Infallible>>> {
    let feed = Feed::new(hub, &headers, from);
    let messages = unfold(feed, |mut feed| async move {
        let events = feed.batch().await?;
        let last = events.last()?.id.to_string();
        let words = changed::by(&events);
        Some((Ok(Message::default().id(last).data(words)), feed))
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn rendered(template: &impl Template) -> Answer<String> {
    template
        .render()
        .map_err(|e| Refusal::broken("the page cannot be made", e))
}

/// The first digits of a commit, enough for a person.
fn short(commit: &str) -> &str {
    commit.get(..SHORT_COMMIT).unwrap_or(commit)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
