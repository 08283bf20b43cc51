//! The wake-ups of a loop that looks at the whole state whenever something has happened. Where a lot
//! happens such a loop would do nothing else, so it rests between two looks, the longer the more a
//! look costs. What happens meanwhile is seen by the next look.

use std::time::Duration;

use tokio::sync::watch;
use tokio::sync::watch::error::RecvError;
use tokio::time::Instant;

/// A rest takes so many times as long as the look before it.
const REST: u32 = 9;

/// The events of one loop.
pub struct Paced {
    events: watch::Receiver<i64>,
    longest_rest: Duration,
    looked_at: Instant,
}

impl Paced {
    /// Wakes by `events`, this late at most.
    pub fn new(events: watch::Receiver<i64>, longest_rest: Duration) -> Paced {
        Paced {
            events,
            longest_rest,
            looked_at: Instant::now(),
        }
    }

    /// To be called right before a look: what has happened by now needs no other one. Returns the
    /// number of the newest event.
    pub fn look(&mut self) -> i64 {
        self.looked_at = Instant::now();
        *self.events.borrow_and_update()
    }

    /// Waits for the next event, and out the rest. Who stops waiting must look.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        let rest = self.looked_at.elapsed().saturating_mul(REST);
        let rested = Instant::now() + rest.min(self.longest_rest);
        self.events.changed().await?;
        tokio::time::sleep_until(rested).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_events_cost_few_looks() {
        let (events, watched) = watch::channel(0);
        let mut paced = Paced::new(watched, Duration::from_secs(1));
        let began = Instant::now();
        paced.look();
        tokio::time::advance(Duration::from_millis(10)).await;
        events.send_replace(1);
        events.send_replace(2);
        paced.changed().await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(100));
        assert_eq!(paced.look(), 2);
        assert!(
            tokio::time::timeout(Duration::from_secs(5), paced.changed())
                .await
                .is_err()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_look_is_followed_by_the_longest_rest_and_a_quick_one_by_none() {
        let (events, watched) = watch::channel(0);
        let mut paced = Paced::new(watched, Duration::from_secs(1));
        paced.look();
        tokio::time::advance(Duration::from_secs(60)).await;
        events.send_replace(1);
        let began = Instant::now();
        paced.changed().await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(1));
        paced.look();
        events.send_replace(2);
        let began = Instant::now();
        paced.changed().await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
