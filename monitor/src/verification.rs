//! The queue between whoever wants a commit verified and the verifier containers.
//!
//! Each verifier takes one job in its life. A job whose verifier dies, falls silent or cannot run
//! verify.sh goes to another one, [`MAX_TRIES`] times in all. Everything here is in memory: after a
//! restart of the hub the lander orders anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticket::wire::{Verdict, VerdictResult, Verification};
use ticket::{Error, Result, secret};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::AbortHandle;

/// How many verifiers may fail on one job before it counts as not verifiable.
const MAX_TRIES: usize = 3;
/// What a verifier may take beside verify.sh itself: to fetch, check out and report.
const OVERHEAD: Duration = Duration::from_secs(120);
/// How much of a log is kept, in bytes.
const MAX_LOG: usize = 64 << 10;

/// A commit to verify.
#[derive(Clone, Debug)]
pub struct Order {
    /// The commit.
    pub commit: String,
    /// The commit whose verify.sh is the gate.
    pub gate_commit: String,
    /// Also run the commit's own verify.sh.
    pub own_gate_too: bool,
    /// Variables for verify.sh.
    pub env: BTreeMap<String, String>,
    /// How long verify.sh may take.
    pub timeout: Duration,
}

/// What the fleet should do about verifiers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// How many verifiers should exist that have not taken a job.
    pub ready: usize,
    /// The verifiers that took a job, until [`Verifications::verifier_gone`].
    pub taken: BTreeSet<String>,
    /// Those of them that nobody waits for any more: to be removed.
    pub obsolete: BTreeSet<String>,
}

/// The queue. Clones share it.
#[derive(Clone)]
pub struct Verifications(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    news: Notify,
    demand: watch::Sender<Demand>,
    spare: usize,
}

#[derive(Default)]
struct State {
    last_id: u64,
    waiting: VecDeque<Job>,
    running: BTreeMap<String, Running>,
    taken: BTreeSet<String>,
    obsolete: BTreeSet<String>,
}

struct Job {
    id: u64,
    order: Order,
    failures: Vec<String>,
    answer: oneshot::Sender<Verdict>,
}

/// A job in a verifier's hands.
struct Running {
    job: Job,
    token_hash: Option<String>,
    watchdog: AbortHandle,
}

impl Verifications {
    /// An empty queue that wants `spare` verifiers ready beyond those that have work.
    pub fn new(spare: usize) -> Verifications {
        let demand = Demand {
            ready: spare,
            ..Demand::default()
        };
        Verifications(Arc::new(Inner {
            state: Mutex::default(),
            news: Notify::new(),
            demand: watch::Sender::new(demand),
            spare,
        }))
    }

    /// Orders a verification. Dropping the result takes the order back.
    pub fn order(&self, order: Order) -> Pending {
        let (answer, verdict) = oneshot::channel();
        let mut state = self.lock();
        state.last_id += 1;
        let id = state.last_id;
        state.waiting.push_back(Job {
            id,
            order,
            failures: Vec::new(),
            answer,
        });
        self.changed(state);
        Pending {
            id,
            verdict,
            queue: self.clone(),
        }
    }

    /// Waits for a job for the verifier `name`. Asked again it gives the same job: the answer may
    /// have been lost. Refused when this verifier has done its one job.
    pub async fn next(&self, name: &str) -> Result<Verification> {
        loop {
            let mut news = std::pin::pin!(self.0.news.notified());
            news.as_mut().enable();
            if let Some(verification) = self.take(name)? {
                return Ok(verification);
            }
            news.await;
        }
    }

    /// The token of `id` is worth nothing from now on: verify.sh is about to run.
    pub fn started(&self, id: u64, name: &str) -> Result<()> {
        let mut state = self.lock();
        state.running_job(id, name)?.token_hash = None;
        Ok(())
    }

    /// What verify.sh said. [`Error::Stale`] when the job is not this verifier's.
    pub fn verdict(&self, id: u64, name: &str, mut verdict: Verdict) -> Result<()> {
        let mut state = self.lock();
        state.running_job(id, name)?;
        let Some(running) = state.running.remove(name) else {
            return Ok(());
        };
        keep_end(&mut verdict.log_tail);
        match verdict.result {
            VerdictResult::Green | VerdictResult::Red => {
                // Nobody listens when the order was taken back in this moment.
                let _ = running.into_job().answer.send(verdict);
            }
            VerdictResult::Error => {
                let reason = format!("{name} could not run it: {}", verdict.log_tail);
                state.try_again(running.into_job(), reason);
            }
        }
        self.changed(state);
        Ok(())
    }

    /// The verifier's container is no more. What it had goes to another one, and its name is free.
    pub fn verifier_gone(&self, name: &str) {
        self.gone(name, &format!("{name} ended without a verdict"));
    }

    /// The same of one that died, for this reason.
    pub fn verifier_died(&self, name: &str, why: &str) {
        self.gone(name, &format!("{name} ended without a verdict: {why}"));
    }

    fn gone(&self, name: &str, what: &str) {
        let mut state = self.lock();
        state.taken.remove(name);
        state.obsolete.remove(name);
        if let Some(running) = state.running.remove(name) {
            state.try_again(running.into_job(), what.to_owned());
        }
        self.changed(state);
    }

