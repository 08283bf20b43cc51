//! Whether the wall clock goes on as time does. Waits of the hub itself are on the monotonic clock;
//! those that must outlive it are moments in the database, which are set right when the wall clock
//! was set back.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use ticket::moment;

use crate::hub::{Hub, Shared};

/// How often the two clocks are compared.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two looks they may part by so much.
const TOLERANCE: Duration = Duration::from_secs(3);
/// A look that took so long compared nothing: the process was held up in it.
const LONGEST_LOOK: Duration = Duration::from_millis(500);
/// So long after a jump ahead, or the hub's start, nothing is removed for its age: the clock may be
/// wrong, and be set right again.
const SETTLING: Duration = Duration::from_secs(60 * 60);

/// Since when the wall clock has not jumped ahead, as far as this hub knows.
#[derive(Debug)]
pub struct Clock {
    steady_since: Mutex<Instant>,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock {
            steady_since: Mutex::new(Instant::now()),
        }
    }
}

impl Clock {
    /// Whether the age of things may be believed.
    pub fn is_settled(&self) -> bool {
        self.lock().elapsed() >= SETTLING
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.steady_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Milliseconds since 1970.
    wall: i64,
    monotonic: Instant,
}

impl Reading {
    /// None when the two could not be read at one moment.
    fn take() -> Option<Reading> {
        let monotonic = Instant::now();
        let wall = Utc::now().timestamp_millis();
        (monotonic.elapsed() < LONGEST_LOOK).then_some(Reading { wall, monotonic })
    }

    /// How far the wall clock jumped since `before`, in milliseconds; back when negative.
    fn jump_since(self, before: Reading) -> Option<i64> {
        let passed = self.monotonic.saturating_duration_since(before.monotonic);
        let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let jump = self.wall.saturating_sub(before.wall).saturating_sub(passed);
        (u128::from(jump.unsigned_abs()) > TOLERANCE.as_millis()).then_some(jump)
    }
}

/// Watches the clock until the hub ends.
pub async fn run(hub: Shared) {
    let mut before = Reading::take();
    loop {
        tokio::select! {
            () = hub.closing.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => (),
        }
        let Some(now) = Reading::take() else {
            continue;
        };
        let jump = before.and_then(|before| now.jump_since(before));
        before = Some(now);
        if let Some(jump) = jump {
            jumped(&hub, jump).await;
        }
    }
}

async fn jumped(hub: &Hub, milliseconds: i64) {
    if milliseconds > 0 {
        *hub.clock.lock() = Instant::now();
    }
    let seconds = milliseconds / 1000;
    let replies = reply_seconds(&hub.config());
    let mended = hub
        .database
        .call(move |store| store.mend_clock(Some(seconds), moment::now(), replies))
        .await;
    match mended {
        Ok(mended) => tracing::warn!("the clock jumped by {seconds} s {}", mended.join("; ")),
        Err(error) => tracing::warn!("what waits by the clock was not set right: {error}"),
    }
}

/// For how long a message can be answered, in seconds.
pub fn reply_seconds(config: &swarm::Config) -> i64 {
    i64::try_from(config.notify.reply_hours.saturating_mul(60 * 60)).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_parts_from_time_has_jumped() {
        let before = Reading {
            wall: 1_000_000_000,
            monotonic: Instant::now(),
        };
        // The look came late, the clock is slowed down or up a little, or it jumped.
        for (passed, wall, jump) in [
            (1_000, 1_000, None),
            (60_000, 60_000, None),
            (1_000, 1_900, None),
            (1_000, -1_900, None),
            (1_000, 3_601_000, Some(3_600_000)),
            (1_000, -3_599_000, Some(-3_600_000)),
            (1_000, -2_001, Some(-3_001)),
        ] {
            let now = Reading {
                wall: before.wall + wall,
                monotonic: before.monotonic + Duration::from_millis(passed),
            };
            assert_eq!(now.jump_since(before), jump, "{passed} {wall}");
        }
    }

    #[test]
    fn a_clock_is_believed_after_a_while() {
        let clock = Clock::default();
        assert!(!clock.is_settled());
        *clock.lock() = Instant::now().checked_sub(SETTLING).unwrap();
        assert!(clock.is_settled());
    }
}
