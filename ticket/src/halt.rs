//! The account's limits halt the whole swarm: what one agent saw keeps all from claiming until it is
//! over, and then a single claim tries whether it is. Pure; the store keeps the one halt there is.

use serde::{Deserialize, Serialize};

/// What a limit's end is waited for beyond the moment that was announced, in seconds: clocks differ.
const SLACK_SECONDS: i64 = 45;
/// The shortest halt, in seconds: an announced end may lie in the past.
const SHORTEST_SECONDS: i64 = 60;
/// The longest halt of a limit that is not weekly, in seconds.
const LONGEST_SECONDS: i64 = 6 * 60 * 60;
/// The longest halt of a weekly limit, in seconds.
const LONGEST_WEEKLY_SECONDS: i64 = 8 * 24 * 60 * 60;
/// How long to halt when nobody said when the limit ends, in seconds.
const UNKNOWN_SECONDS: i64 = 5 * 60;
/// The longest that a day lasts, in seconds: clocks are put back by an hour in autumn.
const LONGEST_DAY_SECONDS: i64 = 25 * 60 * 60;
/// The first wait after the service failed, in seconds; doubled by each further failure.
const FIRST_WAIT_SECONDS: i64 = 10;
/// The longest wait after the service failed, in seconds.
const LONGEST_WAIT_SECONDS: i64 = 5 * 60;

/// What an agent CLI said about the account's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageLimit {
    /// When it ends, in Unix seconds, where that could be read.
    pub resets_at: Option<i64>,
    /// Weekly limits end in days; others in hours.
    pub weekly: bool,
}

/// What kept an agent CLI from its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Trouble {
    /// The account's usage limit.
    Limit(UsageLimit),
    /// The login was refused, or the account cannot pay.
    Login,
    /// The service is overloaded, broken or out of reach.
    Service,
    /// The agent CLI could not be started, or its model is not there.
    Program,
}

/// What halts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The account's usage limit.
    Limit,
    /// The login was refused. Ends when a human says so, or the credential changed.
    Login,
    /// The model's service is overloaded, broken or out of reach.
    Service,
    /// The agent CLI cannot be started, or its model is not there, again and again.
    Program,
    /// The day's budget is used up. Ends at midnight, when it is raised, or when a human says so.
    Budget,
}

/// Why nobody claims at present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// What halts.
    pub cause: Cause,
    /// What the agent CLI said.
    pub said: String,
    /// Since when, in Unix seconds.
    pub since: i64,
    /// When one claim may try, in Unix seconds; none when it does not end by itself.
    pub until: Option<i64>,
    /// How far ahead that may be at most, in seconds: what is further was written by a clock that was
    /// ahead.
    #[serde(default = "longest_of_all")]
    pub longest: i64,
    /// The attempt, or the proposal run as ticket 0, that tries at present.
    pub probe: Option<(i64, i64)>,
    /// How often the service has failed in a row.
    #[serde(default)]
    pub failures: u32,
}

/// Whether a claim may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claims {
    /// As many as there are.
    Free,
    /// One, to try.
    Probe,
    /// None.
    Withheld,
}

impl Claims {
    /// What both allow.
    #[must_use]
    pub fn and(self, other: Claims) -> Claims {
        match (self, other) {
            (Claims::Withheld, _) | (_, Claims::Withheld) => Claims::Withheld,
            (Claims::Probe, _) | (_, Claims::Probe) => Claims::Probe,
            (Claims::Free, Claims::Free) => Claims::Free,
        }
    }
}

impl Halt {
    /// A usage limit was seen now. `jitter` (0 to 1) spreads the tries of several swarms that share an
    /// account. A refused login stays the stronger reason, and what is known to last longer lasts.
    pub fn by_limit(
        before: Option<&Halt>,
        limit: UsageLimit,
        said: &str,
        now: i64,
        jitter: f64,
    ) -> Halt {
        if let Some(login) = before.filter(|halt| halt.cause == Cause::Login) {
            return login.clone();
        }
        let end = end_of(limit, now, jitter);
        let known = before.and_then(|halt| Some((halt.until?, halt.longest)));
        let (until, longest) = known.filter(|(until, _)| *until > end.0).unwrap_or(end);
        Halt {
            cause: Cause::Limit,
            said: said.to_owned(),
            since: before.map_or(now, |halt| halt.since),
            until: Some(until),
            longest,
            probe: None,
            failures: 0,
        }
    }

    /// A refused login was seen now.
    pub fn by_login(before: Option<&Halt>, said: &str, now: i64) -> Halt {
        let since = before.filter(|halt| halt.cause == Cause::Login);
        Halt {
            cause: Cause::Login,
            said: said.to_owned(),
            since: since.map_or(now, |halt| halt.since),
            until: None,
            longest: 0,
            probe: None,
            failures: 0,
        }
    }

