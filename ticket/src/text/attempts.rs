//! Attempts as text: who had a ticket, when, how it ended, and where the tree is.

use std::fmt::Write;

use super::{one_line, plain};
use crate::attempt::{Attempt, snapshot_ref};

/// How many digits of a commit tell it from the others.
const SHORT: usize = 10;

/// Phases in which no agent CLI has run.
const BEFORE_AN_AGENT: [&str; 2] = ["claimed", "fetch"];

/// A few lines each, with the end of the log that shows why; a sentence when there is none.
pub fn attempts(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return "No attempts.".into();
    }
    let whole = |attempt: &Attempt| {
        let mut out = attempt_lines(attempt);
        for line in attempt.log_tail.iter().flat_map(|tail| tail.lines()) {
            let _ = write!(out, "\n  | {}", plain(line));
        }
        out
    };
    let all: Vec<String> = attempts.iter().map(whole).collect();
    all.join("\n")
}

/// One attempt: `n agent: how it ended`, then when it was, and where its tree is.
pub(super) fn attempt_lines(a: &Attempt) -> String {
    let agent = one_line(&a.agent);
    let mut out = match a.outcome {
        Some(outcome) => format!("{} {agent}: {outcome}", a.number),
        None => format!("{} {agent}: under way, {}", a.number, one_line(&a.phase)),
    };
    if let Some(reason) = &a.reason {
        let _ = write!(out, ", {}", one_line(reason));
    }
    let _ = match &a.ended_at {
        Some(ended) => write!(out, "\n  from {} to {ended}", a.started_at),
        None => write!(
            out,
            "\n  since {}, last heard of at {}, lease {}",
            a.started_at,
            a.heartbeat_at,
            span(a.lease_seconds)
        ),
    };
    if !a.spent.is_nothing() {
        let _ = write!(out, "\n  cost {}", a.spent);
    }
    if let Some(commit) = &a.snapshot {
        let commit: String = one_line(commit).chars().take(SHORT).collect();
        let kept = snapshot_ref(a.ticket_id, a.number);
        let _ = write!(out, "\n  kept in {kept} ({commit})");
    }
    if !BEFORE_AN_AGENT.contains(&a.phase.as_str()) {
        let (ticket, number) = (a.ticket_id, a.number);
        let _ = write!(
            out,
            "\n  session: swarm logs --ticket {ticket} --attempt {number}"
        );
    }
    out
}

/// A number of seconds in the largest unit that divides it.
fn span(seconds: i64) -> String {
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "min")];
    let fits = units
        .iter()
        .find(|(length, _)| seconds >= *length && seconds % length == 0);
    match fits {
        Some((length, unit)) => format!("{} {unit}", seconds / length),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_short_as_they_can_be() {
        let spans = [60, 90, 900, 7200, 86400].map(span);
        assert_eq!(spans, ["1 min", "90 s", "15 min", "2 h", "1 d"]);
    }

    #[test]
    fn an_attempt_in_which_an_agent_cli_ran_names_its_session() {
        let attempt = |phase: &str| Attempt {
            ticket_id: 12,
            number: 2,
            phase: phase.into(),
            ..serde_json::from_str(
                r#"{"ticket_id":1,"number":1,"agent":"agent-1","lease_seconds":60,"phase":"",
                    "started_at":"","heartbeat_at":""}"#,
            )
            .unwrap()
        };
        let names = "\n  session: swarm logs --ticket 12 --attempt 2";
        for (phase, named) in [("claimed", false), ("fetch", false), ("verify", true)] {
            let lines = attempt_lines(&attempt(phase));
            assert_eq!(lines.ends_with(names), named, "{lines}");
        }
    }
}
