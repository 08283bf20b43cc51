//! Circles among the tickets of one file, told by their keys. Those that lead through tickets that
//! exist already are the store's to find.

use std::collections::BTreeMap;

use crate::circle;
use crate::error::{Error, Result};
use crate::ticket::NewTicket;

/// What each place of the file leads to.
type Edges = BTreeMap<i64, Vec<i64>>;

/// Refuses tickets that wait for each other, and parts of themselves.
pub fn refuse(tickets: &[NewTicket], names: &[String]) -> Result<()> {
    told(&parents(tickets), names, "parents", "is a part of")?;
    told(&waits(tickets), names, "blockers", "waits for")
}

fn told(edges: &Edges, names: &[String], of: &str, relation: &str) -> Result<()> {
    let Some(circle) = circle::find(edges) else {
        return Ok(());
    };
    let name = |place: &i64| usize::try_from(*place).ok().and_then(|n| names.get(n));
    let told: Vec<&str> = circle.iter().filter_map(name).map(String::as_str).collect();
    let told = told.join(&format!(" {relation} "));
    Err(Error::Refused(format!(
        "that would be a circle of {of}: {told}"
    )))
}

fn parents(tickets: &[NewTicket]) -> Edges {
    (0..)
        .zip(tickets)
        .map(|(at, ticket)| (at, places(ticket.parent.as_slice())))
        .collect()
}

/// What each ticket waits for: its blockers, those that block the dependents of a blocker, and its
/// parts when it waits for them.
fn waits(tickets: &[NewTicket]) -> Edges {
    let blocked_by: Edges = (0..)
        .zip(tickets)
        .map(|(at, ticket)| (at, places(&ticket.blocked_by)))
        .collect();
    let mut dependents = Edges::new();
    for (at, blockers) in &blocked_by {
        for blocker in blockers {
            dependents.entry(*blocker).or_default().push(*at);
        }
    }
    let mut waits = blocked_by;
    for (at, ticket) in (0..).zip(tickets) {
        for other in places(&ticket.block_dependents_of) {
            for dependent in dependents.get(&other).into_iter().flatten() {
                waits.entry(*dependent).or_default().push(at);
            }
        }
        for parent in places(ticket.parent.as_slice()) {
            if waits_for_children(tickets, parent) {
                waits.entry(parent).or_default().push(at);
            }
        }
    }
    waits
}

fn waits_for_children(tickets: &[NewTicket], place: i64) -> bool {
    let ticket = usize::try_from(place).ok().and_then(|n| tickets.get(n));
    ticket.is_some_and(|ticket| ticket.wait_for_children)
}

/// The places that references to `-k` mean; ids of tickets that exist already mean none.
fn places(references: &[i64]) -> Vec<i64> {
    let of_file = references.iter().filter(|reference| **reference < 0);
    of_file.map(|reference| -reference - 1).collect()
}

#[cfg(test)]
mod tests {
    use crate::graph::parse;

    #[test]
    fn circles_are_told_by_their_keys() {
        for (text, sentence) in [
            (
                r#"{"key":"a","title":"A","blocked_by":["b"]}
                   {"key":"b","title":"B","blocked_by":["c"]}
                   {"key":"c","title":"C","blocked_by":["b"]}"#,
                "that would be a circle of blockers: b waits for c waits for b",
            ),
            (
                r#"{"key":"a","title":"A","blocked_by":["a"]}"#,
                "that would be a circle of blockers: a waits for a",
            ),
            (
                r#"{"key":"a","title":"A","parent":"b"} {"key":"b","title":"B","parent":"a"}"#,
                "that would be a circle of parents: a is a part of b is a part of a",
            ),
            (
                r#"{"key":"a","title":"A"} {"key":"b","title":"B","blocked_by":["a"]}
                   {"key":"c","title":"C","block_dependents_of":["a"],"blocked_by":["b"]}"#,
                "that would be a circle of blockers: b waits for c waits for b",
            ),
            (
                r#"{"key":"a","title":"A","wait_for_children":true}
                   {"title":"B","parent":"a","blocked_by":["a"]}"#,
                "that would be a circle of blockers: a waits for line 2 waits for a",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn many_ways_to_one_ticket_are_no_circle() {
        let text = r#"{"key":"a","title":"A"} {"key":"b","title":"B","blocked_by":["a"]}
                      {"key":"c","title":"C","blocked_by":["a","b"]}
                      {"title":"D","blocked_by":["b","c","a"],"parent":"a"}"#;
        assert!(parse(text).is_ok());
    }
}
