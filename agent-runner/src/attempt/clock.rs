//! How long an attempt may still take, by the clock of work. Times come in as arguments.

use std::time::{Duration, Instant};

use crate::freeze;

/// An attempt's time: from its claim on, without what it waited for the landing queue.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begun: Instant,
    left_out: Duration,
    limit: Option<Duration>,
}

impl Clock {
    /// Runs from now on; 0 seconds are no limit.
    pub fn start(seconds: u64) -> Clock {
        Clock {
            begun: freeze::now(),
            left_out: Duration::ZERO,
            limit: Some(Duration::from_secs(seconds)).filter(|limit| !limit.is_zero()),
        }
    }

    /// So long it did not run.
    pub fn leave_out(&mut self, waited: Duration) {
        self.left_out += waited;
    }

    /// How long the attempt may still take.
    pub fn left(&self, now: Instant) -> Duration {
        let spent = now.saturating_duration_since(self.begun);
        let spent = spent.saturating_sub(self.left_out);
        match self.limit {
            Some(limit) => limit.saturating_sub(spent),
            None => Duration::MAX,
        }
    }

    /// What to say when its time is over.
    pub fn over(&self, now: Instant) -> Option<String> {
        let limit = self.limit.filter(|_| self.left(now).is_zero())?;
        Some(format!(
            "the attempt took longer than the {} minutes of agents.attempt_timeout_minutes",
            limit.as_secs() / 60
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_the_landing_queue_does_not_count() {
        let minute = Duration::from_secs(60);
        let mut clock = Clock::start(600);
        let begun = clock.begun;
        assert_eq!(clock.left(begun + 4 * minute), 6 * minute);
        clock.leave_out(3 * minute);
        assert_eq!(clock.left(begun + 4 * minute), 9 * minute);
        assert_eq!(clock.over(begun + 12 * minute), None);
        let sentence = clock.over(begun + 13 * minute).unwrap();
        assert!(sentence.contains("the 10 minutes of"), "{sentence}");
    }

    #[test]
    fn without_a_limit_it_takes_as_long_as_it_likes() {
        let clock = Clock::start(0);
        let late = clock.begun + Duration::from_secs(1_000_000);
        assert_eq!(clock.left(late), Duration::MAX);
        assert_eq!(clock.over(late), None);
    }
}
