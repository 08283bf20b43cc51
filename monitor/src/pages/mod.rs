//! The pages on the human listener. Rendered here and readable without any script; one small script
//! swaps the parts that changed and sends forms without a reload.
//!
//! What agents wrote is escaped by the templates, or comes through [`markdown`], without exception.

mod actions;
mod activity;
mod agents;
mod board;
mod changed;
mod chart;
mod cost;
mod diff;
mod fields;
mod forms;
mod frame;
mod graph;
mod landing;
mod layers;
mod learnings;
mod live;
mod markdown;
mod needs;
mod prompt;
mod refusal;
mod settings;
mod tail;
mod ticket;
mod transcript;

use ::ticket::Error;
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};

use crate::error::{Answer, Path, Refusal};
use crate::hub::Shared;

const STYLE: &str = include_str!("../../assets/page.css");
const SCRIPT: &str = include_str!("../../assets/page.js");
/// How many digits of a commit are shown.
const SHORT_COMMIT: usize = 10;

/// The pages, their parts, and what their forms do.
pub fn router(hub: &Shared) -> Router<Shared> {
    Router::new()
        .route("/", get(board::page))
        .route("/needs", get(needs::page))
        .route("/agents", get(agents::page))
        .route("/agents/{name}", get(agents::one))
        .route("/landing", get(landing::page))
        .route("/activity", get(activity::page))
        .route("/graph", get(graph::page))
        .route("/cost", get(cost::page))
        .route("/learnings", get(learnings::page).post(learnings::learn))
        .route("/settings", get(settings::page))
        .route("/tickets", post(actions::create))
        .route("/tickets/{id}", get(ticket::page))
        .route("/tickets/{id}/{action}", post(actions::act))
        .route("/agents/{name}/{action}", post(actions::act_on_agent))
        .route("/swarm/{action}", post(actions::act_on_swarm))
        .route("/tickets/{id}/diff/{attempt}", get(diff::page))
        .route("/tickets/{id}/prompt", get(prompt::page))
        .route("/tickets/{id}/transcript/{attempt}", get(transcript::page))
        .route("/parts/tickets", get(board::tickets))
        .route("/parts/tickets/{id}", get(ticket::body))
        .route("/parts/tickets/{id}/forms", get(ticket::forms_part))
        .route("/parts/agents/{name}", get(agents::part))
        .route("/parts/activity", get(activity::part))
        .route("/parts/learnings", get(learnings::part))
        .route("/parts/{name}", get(part))
        .route("/live", get(live::live))
        .layer(from_fn_with_state(hub.clone(), refusal::on_a_page))
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

/// What a browser sees at an address that nobody has. It says nothing of the project.
#[derive(Template)]
#[template(path = "nowhere.html")]
struct Nowhere;

/// See [`Nowhere`].
pub fn nowhere() -> Response {
    let page = rendered(&Nowhere).map(Html);
    (StatusCode::NOT_FOUND, page).into_response()
}

/// A part of a page that needs nothing but its name.
async fn part(State(hub): State<Shared>, Path(name): Path<String>) -> Answer<Html<String>> {
    let part = match name.as_str() {
        "problems" => rendered(&frame::problems(&hub).await?)?,
        "summary" => rendered(&board::summary(&hub).await?)?,
        "controls" => rendered(&board::controls(&hub).await?)?,
        "waiting" => rendered(&frame::waiting(&hub).await?)?,
        "needs" => rendered(&needs::needs(&hub).await?)?,
        "agents" => rendered(&agents::agents(&hub, None).await?)?,
        "landings" => rendered(&landing::landings(&hub).await?)?,
        "graph" => rendered(&graph::graph(&hub).await?)?,
        "cost" => rendered(&cost::costs(&hub).await?)?,
        other => {
            return Err(Refusal(Error::NotFound(format!(
                "the pages have no part '{other}'"
            ))));
        }
    };
    Ok(Html(part))
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
