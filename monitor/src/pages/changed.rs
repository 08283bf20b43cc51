//! Which parts of the pages an event changes. Pure.

use std::collections::BTreeSet;

use ticket::event::Event;

/// Main's head, counts and problems.
const SUMMARY: &str = "summary";
/// The lists of tickets.
const TICKETS: &str = "tickets";
/// What is said about tickets.
const COMMENTS: &str = "comments";
/// The agents.
const AGENTS: &str = "agents";
/// The landing queue and what came of it.
pub const LANDINGS: &str = "landings";
/// The activity log's newest rows.
const ACTIVITY: &str = "activity";
/// What agents cost.
const COST: &str = "cost";
/// What agents and people found out.
const LEARNINGS: &str = "learnings";
/// What containers use, which no event tells of.
pub const USAGE: &str = "usage";

/// The words for what these events change, separated by blanks: those above, and `ticket:12` for
/// everything about one ticket.
pub fn by(events: &[Event]) -> String {
    let parts = events.iter().flat_map(|event| of(&event.action)).copied();
    let mut words: BTreeSet<String> = parts.map(String::from).collect();
    words.extend(
        events
            .iter()
            .filter_map(|event| event.ticket_id)
            .map(|id| format!("ticket:{id}")),
    );
    words.into_iter().collect::<Vec<_>>().join(" ")
}

/// What is not known here may change anything.
fn of(action: &str) -> &'static [&'static str] {
    match action {
        "commented" => &[COMMENTS, ACTIVITY],
        "learned" => &[LEARNINGS, ACTIVITY],
        "phase" => &[AGENTS, COST, ACTIVITY],
        "enrolled" | "proposing" | "proposal_ended" | "left" => &[AGENTS, ACTIVITY],
        "agent_started" | "agent_died" | "breaker_opened" | "docker_lost" | "docker_back"
        | "hub_back" | "scaled" | "leaving" | "staying" | "agent_stopped" | "agent_restarted" => {
            &[SUMMARY, AGENTS, ACTIVITY]
        }
        _ => &[
            SUMMARY, TICKETS, AGENTS, LANDINGS, ACTIVITY, COST, LEARNINGS,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(action: &str, ticket_id: Option<i64>) -> Event {
        Event {
            id: 1,
            ticket_id,
            agent_id: None,
            action: action.into(),
            detail: None,
            created_at: "2030-01-31 00:00:00".into(),
        }
    }

    #[test]
    fn only_what_changed_is_swapped() {
        for (events, expected) in [
            (
                vec![event("commented", Some(7))],
                "activity comments ticket:7",
            ),
            (
                vec![event("phase", Some(7)), event("commented", Some(12))],
                "activity agents comments cost ticket:12 ticket:7",
            ),
            (
                vec![event("new in a later version", None)],
                "activity agents cost landings learnings summary tickets",
            ),
        ] {
            assert_eq!(by(&events), expected);
        }
    }
}
