//! How long what died waits before it is started again. Pure: times come in as arguments.
//!
//! The first death in a row costs nothing. From the second on the wait doubles from 10 seconds up to
//! 5 minutes, and the same failure five times in a row goes straight to 5 minutes and is a problem
//! that the human is told.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::Problem;

/// The wait after the second death in a row; doubled by each further one.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// Something that lived this long died for a new reason: the row begins anew.
const STEADY: Duration = Duration::from_secs(2 * 60);
/// So many equal failures in a row are a problem for the human.
const BREAKER: u32 = 5;

/// Why something died.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    kind: String,
    words: Option<String>,
}

impl Cause {
    /// `kind` (such as `exit code 1`) tells whether two failures are the same; `words`, the last
    /// that it printed, are for the human alone.
    pub fn new(kind: &str, words: Option<String>) -> Cause {
        Cause {
            kind: kind.to_owned(),
            words,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.words {
            Some(words) => write!(f, "{}: {words}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

/// The row of deaths of one agent, or of the verifiers together.
#[derive(Clone, Debug, Default)]
pub struct Deaths {
    in_a_row: u32,
    same: u32,
    cause: Cause,
    until: Option<Instant>,
}

impl Deaths {
    /// It died (or could not be started) after it had lived so long.
    pub fn add(&mut self, cause: Cause, lived: Duration, now: Instant) {
        if lived >= STEADY {
            *self = Deaths::default();
        }
        self.in_a_row += 1;
        let is_same = self.cause.kind == cause.kind;
        self.same = if is_same { self.same + 1 } else { 1 };
        self.cause = cause;
        self.until = Some(now + self.wait());
    }

    /// The moment before which it is not started again, if that is still to come.
    pub fn held_until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// Why it died, in words that are the same for equal failures; none unless that is a problem.
    pub fn broken_by(&self) -> Option<&str> {
        self.is_broken().then_some(&*self.cause.kind)
    }

    /// What to tell the human, once the same failure has come often enough.
    pub fn problem(&self, who: &str) -> Option<String> {
        self.is_broken().then(|| {
            format!(
                "{who} failed {} times in a row ({}); it is tried again every {} minutes",
                self.in_a_row,
                self.cause,
                LONGEST_WAIT.as_secs() / 60
            )
        })
    }

    /// True when this death was the one that made it a problem.
    pub fn just_broke(&self) -> bool {
        self.same == BREAKER
    }

    fn is_broken(&self) -> bool {
        self.same >= BREAKER
    }

    fn wait(&self) -> Duration {
        if self.is_broken() {
            return LONGEST_WAIT;
        }
        match self.in_a_row {
            0 | 1 => Duration::ZERO,
            n => FIRST_WAIT
                .saturating_mul(1 << (n - 2).min(16))
                .min(LONGEST_WAIT),
        }
    }
}

/// Who keeps dying, of all these; those that die for the same reason are one problem.
pub fn broken<'a>(all: impl Iterator<Item = (String, &'a Deaths)>) -> Vec<Problem> {
    let mut by_cause: BTreeMap<&str, Vec<(String, &Deaths)>> = BTreeMap::new();
    for (name, deaths) in all {
        if let Some(cause) = deaths.broken_by() {
            by_cause.entry(cause).or_default().push((name, deaths));
        }
    }
    let problems = by_cause.into_values().filter_map(|broken| {
        let (first, deaths) = broken.first()?;
        let names: Vec<&str> = broken.iter().map(|(name, _)| name.as_str()).collect();
        Some(Problem {
            about: match broken.len() {
                1 => first.clone(),
                number => format!("{number} agents"),
            },
            said: deaths.problem(&names.join(", "))?,
        })
    });
    problems.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(cause: &str, times: u32) -> Deaths {
        let mut deaths = Deaths::default();
        for _ in 0..times {
            deaths.add(Cause::new(cause, None), seconds(1), Instant::now());
        }
        deaths
    }

    #[test]
    fn agents_that_die_for_the_same_reason_are_one_problem() {
        let all = [
            ("agent-1", dead("a", 5)),
            ("agent-2", dead("b", 6)),
            ("agent-3", dead("a", 7)),
            ("agent-4", dead("a", 4)),
        ];
        let found = broken(all.iter().map(|(name, deaths)| (name.to_string(), deaths)));
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|p| {
                (
                    p.about.as_str(),
                    p.said.split(" failed").next().unwrap_or(""),
                )
            })
            .collect();
        assert_eq!(
            found,
            [("2 agents", "agent-1, agent-3"), ("agent-2", "agent-2")]
        );
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn waits(causes: &[&str]) -> Vec<u64> {
        let (mut deaths, now) = (Deaths::default(), Instant::now());
        causes
            .iter()
            .map(|cause| {
                deaths.add(Cause::new(cause, None), seconds(1), now);
                deaths
                    .held_until(now)
                    .map_or(0, |until| (until - now).as_secs())
            })
            .collect()
    }

    #[test]
    fn the_first_death_costs_nothing_and_then_the_wait_doubles() {
        assert_eq!(
            waits(&["a", "b", "c", "d", "e", "f", "g", "h"]),
            [0, 10, 20, 40, 80, 160, 300, 300]
        );
    }

    #[test]
    fn the_same_failure_five_times_is_a_problem() {
        assert_eq!(waits(&["a"; 6]), [0, 10, 20, 40, 300, 300]);
        let (mut deaths, now) = (Deaths::default(), Instant::now());
        for n in 1..=6 {
            deaths.add(
                Cause::new("exit code 1", Some(n.to_string())),
                seconds(1),
                now,
            );
            assert_eq!(deaths.problem("agent-1").is_some(), n >= 5);
            assert_eq!(deaths.just_broke(), n == 5);
        }
        let problem = deaths.problem("agent-1").unwrap();
        assert!(problem.starts_with("agent-1 failed 6 times in a row (exit code 1: 6)"));
    }

    #[test]
    fn a_steady_life_begins_the_row_anew() {
        let (mut deaths, now) = (Deaths::default(), Instant::now());
        for _ in 0..5 {
            deaths.add(Cause::new("a", None), seconds(1), now);
        }
        deaths.add(Cause::new("a", None), seconds(120), now);
        assert_eq!(deaths.held_until(now), None);
        assert_eq!(deaths.problem("agent-1"), None);
    }
}
