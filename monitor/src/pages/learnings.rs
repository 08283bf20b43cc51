//! What agents and people found out: a list to search, and a form to add to it.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use serde::{Deserialize, Serialize};
use ticket::learning::{Learning, LearningFilter, NewLearning};
use ticket::{Actor, Queue};

use super::actions::answered;
use super::fields::{self, given, is_blank};
use super::frame::Frame;
use super::markdown::html;
use super::rendered;
use crate::error::{Answer, Form, Query};
use crate::hub::{Hub, Shared};

/// How many are shown.
const SHOWN: u32 = 200;

/// Which are shown, as the address says.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Wanted {
    #[serde(default, skip_serializing_if = "is_blank")]
    q: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    category: Option<String>,
}

impl Wanted {
    fn narrows(&self) -> bool {
        !is_blank(&self.q) || !is_blank(&self.category)
    }

    /// Where the script finds the same ones.
    fn part(&self) -> String {
        let query = serde_urlencoded::to_string(self).unwrap_or_default();
        format!("/parts/learnings?{query}")
    }
}

#[derive(Template)]
#[template(path = "learnings.html")]
struct Page {
    frame: Frame,
    wanted: Wanted,
    learnings: Learnings,
}

/// The newest first.
#[derive(Template)]
#[template(path = "learnings_list.html")]
struct Learnings {
    learnings: Vec<Learning>,
    is_cut: bool,
}

/// `GET /learnings`
pub async fn page(State(hub): State<Shared>, Query(wanted): Query<Wanted>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Learnings").await?;
    let learnings = learnings(&hub, &wanted).await?;
    Ok(Html(rendered(&Page {
        frame,
        wanted,
        learnings,
    })?))
}

/// `GET /parts/learnings`
pub async fn part(State(hub): State<Shared>, Query(wanted): Query<Wanted>) -> Answer<Html<String>> {
    Ok(Html(rendered(&learnings(&hub, &wanted).await?)?))
}

async fn learnings(hub: &Hub, wanted: &Wanted) -> Answer<Learnings> {
    let filter = LearningFilter {
        category: given(&wanted.category),
        search: given(&wanted.q),
        limit: Some(SHOWN + 1),
        ..LearningFilter::default()
    };
    let mut found = hub
        .read(Actor::Human, move |queue| queue.learnings(&filter))
        .await?;
    found.reverse();
    let is_cut = found.len() > SHOWN as usize;
    found.truncate(SHOWN as usize);
    Ok(Learnings {
        learnings: found,
        is_cut,
    })
}

/// What the form says.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    body: String,
    category: String,
    ticket: String,
}

impl Fields {
    fn learning(&self) -> ticket::Result<NewLearning> {
        Ok(NewLearning {
            body: fields::said(&self.body).unwrap_or_default(),
            category: fields::said(&self.category),
            ticket: fields::ticket(&self.ticket)?,
            author: None,
        })
    }
}

/// `POST /learnings`
pub async fn learn(
    State(hub): State<Shared>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> Response {
    let learned = match fields.learning() {
        Ok(new) => {
            hub.queue(Actor::Human, move |queue| queue.learn(&new))
                .await
        }
        Err(error) => Err(error.into()),
    };
    answered(&hub, &headers, learned.map(drop), "/learnings").await
}
