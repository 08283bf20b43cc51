//! Heartbeats of one attempt or proposal run, from a thread of its own: three in a lease, one every
//! ten seconds at least, and one at each change of phase. It hears first when the attempt is over, a
//! budget is used up or the hub is away, and says so by the interrupt.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ticket::Error;
use ticket::client::Client;
use ticket::usage::{Budget, RunUsage};
use ticket::wire::{Heard, Heartbeat};

use crate::backoff::{Backoff, HUB};
use crate::freeze;
use crate::guard::reap;
use crate::interrupt::{Interrupt, Why};

/// Heartbeats in one lease.
const BEATS: u32 = 3;
/// The shortest time between two of them, whatever the lease.
const SHORTEST: Duration = Duration::from_millis(500);
/// The longest, whatever the lease: a ticket that was taken away waits 30 seconds for its tree, and a
/// runner that hears of it later finds the ticket given to another and its push refused.
const LONGEST: Duration = Duration::from_secs(10);
/// The shortest time between two of them that only say what was used: a turn of a model takes longer.
const COUNTING: Duration = Duration::from_millis(250);
/// So long without the hub, and nothing more is spent on the agent CLI.
pub const HUB_AWAY: Duration = Duration::from_secs(120);

/// What the hub last said of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It goes on.
    Live,
    /// It is over.
    Lost,
    /// The hub did not answer.
    Away,
}

/// Whose heart beats.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// An attempt's: its ticket and number.
    Attempt(i64, i64),
    /// A proposal run's: its number.
    Proposal(i64),
}

impl Whose {
    fn beat(self, hub: &Client, beat: &Heartbeat) -> ticket::Result<Heard> {
        match self {
            Whose::Attempt(ticket, attempt) => hub.heartbeat(ticket, attempt, beat),
            Whose::Proposal(run) => hub.proposal_heartbeat(run, beat),
        }
    }
}

/// The heart of one attempt or proposal run. It stops when this is dropped.
pub struct Pulse {
    to: Sender<Order>,
    phase: String,
    since: Instant,
    over_budget: Arc<Mutex<Option<Budget>>>,
}

struct Order {
    beat: Heartbeat,
    reply: Option<Sender<Life>>,
}

impl Pulse {
    /// Starts to beat, in phase `phase`.
    pub fn start(
        hub: Client,
        whose: Whose,
        lease: Duration,
        interrupt: Interrupt,
        phase: &str,
    ) -> Pulse {
        let (to, orders) = channel();
        let over_budget = Arc::default();
        let heart = Heart {
            hub,
            whose,
            every: (lease / BEATS).clamp(SHORTEST, LONGEST),
            interrupt,
            away_since: None,
            backoff: HUB,
            lost: false,
            unsaid: Heartbeat::default(),
            over_budget: Arc::clone(&over_budget),
            counted_at: None,
        };
        thread::spawn(move || heart.beat(&orders));
        let mut pulse = Pulse {
            to,
            phase: String::new(),
            since: Instant::now(),
            over_budget,
        };
        pulse.phase(phase);
        pulse
    }

    /// The runner does something else now. Does not wait.
    pub fn phase(&mut self, phase: &str) {
        if self.phase != phase {
            let beat = self.change(phase);
            self.order(beat, None);
        }
    }

    /// The phase as it was last said.
    pub fn current(&self) -> &str {
        &self.phase
    }

    /// The budget that the hub last said is used up.
    pub fn over_budget(&self) -> Option<Budget> {
        *lock(&self.over_budget)
    }

    /// Says which conversation the agent CLI is in. Does not wait.
    pub fn session_teller(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let say = self.speaker();
        move |id| {
            say(Heartbeat {
                session_id: Some(id.to_owned()),
                ..Heartbeat::default()
            });
        }
    }

    /// Says, whenever it is called, that the model's service answered.
    pub fn teller(&self) -> impl Fn() + Send + Sync + use<> {
        let say = self.speaker();
        move || {
            say(Heartbeat {
                served: true,
                ..Heartbeat::default()
            });
        }
    }

    /// Says, whenever it is called, what a run of the agent CLI used so far.
    pub fn accountant(&self) -> impl Fn(RunUsage) + Send + Sync + use<> {
        let say = self.speaker();
        move |run| {
            say(Heartbeat {
                usage: vec![run],
                ..Heartbeat::default()
            });
        }
    }

