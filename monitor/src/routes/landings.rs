//! What became of submissions: people list them and read what verify.sh prints for one, a runner waits
//! for its own.

use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use swarm::fleet::{Fleet as Engine, Result as Fetched};
use ticket::Error;
use ticket::landing::Landing;
use tokio::sync::watch;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Worker;
use crate::error::{Answer, Path, Query};
use crate::hub::{Shared, Woken, wait_until};
use crate::routes::page::{self, Page};
use crate::routes::services::no_containers;
use crate::verification::Demand;

/// For runners.
pub fn router() -> Router<Shared> {
    Router::new().route("/landings/{id}", get(own))
}

/// For people.
pub fn human_router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(log))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Rows {
    /// With a lower number.
    before: Option<i64>,
    /// At most so many; 1000 at most.
    limit: Option<u32>,
}

/// Submissions to the landing queue and what became of them, newest first.
#[utoipa::path(
    get,
    path = "/landings",
    operation_id = "listLandings",
    tag = "swarm",
    params(Rows),
    responses((status = 200, description = "The answer.", headers(("link" = String, description = "Where the next page is, when there may be one.")), body = Vec<Landing>)),
)]
async fn list(
    State(hub): State<Shared>,
    uri: OriginalUri,
    Query(Rows { before, limit }): Query<Rows>,
) -> Answer<Page<Landing>> {
    let limit = page::limit(limit);
    let before = before.unwrap_or(i64::MAX);
    let found = hub
        .database
        .read(move |store| store.landings_before(before, limit))
        .await?;
    let last = |rows: &[Landing]| rows.last().map(|landing| landing.id);
    Ok(Page::new(found, limit, &uri, "before", last))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// How long to wait until it is settled, in seconds.
    #[serde(default)]
    wait: u64,
}

/// One submission, as soon as it is landed, bounced, held or cancelled, or as it is when the wait is over.
#[utoipa::path(
    get,
    path = "/landings/{id}",
    operation_id = "getLanding",
    tag = "swarm",
    params(("id" = i64, Path, description = "The landing."), Wait),
    responses((status = 200, description = "The answer.", body = Landing)),
)]
async fn one(
    State(hub): State<Shared>,
    Path(id): Path<i64>,
    Query(Wait { wait }): Query<Wait>,
) -> Answer<Json<Landing>> {
    settled(&hub, id, wait, |_| Ok(())).await
}

/// The same for the runner that submitted it.
async fn own(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path(id): Path<i64>,
    Query(Wait { wait }): Query<Wait>,
) -> Answer<Json<Landing>> {
    let is_own = |landing: &Landing| match landing.agent == name {
        true => Ok(()),
        false => Err(Error::Forbidden(format!("landing {id} is not {name}'s"))),
    };
    settled(&hub, id, wait, is_own).await
}

async fn settled(
    hub: &Shared,
    id: i64,
    wait: u64,
    may_see: impl Fn(&Landing) -> ticket::Result<()>,
) -> Answer<Json<Landing>> {
    let deadline = wait_until(wait);
    let mut events = hub.database.last_event();
    loop {
        let landing = hub.database.read(move |store| store.landing(id)).await?;
        may_see(&landing)?;
        if landing.state.is_settled() {
            return Ok(Json(landing));
        }
        match hub.woken(&mut events, deadline).await {
            Woken::ByEvent => (),
            Woken::ByDeadline | Woken::ByClosing => return Ok(Json(landing)),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Printed {
    /// Go on with what is printed from now on, until the landing is settled.
    #[serde(default)]
    follow: bool,
    /// Only so many lines of the end.
    tail: Option<u64>,
    /// Only what was printed since then, in Unix seconds.
    since: Option<i64>,
}

/// What verify.sh prints for a submission, as it comes; nothing where it is not being verified. What
/// decided it stands in the landing's `log_tail` when it is settled.
#[utoipa::path(
    get,
    path = "/landings/{id}/log",
    operation_id = "landingLog",
    tag = "swarm",
    params(("id" = i64, Path, description = "The landing."), Printed),
    responses((status = 200, description = "The log.", body = String, content_type = "text/plain")),
)]
async fn log(
    State(hub): State<Shared>,
    Path(id): Path<i64>,
    Query(wanted): Query<Printed>,
) -> Answer<Response> {
    hub.database.read(move |store| store.landing(id)).await?;
    let engine = hub.fleet.seen().engine.ok_or_else(no_containers)?;
    let closing = hub.closing.clone();
    let pieces = printed(hub, engine, id, wanted).take_until(closing.cancelled_owned());
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((plain, Body::from_stream(pieces)).into_response())
}

/// What one verifier after the other prints for a landing, until it is settled; without `follow` what
/// the present one has printed.
fn printed(
    hub: Shared,
    engine: Engine,
    id: i64,
    wanted: Printed,
) -> impl Stream<Item = Fetched<Vec<u8>>> + Send + use<> {
    let verifiers = Verifiers {
        demand: hub.verifications.demand(),
        events: hub.database.last_event(),
        waits: wanted.follow,
        shown: None,
        hub,
        id,
    };
    unfold(verifiers, move |mut verifiers| {
        let engine = engine.clone();
        async move {
            let name = verifiers.next().await?;
            let container = verifiers.hub.fleet.container(&name);
            let log = engine.logs_since(&container, wanted.follow, wanted.tail, wanted.since);
            verifiers.shown = Some(name);
            Some((log, verifiers))
        }
    })
    .flatten()
}

/// Who verifies a landing, one after the other.
struct Verifiers {
    hub: Shared,
    id: i64,
    demand: watch::Receiver<Demand>,
    events: watch::Receiver<i64>,
    /// For one that is not there yet.
    waits: bool,
    /// The last one.
    shown: Option<String>,
}

impl Verifiers {
    /// The next one. None when the landing is settled, or cannot be read.
    async fn next(&mut self) -> Option<String> {
        loop {
            self.demand.borrow_and_update();
            self.events.borrow_and_update();
            let id = self.id;
            let landing = self.hub.database.read(move |store| store.landing(id)).await;
            let landing = landing.ok().filter(|found| !found.state.is_settled())?;
            let under_way = self.hub.verifications.under_way();
            let name = landing.candidate.and_then(|c| under_way.get(&c).cloned());
            if name != self.shown {
                self.shown = None;
            }
            if self.shown.is_none() && name.is_some() {
                return name;
            }
            if !self.waits {
                return None;
            }
            tokio::select! {
                came = self.demand.changed() => came.ok()?,
                came = self.events.changed() => came.ok()?,
            }
        }
    }
}
