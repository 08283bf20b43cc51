//! A runner waits for what becomes of its submission.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use ticket::Error;
use ticket::landing::Landing;

use crate::auth::Worker;
use crate::error::{Answer, Path, Query, Refusal};
use crate::hub::{Shared, Woken, wait_until};

/// The routes of this concern.
pub fn router() -> Router<Shared> {
    Router::new().route("/landings/{id}", get(landing))
}

#[derive(Deserialize)]
struct Wait {
    #[serde(default)]
    wait: u64,
}

/// The landing as soon as it is settled, or as it is when the wait is over.
async fn landing(
    State(hub): State<Shared>,
    Worker(name): Worker,
    Path(id): Path<i64>,
    Query(Wait { wait }): Query<Wait>,
) -> Answer<Json<Landing>> {
    let deadline = wait_until(wait);
    let mut events = hub.database.last_event();
    loop {
        let landing = hub.database.read(move |store| store.landing(id)).await?;
        if landing.agent != name {
            let whose = format!("landing {id} is not {name}'s");
            return Err(Refusal(Error::Forbidden(whose)));
        }
        if landing.state.is_settled() {
            return Ok(Json(landing));
        }
        match hub.woken(&mut events, deadline).await {
            Woken::ByEvent => (),
            Woken::ByDeadline | Woken::ByClosing => return Ok(Json(landing)),
        }
    }
}
