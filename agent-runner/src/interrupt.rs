//! Why a running agent CLI or gate must end before it is done. Raised by the heartbeat and by the
//! signal thread, heard by whoever waits for the child. It never kills anything itself.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticket::usage::Budget;

/// Why the work is cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The runner was told to stop.
    Stop,
    /// The hub says that the attempt is over.
    Lost,
    /// The hub has not answered for too long: nothing more is spent. Concerns only what costs money.
    HubAway,
    /// The hub says that this budget is used up. Concerns only what costs money.
    Budget(Budget),
    /// The work directory holds more than so many bytes.
    Disk(u64),
}

impl Why {
    /// Whether only an agent CLI must end, and not the gate.
    pub fn is_about_money(self) -> bool {
        matches!(self, Why::HubAway | Why::Budget(_))
    }
}

/// Shared between whoever interrupts and whoever is interrupted.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    quiet: Condvar,
}

#[derive(Default)]
struct State {
    raised: Option<Why>,
    listener: Option<Box<dyn Fn(Why) + Send>>,
}

/// While it lives, somebody runs a child and hears of interrupts.
pub struct Listening<'a>(&'a Interrupt);

impl Interrupt {
    /// Raises it. A stop outranks the rest, the rest keep their first reason.
    pub fn raise(&self, why: Why) {
        let mut state = self.lock();
        if state.raised.is_none() || why == Why::Stop {
            state.raised = Some(why);
        }
        if let Some(listener) = &state.listener {
            listener(why);
        }
    }

    /// The hub is back: what was raised because it was away is forgotten.
    pub fn hub_is_back(&self) {
        let mut state = self.lock();
        if state.raised == Some(Why::HubAway) {
            state.raised = None;
        }
    }

    /// The budget lasts again: the human raised it.
    pub fn budget_is_back(&self) {
        let mut state = self.lock();
        if matches!(state.raised, Some(Why::Budget(_))) {
            state.raised = None;
        }
    }

    /// Sends `event(why)` to `to` for what was raised before and for what is raised from now on.
    pub fn listen<T: Send + 'static>(
        &self,
        to: Sender<T>,
        event: impl Fn(Why) -> T + Send + 'static,
    ) -> Listening<'_> {
        let mut state = self.lock();
        if let Some(why) = state.raised {
            let _ = to.send(event(why));
        }
        state.listener = Some(Box::new(move |why| {
            let _ = to.send(event(why));
        }));
        Listening(self)
    }

    /// Waits until nobody runs a child, at most for `budget`.
    pub fn wait_until_quiet(&self, budget: Duration) {
        let state = self.lock();
        let _ = self
            .0
            .quiet
            .wait_timeout_while(state, budget, |s| s.listener.is_some());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.lock().listener = None;
        self.0.0.quiet.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_late_listener_hears_what_was_raised() {
        let interrupt = Interrupt::default();
        interrupt.raise(Why::Lost);
        let (to, from) = channel();
        let _listening = interrupt.listen(to, |why| why);
        interrupt.raise(Why::Stop);
        assert_eq!(from.try_iter().collect::<Vec<_>>(), [Why::Lost, Why::Stop]);
    }

    #[test]
    fn only_a_stop_replaces_a_reason() {
        let interrupt = Interrupt::default();
        interrupt.raise(Why::HubAway);
        interrupt.raise(Why::Lost);
        assert_eq!(interrupt.lock().raised, Some(Why::HubAway));
        interrupt.hub_is_back();
        assert_eq!(interrupt.lock().raised, None);
        interrupt.raise(Why::Lost);
        interrupt.raise(Why::Stop);
        interrupt.hub_is_back();
        assert_eq!(interrupt.lock().raised, Some(Why::Stop));
    }
}
