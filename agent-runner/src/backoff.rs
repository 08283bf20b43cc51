//! Waits that grow: how long to leave the hub, or a failing agent CLI, alone. Pure.

use std::time::Duration;

/// The first and the longest wait of a row; each is twice the one before.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

/// Between calls to a hub that does not answer. A restarting hub is back within a second or two.
pub const HUB: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
/// Between attempts that ended without the agent's fault: no login, no program, no network.
pub const FAULTS: Backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(120));

impl Backoff {
    /// No failure yet.
    pub const fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff {
            first,
            longest,
            failures: 0,
        }
    }

    /// One more failure: how long to wait now.
    pub fn failed(&mut self) -> Duration {
        let wait = self.first.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        wait.min(self.longest)
    }

    /// It worked: the next failure starts from the first wait again.
    pub fn worked(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = FAULTS;
        let waits: Vec<u64> = (0..7).map(|_| backoff.failed().as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 120, 120, 120]);
        backoff.worked();
        assert_eq!(backoff.failed().as_secs(), 10);
    }
}
