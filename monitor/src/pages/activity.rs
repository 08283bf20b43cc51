//! The activity log: narrowed to a ticket, an agent or an action, newest first, page by page.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use serde::{Deserialize, Serialize};
use ticket::event::{Page as Rows, Which};

use super::fields::{self, given, is_blank};
use super::frame::Frame;
use super::rendered;
use crate::error::{Answer, Query, Refusal};
use crate::hub::{Hub, Shared};

/// How many rows a page has.
const ROWS: u32 = 100;

/// Which rows are shown, as the address says.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Wanted {
    #[serde(default, skip_serializing_if = "is_blank")]
    ticket: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    agent: Option<String>,
    #[serde(default, skip_serializing_if = "is_blank")]
    action: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<i64>,
}

impl Wanted {
    /// Whether it leaves anything out.
    fn narrows(&self) -> bool {
        [&self.ticket, &self.agent, &self.action]
            .into_iter()
            .any(|field| !is_blank(field))
    }

    fn which(&self) -> ticket::Result<Which> {
        Ok(Which {
            ticket: fields::ticket(self.ticket.as_deref().unwrap_or_default())?,
            agent: given(&self.agent),
            action: given(&self.action),
            before: self.before,
        })
    }

    /// The same rows below `path`, from `before` on.
    fn address(&self, path: &str, before: Option<i64>) -> String {
        let wanted = Wanted {
            before,
            ..self.clone()
        };
        let query = serde_urlencoded::to_string(wanted).unwrap_or_default();
        format!("{path}?{query}")
    }
}

#[derive(Template)]
#[template(path = "activity.html")]
struct Page {
    frame: Frame,
    wanted: Wanted,
    activity: Activity,
}

/// Some rows of the log.
#[derive(Template)]
#[template(path = "activity_rows.html")]
struct Activity {
    rows: Rows,
    older: Option<String>,
}

/// `GET /activity`
pub async fn page(State(hub): State<Shared>, Query(wanted): Query<Wanted>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Activity").await?;
    let activity = activity(&hub, &wanted).await?;
    Ok(Html(rendered(&Page {
        frame,
        wanted,
        activity,
    })?))
}

/// `GET /parts/activity`
pub async fn part(State(hub): State<Shared>, Query(wanted): Query<Wanted>) -> Answer<Html<String>> {
    Ok(Html(rendered(&activity(&hub, &wanted).await?)?))
}

async fn activity(hub: &Hub, wanted: &Wanted) -> Answer<Activity> {
    let which = wanted.which().map_err(Refusal)?;
    let rows = hub
        .database
        .read(move |store| store.activity(&which, ROWS))
        .await?;
    let older = rows
        .older
        .map(|before| wanted.address("/activity", Some(before)));
    Ok(Activity { rows, older })
}
