//! What the activity log adds up to since the database began. Each row is read once, so a reading costs
//! what happened since the last one. Pure but for the numbers that it keeps.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use ticket::attempt::Outcome;
use ticket::store::Told;
use ticket::ticket::HUMAN;

use super::{Labels, label};

/// How many words of one kind are told apart; a database may hold any.
const MOST_WORDS: usize = 100;
/// What stands for all others.
const OTHER: &str = "other";
/// What runners do in an attempt. See `agent-runner`.
const PHASES: [&str; 6] = ["fetch", "agent", "verify", "update", "submit", "landing"];

type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// The numbers so far.
#[derive(Debug)]
pub struct Tally {
    /// The last row that was read.
    cursor: i64,
    actions: Vec<String>,
    events: Family<Labels, Counter>,
    claims: Counter,
    landings: Counter,
    bounces: Family<Labels, Counter>,
    ended: Family<Labels, Counter>,
    phases: Durations,
    verifications: Durations,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            cursor: 0,
            actions: Vec::new(),
            events: Family::default(),
            claims: Counter::default(),
            landings: Counter::default(),
            bounces: Family::default(),
            ended: Family::default(),
            phases: Family::new_with_constructor(durations),
            verifications: Family::new_with_constructor(durations),
        }
    }
}

impl Tally {
    /// Where to read on.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// Adds a row.
    pub fn add(&mut self, told: Told<'_>) {
        self.cursor = self.cursor.max(told.id);
        let action = self.known(told.action);
        self.events.get_or_create(&label("action", &action)).inc();
        match told.action {
            "claimed" => {
                self.claims.inc();
            }
            "landed" => {
                self.landings.inc();
            }
            "bounced" => {
                let reason = bounce(told.by, told.detail);
                self.bounces.get_or_create(&label("reason", reason)).inc();
            }
            "attempt_ended" => {
                let outcome = outcome(told.detail).map_or(OTHER, Outcome::as_str);
                self.ended.get_or_create(&label("outcome", outcome)).inc();
            }
            "phase" => {
                if let Some((phase, seconds)) = phase(told.detail) {
                    let phase = label("phase", phase);
                    self.phases.get_or_create(&phase).observe(seconds);
                }
            }
            "verified" => {
                if let Some((result, seconds)) = verified(told.detail) {
                    let result = label("result", result);
                    self.verifications.get_or_create(&result).observe(seconds);
                }
            }
            _ => (),
        }
    }

    fn known(&mut self, action: &str) -> String {
        if !self.actions.iter().any(|known| known == action) {
            if self.actions.len() >= MOST_WORDS {
                return OTHER.to_owned();
            }
            self.actions.push(action.to_owned());
        }
        action.to_owned()
    }

    /// Puts the numbers among others.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "events",
            "Rows of the activity log since the database began, by action",
            self.events.clone(),
        );
        registry.register(
            "claims",
            "Tickets that were claimed since the database began",
            self.claims.clone(),
        );
        registry.register(
            "landings",
            "Submissions that landed on main since the database began",
            self.landings.clone(),
        );
        registry.register(
            "bounces",
            "Submissions that went back since the database began, by reason",
            self.bounces.clone(),
        );
        registry.register(
            "attempts_ended",
            "Attempts that ended other than by landing since the database began, by outcome",
            self.ended.clone(),
        );
        registry.register(
            "phase_duration_seconds",
            "How long attempts were at something: agent is the agent CLI, verify its gate",
            self.phases.clone(),
        );
        registry.register(
            "verification_duration_seconds",
            "How long verifiers took for a candidate, by result",
            self.verifications.clone(),
        );
    }
}

/// From a second to nine hours.
fn durations() -> Histogram {
    let seconds = [
        0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10800.0, 32400.0,
    ];
    Histogram::new(seconds)
}

/// Why a submission went back, in one word. The lander's sentences are in `lander::build`, its `mod`
/// and its `policy`.
fn bounce(by: &str, reason: &str) -> &'static str {
    let begins = |words: &str| reason.starts_with(words);
    match reason {
        _ if by == HUMAN => "human",
        _ if begins("verify.sh is red") => "verify-red",
        _ if begins("verify.sh could not be run") => "not-verified",
        _ if begins("it conflicts with main") => "conflict",
        _ if begins("it changes nothing") => "no-change",
        _ if reason.ends_with("push it first") => "not-pushed",
        _ if begins("its candidate could not be made") => "infra-failed",
        _ => "policy",
    }
}

