//! While the human has paused the swarm, work stands still: the agent CLI, verify.sh and all their
//! processes are stopped, and so is the clock by which they are judged. The runner itself goes on: it
//! keeps the lease alive and hears when work goes on.
//!
//! An agent could wake its own processes, so they are stopped again and again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ticket::client::Client;

use crate::backoff::HUB;
use crate::console::Console;
use crate::guard::signal_work;
use crate::process::Process;

/// How long the hub may keep the question open, in seconds.
const WAIT: u64 = 50;
/// How often what woke up is stopped again.
const AGAIN: Duration = Duration::from_millis(500);

/// The one clock of all work.
static CLOCK: Mutex<Clock> = Mutex::new(Clock {
    stopped_at: None,
    stood_still: Duration::ZERO,
});

struct Clock {
    /// Since when it stands still.
    stopped_at: Option<Instant>,
    /// How long it stood still before that, in all.
    stood_still: Duration,
}

impl Clock {
    fn at(&self, now: Instant) -> Instant {
        let now = self.stopped_at.unwrap_or(now);
        now.checked_sub(self.stood_still).unwrap_or(now)
    }

    fn stop(&mut self, now: Instant) {
        self.stopped_at.get_or_insert(now);
    }

    fn go_on(&mut self, now: Instant) {
        if let Some(stopped_at) = self.stopped_at.take() {
            self.stood_still += now.saturating_duration_since(stopped_at);
        }
    }
}

/// The moment by the clock of work. It differs from the real one by how long work stood still.
pub fn now() -> Instant {
    clock().at(Instant::now())
}

/// Whether work stands still.
pub fn is_on() -> bool {
    clock().stopped_at.is_some()
}

/// Work begins: when all stands still, it does, too.
pub fn begin(process: Process) {
    let clock = clock();
    if clock.stopped_at.is_some() {
        process.signal(Signal::SIGSTOP);
    }
}

/// Asks the hub, until the process ends, whether work is to stand still, and sees to it.
pub fn follow(hub: Client, console: Console) {
    thread::spawn(move || {
        let mut backoff = HUB;
        loop {
            let known = is_on();
            match hub.frozen(known, WAIT) {
                Ok(true) if !known => {
                    console.say("runner", "the swarm is paused: work stands still");
                    freeze();
                }
                Ok(false) if known => {
                    console.say("runner", "the swarm is not paused any more: work goes on");
                    thaw();
                }
                Ok(_) => {}
                // What stands still waits for the hub, and costs nothing.
                Err(_) => {
                    thread::sleep(backoff.failed());
                    continue;
                }
            }
            backoff.worked();
        }
    });
}

fn freeze() {
    clock().stop(Instant::now());
    thread::spawn(|| {
        loop {
            let clock = clock();
            if clock.stopped_at.is_none() {
                return;
            }
            signal_work(Signal::SIGSTOP);
            drop(clock);
            thread::sleep(AGAIN);
        }
    });
}

fn thaw() {
    let mut clock = clock();
    clock.go_on(Instant::now());
    signal_work(Signal::SIGCONT);
}

fn clock() -> MutexGuard<'static, Clock> {
    CLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_work_stands_still_and_goes_on() {
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        let mut clock = Clock {
            stopped_at: None,
            stood_still: Duration::ZERO,
        };
        assert_eq!(clock.at(after(10)), after(10));
        clock.stop(after(10));
        clock.stop(after(12));
        assert_eq!(clock.at(after(100)), after(10));
        clock.go_on(after(100));
        clock.go_on(after(101));
        assert_eq!(clock.at(after(105)), after(15));
        clock.stop(after(105));
        clock.go_on(after(110));
        assert_eq!(clock.at(after(111)), after(16));
    }
}
