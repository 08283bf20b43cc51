//! How fast messages go out, and how long to wait after one that was not taken. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// So many messages may go out at once; what comes beyond that gathers.
const BURST: u32 = 6;
/// From then on one in so long.
const EACH: Duration = Duration::from_secs(30);
/// The first wait after a message was not taken; doubled by each further one.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// A bucket of permissions to send.
#[derive(Clone, Debug)]
pub struct Pacing {
    /// When the bucket was, or will be, full.
    full_at: Instant,
    failures: u32,
}

impl Pacing {
    /// A full bucket.
    pub fn new(now: Instant) -> Pacing {
        Pacing {
            full_at: now,
            failures: 0,
        }
    }

    /// A message was taken. Returns when the next one may go.
    pub fn taken(&mut self, now: Instant) -> Instant {
        self.failures = 0;
        self.full_at = self.full_at.max(now) + EACH;
        // With less than one message's room left, wait until there is room for one.
        let room = EACH * (BURST - 1);
        now.max(self.full_at.checked_sub(room).unwrap_or(now))
    }

    /// A message was not taken; `asked` is how long the server wants to be left alone, `jitter` is
    /// from 0 to 1. Returns when to try again.
    pub fn failed(&mut self, now: Instant, asked: Option<Duration>, jitter: f64) -> Instant {
        let doublings = self.failures.min(10);
        self.failures += 1;
        let wait = FIRST_WAIT
            .saturating_mul(1 << doublings)
            .min(LONGEST_WAIT)
            .mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0);
        now + wait.max(asked.unwrap_or_default())
    }

    /// How many messages in a row were not taken.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_then_one_each_half_minute() {
        let start = Instant::now();
        let mut pacing = Pacing::new(start);
        let waits: Vec<u64> = (0..8)
            .map(|_| (pacing.taken(start) - start).as_secs())
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 30, 60, 90]);
        let later = start + Duration::from_secs(3600);
        assert_eq!(pacing.taken(later), later, "the bucket fills again");
    }

    #[test]
    fn waits_double_and_the_server_may_ask_for_more() {
        let now = Instant::now();
        let mut pacing = Pacing::new(now);
        let waits: Vec<u64> = (0..8)
            .map(|_| (pacing.failed(now, None, 0.5) - now).as_secs())
            .collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        let asked = Some(Duration::from_secs(600));
        assert_eq!((pacing.failed(now, asked, 0.5) - now).as_secs(), 600);
        pacing.taken(now);
        assert_eq!(pacing.failures(), 0);
        assert!(pacing.failed(now, None, 0.0) < pacing.failed(now, None, 1.0));
    }
}
