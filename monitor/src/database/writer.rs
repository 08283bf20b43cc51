//! The thread that writes. It takes the writes in the order in which they came, as many as wait, and
//! makes them in one transaction: a flush to disk costs more than a write, and so many share it. Each
//! of them stands or falls by itself. They are answered after the commit and not before.
//!
//! A transaction takes in what waits when it begins and not what comes meanwhile: so one half of the
//! callers is being answered while the other half is being written.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ticket::{Error, Result, Store};
use tokio::sync::{oneshot, watch};

use super::Batch;
use super::checkpoints::{self, Checkpoints};
use super::job::Job;
use super::numbers::Numbers;

/// What the thread is asked for.
pub enum Message {
    /// A write.
    Run(Box<dyn Job>),
    /// The end.
    Close(oneshot::Sender<()>),
}

/// What others are told of the writes.
pub struct Told {
    /// The newest row of the activity log.
    pub last_event: Arc<watch::Sender<i64>>,
    /// How many transactions were made.
    pub written: Arc<AtomicU64>,
    /// How busy the thread is.
    pub numbers: Numbers,
}

/// The thread's own.
pub struct Writer {
    store: Store,
    inbox: Inbox,
    waiting: VecDeque<Box<dyn Job>>,
    checkpoints: Checkpoints,
    most: Batch,
    told: Told,
}

impl Writer {
    /// Starts the thread. It ends when it is told to, or when nobody is left who could ask it.
    pub fn start(
        mut store: Store,
        messages: Receiver<Message>,
        most: Batch,
        told: Told,
    ) -> Result<()> {
        let checkpoints = Checkpoints::start(&mut store)?;
        let writer = Writer {
            store,
            inbox: Inbox::new(messages),
            waiting: VecDeque::new(),
            checkpoints,
            most,
            told,
        };
        std::thread::Builder::new()
            .name("database".into())
            .spawn(move || writer.run())
            .map_err(|e| Error::Io("cannot start a thread".into(), e))?;
        Ok(())
    }

    fn run(mut self) {
        while !(self.inbox.is_over && self.waiting.is_empty()) {
            self.take_in();
            if !self.waiting.is_empty() {
                self.transaction();
            }
            if let Err(error) = self.checkpoints.look(&self.store) {
                tracing::warn!("the database's log could not be looked after: {error}");
            }
        }
        if let Err(error) = self.checkpoints.finish(&self.store) {
            tracing::warn!("the database's log stays beside it: {error}");
        }
        drop(self.store);
        self.inbox.close();
    }

    /// Waits until there is something to write, or until it is time to look at the log again.
    fn take_in(&mut self) {
        if self.waiting.is_empty() {
            let patience = self.checkpoints.is_waiting().then_some(checkpoints::PAUSE);
            self.waiting.extend(self.inbox.wait(patience));
        }
        while self.waiting.len() < self.most.writes
            && let Some(job) = self.inbox.next()
        {
            self.waiting.push_back(job);
        }
    }

    /// Makes the writes that wait.
    fn transaction(&mut self) {
        let mut made = Vec::with_capacity(self.waiting.len());
        let started = Instant::now();
        let kept = self.store.batch(|store| {
            let began = Instant::now();
            while let Some(mut job) = self.waiting.pop_front() {
                job.run(store);
                made.push(job);
                if began.elapsed() >= self.most.open {
                    break;
                }
            }
        });
        self.told.written.fetch_add(1, Ordering::Release);
        let took = started.elapsed().as_secs_f64();
        self.told.numbers.transactions.observe(took);
        match &kept {
            Ok(()) => self.wake(),
            Err(error) => {
                // It may not even have begun.
                made.extend(self.waiting.drain(..));
                tracing::warn!("{} writes were not kept: {error}", made.len());
            }
        }
        self.told.numbers.writes.inc_by(made.len() as u64);
        for job in made {
            self.told.numbers.waiting.dec();
            job.answer(&kept);
        }
    }

    /// Wakes who waits for events, if there are new ones.
    fn wake(&self) {
        match self.store.last_event_id() {
            Ok(last) => {
                self.told.last_event.send_if_modified(|known| {
                    let grew = *known < last;
                    *known = last;
                    grew
                });
            }
            Err(error) => tracing::warn!("the activity log could not be looked at: {error}"),
        }
    }
}

/// The messages that wait, and whether there will be more.
struct Inbox {
    messages: Receiver<Message>,
    closing: Option<oneshot::Sender<()>>,
    is_over: bool,
}

impl Inbox {
    fn new(messages: Receiver<Message>) -> Inbox {
        Inbox {
            messages,
            closing: None,
            is_over: false,
        }
    }

    /// Waits for the next write. None: the time is up, or it is over.
    fn wait(&mut self, patience: Option<Duration>) -> Option<Box<dyn Job>> {
        let received = match patience {
            Some(patience) => self.messages.recv_timeout(patience),
            None => self.messages.recv().map_err(RecvTimeoutError::from),
        };
        match received {
            Ok(message) => self.job(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                self.is_over = true;
                None
            }
        }
    }

    /// The next write, if one waits.
    fn next(&mut self) -> Option<Box<dyn Job>> {
        if self.is_over {
            return None;
        }
        let message = self.messages.try_recv().ok()?;
        self.job(message)
    }

    fn job(&mut self, message: Message) -> Option<Box<dyn Job>> {
        match message {
            Message::Run(job) => Some(job),
            Message::Close(done) => {
                self.closing = Some(done);
                self.is_over = true;
                None
            }
        }
    }

    /// Tells who asked for the end that it has come.
    fn close(self) {
        if let Some(closed) = self.closing {
            // Who asked may have given up waiting.
            let _ = closed.send(());
        }
    }
}
