//! The thread that writes. It takes the writes in the order in which they came, as many as wait, and
//! makes them in one transaction: a flush to disk costs more than a write, and so many share it. Each
//! of them stands or falls by itself. They are answered after the commit and not before.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use ticket::{Error, Result, Store};
use tokio::sync::{oneshot, watch};

use super::checkpoints::{self, Checkpoints};
use super::job::Job;

/// A transaction takes in no more writes when it has been open for so long, so that those in it do
/// not wait for all that come after a slow one.
const LONGEST: Duration = Duration::from_millis(5);

/// What the thread is asked for.
pub enum Message {
    /// A write.
    Run(Box<dyn Job>),
    /// The end.
    Close(oneshot::Sender<()>),
}

/// The thread's own.
pub struct Writer {
    store: Store,
    inbox: Inbox,
    checkpoints: Checkpoints,
    last_event: Arc<watch::Sender<i64>>,
    most_at_once: usize,
}

impl Writer {
    /// Starts the thread. It ends when it is told to, or when nobody is left who could ask it.
    pub fn start(
        mut store: Store,
        messages: Receiver<Message>,
        last_event: Arc<watch::Sender<i64>>,
        most_at_once: usize,
    ) -> Result<()> {
        let checkpoints = Checkpoints::start(&mut store)?;
        let writer = Writer {
            store,
            inbox: Inbox::new(messages),
            checkpoints,
            last_event,
            most_at_once,
        };
        std::thread::Builder::new()
            .name("database".into())
            .spawn(move || writer.run())
            .map_err(|e| Error::Io("cannot start a thread".into(), e))?;
        Ok(())
    }

    fn run(mut self) {
        while !self.inbox.is_over {
            let patience = self.checkpoints.is_waiting().then_some(checkpoints::PAUSE);
            if let Some(first) = self.inbox.wait(patience) {
                self.transaction(first);
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

    /// Makes one write and those that wait behind it.
    fn transaction(&mut self, first: Box<dyn Job>) {
        let (inbox, most) = (&mut self.inbox, self.most_at_once);
        let mut jobs = vec![first];
        let kept = self.store.batch(|store| {
            let began = Instant::now();
            jobs.iter_mut().for_each(|job| job.run(store));
            while jobs.len() < most
                && began.elapsed() < LONGEST
                && let Some(mut job) = inbox.next()
            {
                job.run(store);
                jobs.push(job);
            }
        });
        match &kept {
            Ok(()) => self.wake(),
            Err(error) => tracing::warn!("{} writes were not kept: {error}", jobs.len()),
        }
        for job in jobs {
            job.answer(&kept);
        }
    }

    /// Wakes who waits for events, if there are new ones.
    fn wake(&self) {
        match self.store.last_event_id() {
            Ok(last) => {
                self.last_event.send_if_modified(|known| {
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
