//! What the main thread and the signal thread both need to end an attempt: its numbers, its token,
//! and how to keep its tree.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ticket::attempt::Outcome;
use ticket::client::Client;
use ticket::usage::RunUsage;
use ticket::wire::EndAttempt;

use crate::console::Console;
use crate::git::Credential;
use crate::snapshot::{Extent, Snapshots};
use crate::worktree::Commit;

/// How long a stop waits for the snapshot before it gives the ticket back without it. Together with
/// the end of the agent CLI and one call to the hub it must stay below a second.
const SNAPSHOT_BUDGET: Duration = Duration::from_millis(450);
/// How long the snapshot may still take after that; the container is killed after ten seconds.
const LATE_BUDGET: Duration = Duration::from_secs(8);

/// One live attempt.
pub struct Lease {
    /// The ticket.
    pub ticket: i64,
    /// The attempt's number.
    pub attempt: i64,
    /// The hub, with the runner's own token.
    pub hub: Client,
    /// The attempt's token, for git.
    pub credential: Credential,
    /// Keeps the tree.
    pub snapshots: Snapshots,
    /// Where it says what it does.
    pub console: Console,
    /// What changes as the attempt goes on.
    state: Mutex<State>,
    /// Held while a snapshot of the running agent is made.
    keeping: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The commit that the attempt began from; none before its tree is there.
    start: Option<String>,
    session: Option<String>,
    /// What each run of the agent CLI used.
    usage: Vec<RunUsage>,
    /// The tree that was kept last.
    kept: Option<Commit>,
    /// The work is in the landing queue: the hub has all there is.
    handed_in: bool,
    /// The attempt is being ended: snapshots of the running agent come too late.
    ending: bool,
}

impl Lease {
    /// Of an attempt whose tree is not there yet.
    pub fn new(
        (ticket, attempt): (i64, i64),
        hub: Client,
        credential: Credential,
        snapshots: Snapshots,
        console: Console,
    ) -> Lease {
        Lease {
            ticket,
            attempt,
            hub,
            credential,
            snapshots,
            console,
            state: Mutex::default(),
            keeping: Mutex::default(),
        }
    }

    /// The tree is there, and this is what it began from.
    pub fn began_from(&self, commit: &str) {
        self.state().start = Some(commit.to_owned());
    }

    /// The agent CLI's conversation.
    pub fn set_session(&self, id: &str) {
        self.state().session = Some(id.to_owned());
    }

    /// The agent CLI's conversation is not to be resumed.
    pub fn forget_session(&self) {
        self.state().session = None;
    }

    /// What a run of the agent CLI used so far.
    pub fn set_usage(&self, run: RunUsage) {
        RunUsage::put(&mut self.state().usage, run);
    }

    /// What the runs of the agent CLI cost, in millionths of a US dollar, as far as it said so.
    pub fn known_cost(&self) -> u64 {
        let state = self.state();
        let models = state.usage.iter().flat_map(|run| &run.models);
        let costs = models.filter_map(|m| m.usage.cost_microusd);
        costs.fold(0, u64::saturating_add)
    }

    /// Takes a snapshot and hands it to the hub. The commit that has it, if there is anything to keep.
    /// `name` tells two threads apart that may do it at once.
    pub fn keep(&self, name: &str) -> Option<String> {
        self.keep_of(Extent::All, name)
    }

    /// The same of a tree that is too large: what was kept while the agent worked, else what git knew
    /// before and smaller files.
    pub fn keep_little(&self, name: &str) -> Option<String> {
        let kept = self.state().kept.clone().map(|commit| commit.id);
        kept.or_else(|| self.keep_of(Extent::Little, name))
    }

    fn keep_of(&self, extent: Extent, name: &str) -> Option<String> {
        let start = self.state().start.clone()?;
        let taken = self.snapshots.take(&start, extent, name);
        let kept = taken.and_then(|snapshot| {
            snapshot
                .map(|s| self.snapshots.push(&self.credential, &s))
                .transpose()
        });
        kept.unwrap_or_else(|e| {
            self.say(&format!("the tree could not be kept: {e}"));
            None
        })
    }

    /// The same while the agent works, from a thread of its own, unless one is at it already.
    pub fn keep_meanwhile(self: &Arc<Lease>) {
        let lease = Arc::clone(self);
        thread::spawn(move || {
            if let Ok(_keeping) = lease.keeping.try_lock() {
                lease.keep_if_changed();
            }
        });
    }

    /// Waits for a snapshot that was begun while the agent worked.
    pub fn wait_for_snapshot(&self) {
        drop(self.keeping.lock());
    }

    fn keep_if_changed(&self) {
        let Some(start) = self.state().start.clone() else {
            return;
        };
        let Ok(Some(snapshot)) = self.snapshots.take(&start, Extent::All, "running") else {
            return;
        };
        if !self.is_news(&snapshot) {
            return;
        }
        // A failure is no news here: the next one, or the one at the end, says so.
        if self
            .snapshots
            .push_once(&self.credential, &snapshot)
            .is_ok()
        {
            self.state().kept = Some(snapshot);
        }
    }

    fn is_news(&self, snapshot: &Commit) -> bool {
        let state = self.state();
        let same = |kept: &Commit| kept.tree == snapshot.tree;
        !state.ending && !state.kept.as_ref().is_some_and(same)
    }

    /// Whether the work is in the landing queue.
    pub fn set_handed_in(&self, handed_in: bool) {
        self.state().handed_in = handed_in;
    }

    /// How the attempt ended, for the hub.
    pub fn ending(&self, outcome: Outcome, reason: &str, snapshot: Option<String>) -> EndAttempt {
        let state = self.state();
        EndAttempt {
            snapshot,
            session_id: state.session.clone(),
            usage: state.usage.clone(),
            ..EndAttempt::new(outcome, reason)
        }
    }

    /// Gives the ticket back within a second, with its tree if that is quick enough, else the tree
    /// follows. Called by the signal thread.
    pub fn release(self: &Arc<Lease>) {
        let reason = "the runner was told to stop";
        self.state().ending = true;
        if self.state().handed_in {
            return self.tell(&self.ending(Outcome::Released, reason, None));
        }
        let (to, snapshot) = channel();
        let lease = Arc::clone(self);
        thread::spawn(move || drop(to.send(lease.keep("stop"))));
        match snapshot.recv_timeout(SNAPSHOT_BUDGET) {
            Ok(kept) => self.tell(&self.ending(Outcome::Released, reason, kept)),
            Err(_) => {
                self.tell(&EndAttempt {
                    unsettled: true,
                    ..self.ending(Outcome::Released, reason, None)
                });
                let kept = snapshot.recv_timeout(LATE_BUDGET).unwrap_or_default();
                self.tell(&self.ending(Outcome::Released, reason, kept));
            }
        }
    }

    fn tell(&self, end: &EndAttempt) {
        match self.hub.end_attempt(self.ticket, self.attempt, end) {
            Ok(()) => self.say("released"),
            Err(e) => self.say(&format!("the hub did not take it back: {e}")),
        }
    }

    /// Says something about this attempt.
    pub fn say(&self, what: &str) {
        self.console.say(&format!("#{} runner", self.ticket), what);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
