//! The landing queue: what waits, what is verified on top of what and since when, and what came of
//! the latest submissions.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use ticket::event::Event;
use ticket::landing::{Landing, LandingState};

use super::frame::Frame;
use super::{rendered, short};
use crate::error::{Answer, Refusal};
use crate::hub::{Hub, Shared};

/// How many of the latest landings are looked at.
const LATEST: u32 = 100;
/// How many events of a ticket are looked at to find when its verification began.
const EVENTS: u32 = 50;

#[derive(Template)]
#[template(path = "landing.html")]
struct Page {
    frame: Frame,
    landings: Landings,
}

/// The queue, then what came of the latest submissions.
#[derive(Template)]
#[template(path = "landing_lists.html")]
pub struct Landings {
    queue: Vec<Waiting>,
    settled: Vec<Landing>,
}

/// What has not landed yet.
struct Waiting {
    landing: Landing,
    /// When it came into its state, in UTC.
    since: String,
    /// What its candidate lies on; none where no candidate was made.
    on: Option<On>,
    /// Who verifies it.
    verifier: Option<String>,
}

/// What a candidate lies on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum On {
    /// The base branch as it is.
    Base(String),
    /// The candidate of this ticket, which has to land first.
    Ticket(i64),
    /// A commit that main has left behind: the candidate will be made anew.
    Old(String),
}

/// `GET /landing`
pub async fn page(State(hub): State<Shared>) -> Answer<Html<String>> {
    let frame = Frame::around(&hub, "Landing").await?;
    let landings = landings(&hub).await?;
    Ok(Html(rendered(&Page { frame, landings })?))
}

/// At this moment.
pub async fn landings(hub: &Hub) -> Answer<Landings> {
    let (queue, latest, begun) = hub
        .database
        .read(|store| {
            let queue = store.landing_queue()?;
            let mut begun = BTreeMap::new();
            for landing in queue.iter().filter(|l| l.state == LandingState::Verifying) {
                let events = store.latest_events(EVENTS, Some(landing.ticket_id))?;
                begun.extend(verifying_since(&events).map(|at| (landing.id, at)));
            }
            Ok((queue, store.landings(LATEST)?, begun))
        })
        .await?;
    let parents = parents(hub, &queue).await?;
    let base = hub.base().await?;
    let at_work = hub.verifications.under_way();
    let candidates: BTreeMap<String, i64> = queue
        .iter()
        .filter_map(|landing| Some((landing.candidate.clone()?, landing.ticket_id)))
        .collect();
    let waiting = queue.into_iter().map(|landing| Waiting {
        since: begun
            .get(&landing.id)
            .unwrap_or(&landing.submitted_at)
            .clone(),
        on: parents
            .get(&landing.id)
            .map(|parent| on(parent, &base.commit, &base.branch, &candidates)),
        verifier: landing
            .candidate
            .as_ref()
            .and_then(|candidate| at_work.get(candidate).cloned()),
        landing,
    });
    Ok(Landings {
        queue: waiting.collect(),
        settled: latest
            .into_iter()
            .filter(|landing| landing.finished_at.is_some())
            .collect(),
    })
}

/// Who verifies the candidate that is the first in the queue of those that are being verified.
pub async fn first_verifier(hub: &Hub) -> Answer<Option<String>> {
    let at_work = hub.verifications.under_way();
    let queue = hub.database.read(|store| store.landing_queue()).await?;
    let candidates = queue
        .iter()
        .filter_map(|landing| landing.candidate.as_ref());
    let mut verifiers = candidates.filter_map(|candidate| at_work.get(candidate));
    Ok(verifiers.next().cloned())
}

/// The commit under each candidate, by the landing.
async fn parents(hub: &Hub, queue: &[Landing]) -> Answer<BTreeMap<i64, String>> {
    let candidates: Vec<(i64, String)> = queue
        .iter()
        .filter_map(|landing| Some((landing.id, landing.candidate.clone()?)))
        .collect();
    let found = hub.bare.call(move |repository| {
        let parent = |(id, candidate): &(i64, String)| {
            let parent = repository.find_commit(&format!("{candidate}^"))?;
            Some((*id, parent.to_string()))
        };
        Ok(candidates.iter().filter_map(parent).collect())
    });
    found
        .await
        .map_err(|e| Refusal::broken("the repository cannot be read", e))
}

fn on(parent: &str, head: &str, branch: &str, candidates: &BTreeMap<String, i64>) -> On {
    match candidates.get(parent) {
        Some(ticket) => On::Ticket(*ticket),
        None if parent == head => On::Base(format!("{branch} at {}", short(head))),
        None => On::Old(short(parent).to_owned()),
    }
}

/// When the latest verification began. The newest event is the first.
fn verifying_since(events: &[Event]) -> Option<String> {
    let began = events.iter().find(|event| event.action == "verifying");
    began.map(|event| event.created_at.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_lies_on_main_on_another_one_or_on_what_main_was() {
        let candidates = BTreeMap::from([("c1".to_owned(), 7)]);
        for (parent, expected) in [
            ("c1", On::Ticket(7)),
            ("m1", On::Base("main at m1".into())),
            ("m0", On::Old("m0".into())),
        ] {
            assert_eq!(on(parent, "m1", "main", &candidates), expected);
        }
    }
}