    /// The service failed now, although the agent CLI had tried again by itself, or the program could
    /// not be started, as `cause` says; `tried` when that was the one that tries whether a halt is
    /// over. The wait doubles with each failure of one that tried; a limit or a refused login stays the
    /// stronger reason, and lasts as long as it would have.
    pub fn by_failure(
        cause: Cause,
        before: Option<&Halt>,
        tried: bool,
        said: &str,
        now: i64,
        jitter: f64,
    ) -> Halt {
        // Who began before a halt tells nothing new: agents that run side by side fail together.
        if let Some(known) = before.filter(|_| !tried) {
            return known.clone();
        }
        let is_stronger = |halt: &&Halt| !matches!(halt.cause, Cause::Service | Cause::Program);
        if let Some(known) = before.filter(is_stronger) {
            let wait = FIRST_WAIT_SECONDS + spread(jitter, FIRST_WAIT_SECONDS);
            return known.clone().without_probe(now, wait);
        }
        let failures = before.map_or(0, |halt| halt.failures) + 1;
        let wait = FIRST_WAIT_SECONDS << (failures - 1).min(10);
        let wait = wait.min(LONGEST_WAIT_SECONDS) + spread(jitter, FIRST_WAIT_SECONDS);
        Halt {
            cause,
            said: said.to_owned(),
            since: before.map_or(now, |halt| halt.since),
            until: Some(now + wait),
            longest: wait,
            probe: None,
            failures,
        }
    }

    /// The day's budget is used up until `until`; after that nobody has to try first.
    pub fn by_budget(said: &str, since: i64, until: i64) -> Halt {
        Halt {
            cause: Cause::Budget,
            said: said.to_owned(),
            since,
            until: Some(until),
            longest: LONGEST_DAY_SECONDS,
            probe: None,
            failures: 0,
        }
    }

    /// Whether a claim may happen at `now`.
    pub fn claims(&self, now: i64) -> Claims {
        match (self.probe, self.until) {
            (None, Some(until)) if until <= now => match self.cause {
                Cause::Budget => Claims::Free,
                Cause::Limit | Cause::Login | Cause::Service | Cause::Program => Claims::Probe,
            },
            _ => Claims::Withheld,
        }
    }

    /// The one that tries has ended and nothing was learned: another may try so many seconds from
    /// `now`.
    pub fn without_probe(self, now: i64, seconds: i64) -> Halt {
        Halt {
            until: Some(now + seconds),
            longest: seconds,
            probe: None,
            ..self
        }
    }

    /// The same when the clock was set back to `now`: it lasts no longer than it could have been meant
    /// to. None when it need not be changed.
    pub fn shortened(&self, now: i64) -> Option<Halt> {
        let latest = now.saturating_add(self.longest);
        self.until.filter(|until| *until > latest)?;
        Some(Halt {
            since: self.since.min(now),
            until: Some(latest),
            ..self.clone()
        })
    }
}

/// What is known of a halt that was written without it.
fn longest_of_all() -> i64 {
    LONGEST_WEEKLY_SECONDS
}

/// When to try again after a limit, and how far ahead that may be: an announced end is a moment, any
/// other is a wait from now.
fn end_of(limit: UsageLimit, now: i64, jitter: f64) -> (i64, i64) {
    let Some(resets_at) = limit.resets_at else {
        return (now + UNKNOWN_SECONDS, UNKNOWN_SECONDS);
    };
    let longest = match limit.weekly {
        true => LONGEST_WEEKLY_SECONDS,
        false => LONGEST_SECONDS,
    };
    let announced = resets_at.saturating_add(SLACK_SECONDS + spread(jitter, SLACK_SECONDS));
    if announced < now + SHORTEST_SECONDS {
        return (now + SHORTEST_SECONDS, SHORTEST_SECONDS);
    }
    (announced.min(now + longest), longest)
}