/// How an attempt ended: `attempt 2: verify-red: …`.
fn outcome(detail: &str) -> Option<Outcome> {
    detail.split(": ").nth(1)?.parse().ok()
}

/// The phase that is over, and how long it took, in seconds: `verify (agent took 1200 ms)`.
fn phase(detail: &str) -> Option<(&'static str, f64)> {
    let (_, over) = detail.strip_suffix(" ms)")?.split_once(" (")?;
    let (phase, milliseconds) = over.split_once(" took ")?;
    let known = PHASES.into_iter().find(|known| *known == phase);
    Some((known.unwrap_or(OTHER), seconds(milliseconds)?))
}

/// How a verification ended, and how long it took, in seconds: `green in 1200 ms: …`.
fn verified(detail: &str) -> Option<(&'static str, f64)> {
    let (said, rest) = detail.split_once(" in ")?;
    let (milliseconds, _) = rest.split_once(" ms: ")?;
    let result = match said {
        "green" => "green",
        _ if said.starts_with("verify.sh is red") => "red",
        _ => "error",
    };
    Some((result, seconds(milliseconds.rsplit(' ').next()?)?))
}

fn seconds(milliseconds: &str) -> Option<f64> {
    let milliseconds: u32 = milliseconds.parse().ok()?;
    Some(f64::from(milliseconds) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounce_has_one_of_a_few_reasons() {
        for (by, reason, expected) in [
            ("hub", "verify.sh is red on top of main", "verify-red"),
            ("hub", "verify.sh could not be run", "not-verified"),
            ("hub", "it conflicts with main in a.txt", "conflict"),
            ("hub", "it changes nothing: main has all of it", "no-change"),
            (
                "hub",
                "abc is not on ticket/1/1: push it first",
                "not-pushed",
            ),
            (
                "hub",
                "its candidate could not be made: no space",
                "infra-failed",
            ),
            ("hub", ".git/x has a name that does not land", "policy"),
            ("human", "verify.sh is red, I think", "human"),
        ] {
            assert_eq!(bounce(by, reason), expected, "{reason}");
        }
    }

    #[test]
    fn durations_are_read_from_what_the_log_says() {
        assert_eq!(phase("verify (agent took 1500 ms)"), Some(("agent", 1.5)));
        assert_eq!(phase("agent (fetch took 20 ms)"), Some(("fetch", 0.02)));
        assert_eq!(phase("x (strange took 1 ms)"), Some(("other", 0.001)));
        for bad in [
            "verify",
            "verify (agent took x ms)",
            "verify (agent) took 1 ms",
            "",
        ] {
            assert_eq!(phase(bad), None, "{bad}");
        }
        assert_eq!(verified("green in 2000 ms: abc"), Some(("green", 2.0)));
        assert_eq!(
            verified("verify.sh is red on top of main, in 500 ms: abc"),
            Some(("red", 0.5))
        );
        assert_eq!(
            verified("verify.sh could not be run, in 0 ms: abc"),
            Some(("error", 0.0))
        );
        assert_eq!(verified("green"), None);
    }

    #[test]
    fn an_outcome_is_the_second_word() {
        assert_eq!(
            outcome("attempt 3: verify-red: it: is"),
            Some(Outcome::VerifyRed)
        );
        assert_eq!(outcome("attempt 3: released"), Some(Outcome::Released));
        assert_eq!(outcome("attempt 3"), None);
    }

    #[test]
    fn words_beyond_a_hundred_are_counted_together() {
        let mut tally = Tally::default();
        for n in 0..150 {
            tally.add(Told {
                id: n,
                action: &format!("word{n}"),
                by: "",
                detail: "",
            });
        }
        assert_eq!(tally.cursor(), 149);
        let other = tally.events.get_or_create(&label("action", OTHER)).get();
        assert_eq!(other, 50);
    }
}