    /// Says something from any thread. Does not wait.
    fn speaker(&self) -> impl Fn(Heartbeat) + Send + Sync + use<> {
        let to = Mutex::new(self.to.clone());
        move |beat| {
            let _ = lock(&to).send(Order { beat, reply: None });
        }
    }

    /// As [`Pulse::phase`], and waits for what the hub says.
    pub fn check(&mut self, phase: &str) -> Life {
        let beat = self.change(phase);
        let (reply, answer) = channel();
        self.order(beat, Some(reply));
        answer.recv().unwrap_or(Life::Away)
    }

    fn change(&mut self, phase: &str) -> Heartbeat {
        if self.phase == phase {
            return Heartbeat::default();
        }
        let took = self.since.elapsed().as_millis();
        let first = self.phase.is_empty();
        self.phase = phase.to_owned();
        self.since = Instant::now();
        Heartbeat {
            phase: Some(phase.to_owned()),
            took_ms: (!first).then(|| u64::try_from(took).unwrap_or(u64::MAX)),
            ..Heartbeat::default()
        }
    }

    fn order(&self, beat: Heartbeat, reply: Option<Sender<Life>>) {
        let _ = self.to.send(Order { beat, reply });
    }
}

struct Heart {
    hub: Client,
    whose: Whose,
    every: Duration,
    interrupt: Interrupt,
    away_since: Option<Instant>,
    backoff: Backoff,
    lost: bool,
    /// What the hub has not heard yet.
    unsaid: Heartbeat,
    over_budget: Arc<Mutex<Option<Budget>>>,
    /// When the last one went out that only said what was used.
    counted_at: Option<Instant>,
}

impl Heart {
    fn beat(mut self, orders: &Receiver<Order>) {
        let mut next = Instant::now() + self.every;
        loop {
            let mut replies = Vec::new();
            match orders.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(order) => {
                    let mut only_counts = self.take(order, &mut replies);
                    for order in orders.try_iter() {
                        only_counts &= self.take(order, &mut replies);
                    }
                    if only_counts && let Some(counted_at) = self.counted_at.replace(Instant::now())
                    {
                        let soon = counted_at + COUNTING;
                        if soon > Instant::now() {
                            self.counted_at = Some(counted_at);
                            next = next.min(soon);
                            continue;
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => reap(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let (life, wait) = self.send();
            next = Instant::now() + wait;
            for reply in replies {
                let _ = reply.send(life);
            }
        }
    }

    /// Remembers what it says. True when that is only what was used.
    fn take(&mut self, order: Order, replies: &mut Vec<Sender<Life>>) -> bool {
        let beat = &order.beat;
        let only_counts = !beat.usage.is_empty() && beat.phase.is_none() && order.reply.is_none();
        replies.extend(order.reply);
        self.remember(order.beat);
        only_counts
    }

    /// A later phase replaces one that was not heard.
    fn remember(&mut self, beat: Heartbeat) {
        if beat.phase.is_some() {
            self.unsaid.phase = beat.phase;
            self.unsaid.took_ms = beat.took_ms;
        }
        if beat.session_id.is_some() {
            self.unsaid.session_id = beat.session_id;
        }
        self.unsaid.served |= beat.served;
        for run in beat.usage {
            RunUsage::put(&mut self.unsaid.usage, run);
        }
    }

    fn send(&mut self) -> (Life, Duration) {
        if self.lost {
            return (Life::Lost, self.every);
        }
        match self.whose.beat(&self.hub, &self.unsaid) {
            Ok(heard) => {
                self.unsaid = Heartbeat::default();
                *lock(&self.over_budget) = heard.over_budget;
                match heard.over_budget {
                    // What stands still spends nothing; it ends when it goes on.
                    Some(_) if freeze::is_on() => {}
                    Some(budget) => self.interrupt.raise(Why::Budget(budget)),
                    None => self.interrupt.budget_is_back(),
                }
                self.backoff.worked();
                self.away_since = None;
                self.interrupt.hub_is_back();
                (Life::Live, self.every)
            }
            Err(Error::Unavailable(_)) => {
                let since = *self.away_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= HUB_AWAY && !freeze::is_on() {
                    self.interrupt.raise(Why::HubAway);
                }
                (Life::Away, self.backoff.failed().min(self.every))
            }
            Err(_) => {
                self.lost = true;
                self.interrupt.raise(Why::Lost);
                (Life::Lost, self.every)
            }
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
