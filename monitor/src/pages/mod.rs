//! The page on the human listener: tickets, agents, landings and activity. Rendered here and
//! readable without any script; one small script swaps the fragments that changed.
//!
//! What agents wrote is escaped by the templates, without exception.

mod changed;
mod view;

use std::convert::Infallible;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures_util::Stream;
use futures_util::stream::unfold;
use ticket::Error;

use self::changed::Fragment;
use crate::error::{Answer, Path, Query, Refusal};
use crate::hub::Shared;
use crate::routes::events::{Feed, From, KEEP_ALIVE};

const STYLE: &str = include_str!("../../assets/page.css");
const SCRIPT: &str = include_str!("../../assets/page.js");

/// The page and what its script asks for.
pub fn router() -> Router<Shared> {
    Router::new()
        .route("/", get(index))
        .route("/fragments/{name}", get(fragment))
        .route("/live", get(live))
}

/// The files that the page refers to. They hold no secret and need no token.
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

/// What a browser without a token sees.
pub async fn locked() -> Response {
    let page = rendered(&view::Locked).map(Html);
    (StatusCode::UNAUTHORIZED, page).into_response()
}

async fn index(State(hub): State<Shared>) -> Answer<Html<String>> {
    Ok(Html(rendered(&view::index(&hub).await?)?))
}

async fn fragment(State(hub): State<Shared>, Path(name): Path<String>) -> Answer<Html<String>> {
    let Some(fragment) = Fragment::named(&name) else {
        return Err(Refusal(Error::NotFound(format!(
            "the page has no part '{name}'"
        ))));
    };
    Ok(Html(match fragment {
        Fragment::Summary => rendered(&view::summary(&hub).await?)?,
        Fragment::Tickets => rendered(&view::tickets(&hub).await?)?,
        Fragment::Agents => rendered(&view::agents(&hub).await?)?,
        Fragment::Landings => rendered(&view::landings(&hub).await?)?,
        Fragment::Activity => rendered(&view::activity(&hub).await?)?,
    }))
}

/// Which parts of the page changed, as that happens.
async fn live(
    State(hub): State<Shared>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Message, Infallible>>> {
    let feed = Feed::new(hub, &headers, from);
    let messages = unfold(feed, |mut feed| async move {
        let events = feed.batch().await?;
        let last = events.last()?.id.to_string();
        let names = changed::by(events.iter().map(|event| event.action.as_str()));
        Some((Ok(Message::default().id(last).data(names)), feed))
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn rendered(template: &impl Template) -> Answer<String> {
    template
        .render()
        .map_err(|e| Refusal::broken("the page cannot be made", e))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
