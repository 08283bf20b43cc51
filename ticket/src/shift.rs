//! What happened while nobody looked: what landed, what failed and why, what waits for the human, and
//! what kept everybody from working. Pure; the store reads the rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::attempt::Outcome;
use crate::event::Event;
use crate::waiting::Waiting;

/// How many rows of each kind are named; the counts are of all.
pub const NAMED: usize = 100;

/// A report from one moment to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shift {
    /// Its beginning, in UTC.
    pub since: String,
    /// Its end, in UTC.
    pub until: String,
    /// How many tickets landed.
    pub landed_count: u64,
    /// The latest of them, the newest first.
    pub landed: Vec<Landed>,
    /// How many attempts ended without success, by outcome.
    pub failed_counts: BTreeMap<String, u64>,
    /// The latest of them, the newest first.
    pub failed: Vec<FailedAttempt>,
    /// What waits for the human now, the oldest first.
    pub waiting: Vec<Waiting>,
    /// What kept everybody, or some, from working; the oldest first.
    pub interruptions: Vec<Interruption>,
    /// How often the hub ended without being told to, and was started again.
    #[serde(default)]
    pub hub_restart_count: u64,
    /// When it was there again, in UTC; the latest, the newest first.
    #[serde(default)]
    pub hub_restarts: Vec<String>,
}

/// The action in the log that says so.
pub const HUB_BACK: &str = "hub_back";

/// A ticket that landed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Landed {
    /// The ticket.
    pub ticket: i64,
    /// Its title.
    pub title: String,
    /// The commit on main.
    pub commit: Option<String>,
    /// When, in UTC.
    pub at: String,
}

/// An attempt that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedAttempt {
    /// The ticket.
    pub ticket: i64,
    /// Its title.
    pub title: String,
    /// The attempt's number.
    pub attempt: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<String>,
    /// When, in UTC.
    pub at: String,
}

/// A time in which not everybody could work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Interruption {
    /// Why.
    pub why: String,
    /// Since when, in UTC; none when it began before the report does.
    pub since: Option<String>,
    /// When it was over, in UTC; none while it lasts.
    pub until: Option<String>,
}

/// What begins and ends an interruption.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strand {
    Halt,
    Pause,
    Docker,
}

/// What an event says about interruptions: whether it begins or ends one.
fn turn(action: &str) -> Option<(Strand, bool)> {
    match action {
        "halted" => Some((Strand::Halt, true)),
        "halt_lifted" => Some((Strand::Halt, false)),
        "paused" | "draining" => Some((Strand::Pause, true)),
        "resumed" => Some((Strand::Pause, false)),
        "docker_lost" => Some((Strand::Docker, true)),
        "docker_back" => Some((Strand::Docker, false)),
        _ => None,
    }
}

/// The actions that [`interruptions`] understands.
pub const TURNS: [&str; 7] = [
    "halted",
    "halt_lifted",
    "paused",
    "draining",
    "resumed",
    "docker_lost",
    "docker_back",
];

/// The interruptions that these events, the oldest first, tell of.
pub fn interruptions<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<Interruption> {
    let mut found: Vec<(Strand, Interruption)> = Vec::new();
    for event in events {
        let Some((strand, begins)) = turn(&event.action) else {
            continue;
        };
        let detail = event.detail.clone().unwrap_or_default();
        let open = found
            .iter_mut()
            .find(|(known, i)| *known == strand && i.until.is_none());
        match (open, begins) {
            // It lasts, and more is known.
            (Some((_, known)), true) => known.why = detail,
            (Some((_, known)), false) => known.until = Some(event.created_at.clone()),
            (None, true) => found.push((
                strand,
                Interruption {
                    why: detail,
                    since: Some(event.created_at.clone()),
                    until: None,
                },
            )),
            (None, false) => found.push((
                strand,
                Interruption {
                    why: detail,
                    since: None,
                    until: Some(event.created_at.clone()),
                },
            )),
        }
    }
    found
        .into_iter()
        .map(|(_, interruption)| interruption)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: i64, action: &str, detail: &str) -> Event {
        Event {
            id,
            ticket_id: None,
            agent_id: None,
            action: action.into(),
            detail: Some(detail.into()),
            created_at: format!("at {id}"),
        }
    }

    #[test]
    fn interruptions_have_a_beginning_and_an_end() {
        let events = [
            event(1, "resumed", ""),
            event(2, "halted", "limit until 3"),
            event(3, "created", "x"),
            event(4, "halted", "limit until 5"),
            event(5, "docker_lost", "no answer"),
            event(6, "halt_lifted", "over"),
            event(7, "halted", "login"),
        ];
        let row = |why: &str, since: Option<i64>, until: Option<i64>| Interruption {
            why: why.into(),
            since: since.map(|id| format!("at {id}")),
            until: until.map(|id| format!("at {id}")),
        };
        assert_eq!(
            interruptions(&events),
            [
                row("", None, Some(1)),
                row("limit until 5", Some(2), Some(6)),
                row("no answer", Some(5), None),
                row("login", Some(7), None),
            ]
        );
    }

    #[test]
    fn every_turn_is_understood() {
        assert!(TURNS.iter().all(|action| turn(action).is_some()));
    }
}
