//! Whether a running agent CLI still does something. It is alive while it prints or while its
//! processes use the processor: a long build is silent and alive. `WAITING-UNTIL: <time>` in its
//! output excuses it until then, once in a run. Pure; whoever runs the agent CLI brings what it sees.

use std::time::{Duration, Instant};

/// How often to look, whatever the limit.
const LOOK: Duration = Duration::from_secs(30);
/// What share of one processor counts as work; who only polls uses less.
const SHARE: f64 = 0.02;
/// What an agent CLI prints to be left alone for a while.
const EXCUSE: &str = "WAITING-UNTIL:";

/// Watches one run.
#[derive(Debug)]
pub struct Watch {
    limit: Duration,
    /// When it last did something.
    alive_at: Instant,
    /// What its processes had used at the last look, and when that was.
    used: Duration,
    looked_at: Instant,
    excused_until: Option<Instant>,
}

impl Watch {
    /// Of a run that begins now and may do nothing for `limit`.
    pub fn new(limit: Duration, now: Instant) -> Watch {
        Watch {
            limit,
            alive_at: now,
            used: Duration::ZERO,
            looked_at: now,
            excused_until: None,
        }
    }

    /// When to look next.
    pub fn next_look(&self) -> Instant {
        self.looked_at + LOOK.min(self.limit / 4)
    }

    /// Looks: when it last printed something, and what processor time its processes have used in all.
    /// True when it has done nothing for too long.
    pub fn is_stalled(&mut self, printed_at: Instant, used: Duration, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.looked_at);
        if used.saturating_sub(self.used) > passed.mul_f64(SHARE) {
            self.alive_at = now;
        }
        self.alive_at = self.alive_at.max(printed_at);
        self.used = used;
        self.looked_at = now;
        let over_at = self.alive_at + self.limit;
        now >= self
            .excused_until
            .map_or(over_at, |until| until.max(over_at))
    }

    /// It says that it waits. Only the first time counts.
    pub fn excuse(&mut self, until: Instant) {
        self.excused_until.get_or_insert(until);
    }
}

/// The moment that an output asks to be excused until, in Unix seconds.
pub fn excuse_in(output: &str, unix_now: i64) -> Option<i64> {
    let said = output
        .lines()
        .find_map(|line| line.trim().strip_prefix(EXCUSE))?;
    ticket::moment::parse(said, unix_now)
        .ok()
        .filter(|until| *until > unix_now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(600);
    const NONE: Duration = Duration::ZERO;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_silent_and_idle_run_is_stalled_after_the_limit() {
        let start = Instant::now();
        let mut watch = Watch::new(LIMIT, start);
        assert!(!watch.is_stalled(start, NONE, after(start, 599)));
        assert!(watch.is_stalled(start, NONE, after(start, 600)));
    }

    #[test]
    fn output_and_processor_time_are_signs_of_life() {
        let start = Instant::now();
        let mut watch = Watch::new(LIMIT, start);
        assert!(!watch.is_stalled(after(start, 500), NONE, after(start, 900)));
        let busy = Duration::from_secs(20);
        assert!(!watch.is_stalled(start, busy, after(start, 1500)));
        assert!(!watch.is_stalled(start, busy, after(start, 2099)));
        assert!(watch.is_stalled(start, busy, after(start, 2100)));
    }

    #[test]
    fn who_only_polls_is_stalled() {
        let start = Instant::now();
        let mut watch = Watch::new(LIMIT, start);
        for minute in 1..10 {
            let polled = Duration::from_millis(100 * minute);
            assert!(!watch.is_stalled(start, polled, after(start, 60 * minute)));
        }
        assert!(watch.is_stalled(start, Duration::from_secs(1), after(start, 600)));
    }

    #[test]
    fn an_excuse_counts_once() {
        let start = Instant::now();
        let mut watch = Watch::new(LIMIT, start);
        watch.excuse(after(start, 5000));
        watch.excuse(after(start, 9000));
        assert!(!watch.is_stalled(start, NONE, after(start, 4999)));
        assert!(watch.is_stalled(start, NONE, after(start, 5000)));
    }

    #[test]
    fn excuses_are_read_from_a_line_of_their_own() {
        let now = 1_000_000_000;
        assert_eq!(
            excuse_in("building\n  WAITING-UNTIL: +30m \nmore", now),
            Some(now + 1800)
        );
        assert_eq!(
            excuse_in("WAITING-UNTIL: 2001-09-09T02:46:40Z", now),
            Some(now + 3600)
        );
        for none in [
            "say WAITING-UNTIL: +1h",
            "WAITING-UNTIL: soon",
            "WAITING-UNTIL: now",
        ] {
            assert_eq!(excuse_in(none, now), None, "{none}");
        }
    }
}
