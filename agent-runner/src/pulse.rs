//! Heartbeats of one attempt, from a thread of its own: three in a lease, one every ten seconds at
//! least, and one at each change of phase. It hears first when the attempt is over or the hub is
//! away, and says so by the interrupt.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ticket::Error;
use ticket::client::Client;
use ticket::wire::Heartbeat;

use crate::backoff::{Backoff, HUB};
use crate::guard::reap;
use crate::interrupt::{Interrupt, Why};

/// Heartbeats in one lease.
const BEATS: u32 = 3;
/// The shortest time between two of them, whatever the lease.
const SHORTEST: Duration = Duration::from_millis(500);
/// The longest, whatever the lease: a ticket that was taken away waits 30 seconds for its tree, and a
/// runner that hears of it later finds the ticket given to another and its push refused.
const LONGEST: Duration = Duration::from_secs(10);
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

/// The heart of one attempt. It stops when this is dropped.
pub struct Pulse {
    to: Sender<Order>,
    phase: String,
    since: Instant,
}

struct Order {
    beat: Heartbeat,
    reply: Option<Sender<Life>>,
}

impl Pulse {
    /// Starts to beat, in phase `phase`.
    pub fn start(
        hub: Client,
        (ticket, attempt): (i64, i64),
        lease: Duration,
        interrupt: Interrupt,
        phase: &str,
    ) -> Pulse {
        let (to, orders) = channel();
        let heart = Heart {
            hub,
            ticket,
            attempt,
            every: (lease / BEATS).clamp(SHORTEST, LONGEST),
            interrupt,
            away_since: None,
            backoff: HUB,
            lost: false,
            unsaid: Heartbeat::default(),
        };
        thread::spawn(move || heart.beat(&orders));
        let mut pulse = Pulse {
            to,
            phase: String::new(),
            since: Instant::now(),
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

    /// The agent CLI's conversation is known. Does not wait.
    pub fn session(&self, id: &str) {
        let beat = Heartbeat {
            session_id: Some(id.to_owned()),
            ..Heartbeat::default()
        };
        self.order(beat, None);
    }

    /// Says, whenever it is called, that the model's service answered.
    pub fn teller(&self) -> impl Fn() + Send + Sync + use<> {
        let to = Mutex::new(self.to.clone());
        move || {
            let beat = Heartbeat {
                served: true,
                ..Heartbeat::default()
            };
            let to = to.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = to.send(Order { beat, reply: None });
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
    ticket: i64,
    attempt: i64,
    every: Duration,
    interrupt: Interrupt,
    away_since: Option<Instant>,
    backoff: Backoff,
    lost: bool,
    /// What the hub has not heard yet.
    unsaid: Heartbeat,
}

impl Heart {
    fn beat(mut self, orders: &Receiver<Order>) {
        let mut next = Instant::now() + self.every;
        loop {
            let reply = match orders.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(order) => {
                    self.remember(order.beat);
                    order.reply
                }
                Err(RecvTimeoutError::Timeout) => {
                    reap();
                    None
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let (life, wait) = self.send();
            next = Instant::now() + wait;
            if let Some(reply) = reply {
                let _ = reply.send(life);
            }
        }
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
    }

    fn send(&mut self) -> (Life, Duration) {
        if self.lost {
            return (Life::Lost, self.every);
        }
        match self.hub.heartbeat(self.ticket, self.attempt, &self.unsaid) {
            Ok(()) => {
                self.unsaid = Heartbeat::default();
                self.backoff.worked();
                self.away_since = None;
                self.interrupt.hub_is_back();
                (Life::Live, self.every)
            }
            Err(Error::Unavailable(_)) => {
                let since = *self.away_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= HUB_AWAY {
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