    /// The verifier whose verification `token` belongs to, while it may still fetch.
    pub fn holder_of(&self, token: &str) -> Option<String> {
        let hash = secret::hash(token);
        let state = self.lock();
        let holder = state
            .running
            .iter()
            .find(|(_, running)| running.token_hash.as_ref() == Some(&hash));
        holder.map(|(name, _)| name.clone())
    }

    /// Which verifier has which commit, by the commit.
    pub fn under_way(&self) -> BTreeMap<String, String> {
        let state = self.lock();
        let held = state.running.iter();
        held.map(|(name, running)| (running.job.order.commit.clone(), name.clone()))
            .collect()
    }

    /// What the fleet should do, and a wake-up whenever that changes.
    pub fn demand(&self) -> watch::Receiver<Demand> {
        self.0.demand.subscribe()
    }

    fn take(&self, name: &str) -> Result<Option<Verification>> {
        let mut state = self.lock();
        if state.taken.contains(name) && !state.running.contains_key(name) {
            return Err(Error::Refused(format!("{name} has done its verification")));
        }
        let job = match state.running.remove(name) {
            Some(lost) => lost.into_job(),
            None => match state.waiting.pop_front() {
                Some(job) => job,
                None => return Ok(None),
            },
        };
        let token = secret::new_token();
        let verification = job.verification(token.clone());
        let running = Running {
            token_hash: Some(secret::hash(&token)),
            watchdog: self.watch(job.id, name, job.order.timeout + OVERHEAD),
            job,
        };
        state.running.insert(name.to_owned(), running);
        state.taken.insert(name.to_owned());
        self.changed(state);
        Ok(Some(verification))
    }

    /// Gives the job to another verifier when this one is silent for too long.
    fn watch(&self, id: u64, name: &str, limit: Duration) -> AbortHandle {
        let (queue, name) = (Arc::downgrade(&self.0), name.to_owned());
        let task = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            if let Some(inner) = queue.upgrade() {
                Verifications(inner).overdue(id, &name);
            }
        });
        task.abort_handle()
    }

    fn overdue(&self, id: u64, name: &str) {
        let mut state = self.lock();
        if state.running_job(id, name).is_err() {
            return;
        }
        if let Some(running) = state.running.remove(name) {
            state.obsolete.insert(name.to_owned());
            state.try_again(
                running.into_job(),
                format!("{name} was silent for too long"),
            );
        }
        self.changed(state);
    }

    fn cancel(&self, id: u64) {
        let mut state = self.lock();
        state.waiting.retain(|job| job.id != id);
        let holder = state.running.iter().find(|(_, r)| r.job.id == id);
        if let Some(name) = holder.map(|(name, _)| name.clone()) {
            state.running.remove(&name);
            state.obsolete.insert(name);
        }
        self.changed(state);
    }

    /// Wakes verifiers and the fleet after a change.
    fn changed(&self, state: MutexGuard<'_, State>) {
        let demand = Demand {
            ready: state.waiting.len() + self.0.spare,
            taken: state.taken.clone(),
            obsolete: state.obsolete.clone(),
        };
        drop(state);
        self.0.demand.send_if_modified(|known| {
            let differs = *known != demand;
            *known = demand;
            differs
        });
        self.0.news.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn running_job(&mut self, id: u64, name: &str) -> Result<&mut Running> {
        match self.running.get_mut(name) {
            Some(running) if running.job.id == id => Ok(running),
            _ => Err(Error::Stale(format!("verification {id} is not {name}'s"))),
        }
    }

    /// The job waits for another verifier, first in line, unless it has had enough of them.
    fn try_again(&mut self, mut job: Job, reason: String) {
        job.failures.push(reason);
        if job.failures.len() < MAX_TRIES {
            self.waiting.push_front(job);
            return;
        }
        let mut log_tail = job.failures.join("\n");
        keep_end(&mut log_tail);
        let verdict = Verdict {
            result: VerdictResult::Error,
            log_tail,
            took_ms: 0,
        };
        // Nobody listens when the order was taken back in this moment.
        let _ = job.answer.send(verdict);
    }
}

impl Job {
    fn verification(&self, token: String) -> Verification {
        Verification {
            id: self.id,
            commit: self.order.commit.clone(),
            gate_commit: self.order.gate_commit.clone(),
            own_gate_too: self.order.own_gate_too,
            env: self.order.env.clone(),
            token,
            timeout_seconds: self.order.timeout.as_secs(),
        }
    }
}

impl Running {
    fn into_job(self) -> Job {
        self.watchdog.abort();
        self.job
    }
}

/// An order that waits for its verdict.
pub struct Pending {
    id: u64,
    verdict: oneshot::Receiver<Verdict>,
    queue: Verifications,
}

impl Pending {
    /// Green, red, or an error after [`MAX_TRIES`] verifiers.
    pub async fn verdict(mut self) -> Verdict {
        (&mut self.verdict).await.unwrap_or(Verdict {
            result: VerdictResult::Error,
            log_tail: "the verification was taken back".into(),
            took_ms: 0,
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.queue.cancel(self.id);
    }
}

/// Cuts the beginning of a log that is too long.
fn keep_end(log: &mut String) {
    let most = log.len().saturating_sub(MAX_LOG);
    let start = (most..log.len()).find(|at| log.is_char_boundary(*at));
    log.drain(..start.unwrap_or(log.len()));
}