/// A part of `most`, by `jitter` from 0 to 1.
fn spread(jitter: f64, most: i64) -> i64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "small numbers"
    )]
    let part = (jitter.clamp(0.0, 1.0) * most as f64) as i64;
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;
    const HOUR: i64 = 3600;

    fn limit(resets_at: Option<i64>, weekly: bool) -> UsageLimit {
        UsageLimit { resets_at, weekly }
    }

    #[test]
    fn a_limit_holds_until_a_little_after_its_end() {
        for (resets_at, weekly, until) in [
            (Some(NOW + HOUR), false, NOW + HOUR + 45),
            (None, false, NOW + 300),
            (None, true, NOW + 300),
            (Some(NOW - HOUR), false, NOW + 60),
            (Some(0), false, NOW + 60),
            (Some(NOW + 48 * HOUR), false, NOW + 6 * HOUR),
            (Some(NOW + 48 * HOUR), true, NOW + 48 * HOUR + 45),
            (Some(i64::MAX), true, NOW + 8 * 24 * HOUR),
        ] {
            let halt = Halt::by_limit(None, limit(resets_at, weekly), "limit", NOW, 0.0);
            assert_eq!(halt.until, Some(until), "{resets_at:?} {weekly}");
        }
        let late = Halt::by_limit(None, limit(Some(NOW + HOUR), false), "limit", NOW, 1.0);
        assert_eq!(late.until, Some(NOW + HOUR + 90));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_halt_longer() {
        let limited = |resets_at, weekly| {
            let limit = limit(resets_at, weekly);
            Halt::by_limit(None, limit, "limit", NOW + HOUR, 0.0)
        };
        let service = Halt::by_failure(Cause::Service, None, true, "529", NOW + HOUR, 0.0);
        let tried = limited(None, false).without_probe(NOW + HOUR, 0);
        for (halt, until) in [
            // Nobody said when it ends, or it had ended already.
            (limited(None, false), Some(NOW + 300)),
            (limited(Some(NOW), false), Some(NOW + 60)),
            // It was announced, and as far ahead as a limit can be.
            (limited(Some(NOW + 3 * HOUR), false), None),
            (limited(Some(NOW + 48 * HOUR), false), Some(NOW + 6 * HOUR)),
            (limited(Some(NOW + 48 * HOUR), true), None),
            (service, Some(NOW + 10)),
            (tried, Some(NOW)),
            (Halt::by_login(None, "Not logged in", NOW + HOUR), None),
        ] {
            let shortened = halt.shortened(NOW).and_then(|halt| halt.until);
            assert_eq!(shortened, until, "{halt:?}");
            assert_eq!(halt.shortened(NOW + HOUR), None, "{halt:?}");
        }
    }

    #[test]
    fn what_is_known_to_last_longer_lasts() {
        let exact = Halt::by_limit(None, limit(Some(NOW + HOUR), false), "limit", NOW, 0.0);
        let vague = Halt::by_limit(Some(&exact), limit(None, false), "limit", NOW + 1, 0.0);
        assert_eq!(vague.until, exact.until);
        assert_eq!(vague.since, NOW);
    }

    #[test]
    fn one_claim_tries_when_the_time_has_come() {
        let halt = Halt::by_limit(None, limit(None, false), "limit", NOW, 0.0);
        assert_eq!(halt.claims(NOW + 299), Claims::Withheld);
        assert_eq!(halt.claims(NOW + 300), Claims::Probe);
        let trying = Halt {
            probe: Some((1, 1)),
            ..halt
        };
        assert_eq!(trying.claims(NOW + 9999), Claims::Withheld);
        let again = trying.without_probe(NOW, 400);
        assert_eq!(again.claims(NOW + 400), Claims::Probe);
    }

    #[test]
    fn a_refused_login_does_not_end_by_itself() {
        let login = Halt::by_login(None, "Not logged in", NOW);
        assert_eq!(login.claims(i64::MAX), Claims::Withheld);
        let still = Halt::by_limit(Some(&login), limit(None, false), "limit", NOW, 0.0);
        assert_eq!(still.cause, Cause::Login);
        assert_eq!(login.without_probe(NOW, 0).claims(NOW), Claims::Probe);
    }

    #[test]
    fn the_wait_for_a_broken_service_doubles_and_ends_with_an_answer() {
        let mut halt = None;
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..7 {
            let next = Halt::by_failure(Cause::Service, halt.as_ref(), true, "529", now, 0.0);
            waits.push(next.until.unwrap() - now);
            now = next.until.unwrap();
            halt = Some(Halt {
                probe: Some((1, 1)),
                ..next
            });
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn agents_that_fail_together_fail_once() {
        let first = Halt::by_failure(Cause::Service, None, false, "529", NOW, 0.0);
        let second = Halt::by_failure(Cause::Service, Some(&first), false, "529", NOW + 1, 0.0);
        assert_eq!(second, first);
        let trying = Halt {
            probe: Some((1, 1)),
            ..first.clone()
        };
        let late = Halt::by_failure(Cause::Service, Some(&trying), false, "529", NOW + 11, 0.0);
        assert_eq!(late, trying, "the one that tries goes on");
        let limit = Halt::by_limit(Some(&first), limit(Some(NOW + HOUR), false), "x", NOW, 0.0);
        assert_eq!(limit.cause, Cause::Limit);
        let stronger = Halt::by_failure(Cause::Service, Some(&limit), false, "529", NOW + 2, 0.0);
        assert_eq!(stronger, limit, "it lasts as long as it would have");
        let login = Halt::by_login(None, "Not logged in", NOW);
        let still = Halt::by_failure(Cause::Service, Some(&login), false, "529", NOW + 2, 0.0);
        assert_eq!(still, login);
        let tried = Halt::by_failure(Cause::Service, Some(&limit), true, "529", NOW + HOUR, 0.0);
        assert_eq!(
            (tried.cause, tried.until),
            (Cause::Limit, Some(NOW + HOUR + 10))
        );
    }
}
