//! Circles among the tickets of one file, told by their keys. Those that lead through tickets that
//! exist already are the store's to find.

use crate::error::{Error, Result};
use crate::ticket::NewTicket;

/// How far a ticket is looked into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    OnChain,
    Finished,
}

/// Refuses tickets that wait for each other, and parts of themselves.
pub fn refuse(tickets: &[NewTicket], names: &[String]) -> Result<()> {
    let parents: Vec<Vec<usize>> = tickets
        .iter()
        .map(|ticket| ticket.parent.and_then(place).into_iter().collect())
        .collect();
    told(
        &parents,
        names,
        "that would be a circle of parents",
        "is a part of",
    )?;
    let waits = waits(tickets);
    told(
        &waits,
        names,
        "that would be a circle of blockers",
        "waits for",
    )
}

/// What each ticket waits for: its blockers, those that block the dependents of a blocker, and its
/// parts when it waits for them.
fn waits(tickets: &[NewTicket]) -> Vec<Vec<usize>> {
    let mut waits: Vec<Vec<usize>> = tickets
        .iter()
        .map(|ticket| places(&ticket.blocked_by))
        .collect();
    let blocked_by = waits.clone();
    for (new, ticket) in tickets.iter().enumerate() {
        for other in places(&ticket.block_dependents_of) {
            for (dependent, blockers) in blocked_by.iter().enumerate() {
                if blockers.contains(&other) {
                    waits[dependent].push(new);
                }
            }
        }
        if let Some(parent) = ticket.parent.and_then(place)
            && tickets.get(parent).is_some_and(|t| t.wait_for_children)
        {
            waits[parent].push(new);
        }
    }
    waits
}

fn places(references: &[i64]) -> Vec<usize> {
    references.iter().copied().filter_map(place).collect()
}

/// The place that a reference to `-k` means.
fn place(reference: i64) -> Option<usize> {
    usize::try_from(-reference).ok()?.checked_sub(1)
}

/// Looks along every chain, each ticket once; one that is met again on its own chain closes a circle.
fn told(next: &[Vec<usize>], names: &[String], what: &str, word: &str) -> Result<()> {
    let mut seen = vec![Seen::Not; next.len()];
    for start in 0..next.len() {
        if seen[start] != Seen::Not {
            continue;
        }
        seen[start] = Seen::OnChain;
        let mut chain = vec![(start, 0)];
        while let Some((at, done)) = chain.last_mut() {
            let Some(&further) = next[*at].get(*done) else {
                seen[*at] = Seen::Finished;
                chain.pop();
                continue;
            };
            *done += 1;
            match seen[further] {
                Seen::Finished => (),
                Seen::Not => {
                    seen[further] = Seen::OnChain;
                    chain.push((further, 0));
                }
                Seen::OnChain => {
                    let on_chain = chain.iter().map(|(at, _)| *at);
                    let circle = on_chain.skip_while(|at| *at != further).chain([further]);
                    let told: Vec<&str> = circle.map(|at| names[at].as_str()).collect();
                    let told = told.join(&format!(" {word} "));
                    return Err(Error::Refused(format!("{what}: {told}")));
                }
            }
        }
    }
    Ok(())
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
