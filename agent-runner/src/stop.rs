//! SIGTERM and SIGINT: the runner is gone within a second, and what it held is given back first. The
//! signal thread does all of it; the main thread only stands still when it comes by.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit;
use crate::interrupt::{Interrupt, Why};

/// How long a running child may take to end before what is held is given back regardless. The agent
/// CLI is killed well before that.
const QUIET_BUDGET: Duration = Duration::from_millis(300);

/// A claim may be on its way when the signal comes: so long it may still arrive, to be given back.
const CLAIM_BUDGET: Duration = Duration::from_millis(150);

/// Whether the runner was told to stop, and what it must give back then.
#[derive(Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requested: bool,
    held: Option<Held>,
}

/// What must be given back before the runner goes.
#[derive(Clone)]
pub struct Held {
    /// Ends the child that runs for it.
    pub interrupt: Interrupt,
    /// Gives it back. Called by the signal thread when no child runs any more.
    pub release: Arc<dyn Fn() + Send + Sync>,
}

/// While it lives, something is held.
pub struct Holding<'a>(&'a Stop);

impl Stop {
    /// Starts to listen for the signals.
    pub fn on_signals() -> io::Result<Stop> {
        let stop = Stop::default();
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let thread = stop.clone();
        thread::spawn(move || {
            if signals.forever().next().is_some() {
                thread.give_back();
                std::process::exit(i32::from(exit::OK));
            }
        });
        Ok(stop)
    }

    /// From now on `held` is given back when the runner must stop.
    pub fn hold(&self, held: Held) -> Holding<'_> {
        self.lock().held = Some(held);
        self.0.changed.notify_all();
        self.checkpoint();
        Holding(self)
    }

    /// Returns unless the runner was told to stop; then it never does.
    pub fn checkpoint(&self) {
        if self.lock().requested {
            stand_still();
        }
    }

    /// Waits, and never returns when the runner is told to stop meanwhile.
    pub fn pause(&self, how_long: Duration) {
        let state = self.lock();
        let waited = self
            .0
            .changed
            .wait_timeout_while(state, how_long, |s| !s.requested);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let requested = state.requested;
        drop(state);
        if requested {
            stand_still();
        }
    }

    fn give_back(&self) {
        let mut state = self.lock();
        state.requested = true;
        self.0.changed.notify_all();
        let waited = self
            .0
            .changed
            .wait_timeout_while(state, CLAIM_BUDGET, |s| s.held.is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let held = state.held.clone();
        drop(state);
        if let Some(held) = held {
            held.interrupt.raise(Why::Stop);
            held.interrupt.wait_until_quiet(QUIET_BUDGET);
            (held.release)();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let requested = state.requested;
        state.held = None;
        drop(state);
        if requested {
            // The signal thread has taken over; it must not find things taken down under it.
            stand_still();
        }
    }
}

/// The signal thread ends the process.
fn stand_still() -> ! {
    loop {
        thread::park();
    }
}
