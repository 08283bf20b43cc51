//! Tells people who are away: what happened goes into an outbox in the database, and from there to
//! every way that the configuration sets, once, as soon as that can be reached.
//!
//! [`watch`] looks whenever something happened and writes down what is worth telling ([`news`]).
//! [`send`] empties the outbox, each way by itself: the most urgent first, several of a kind as one
//! ([`letter`]), slowly when there are many and ever more slowly while a server does not take them
//! ([`pacing`]). A message is marked as sent after the server has it; one that is sent again because
//! the hub was killed in between has the same id. [`replies`] takes the answers that come back.

mod buttons;
mod letter;
mod news;
mod pacing;
mod replies;
mod send;
mod watch;

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use swarm::channel::ntfy::replies::Replies;
use swarm::channel::{self, Channel, Message, Published};
use swarm::{Config, Project};
use ticket::Error;
use ticket::wire::Tried;
use tokio::sync::Notify;

use self::news::NotTaken;
use crate::hub::Hub;

pub use self::replies::listen;
pub use self::send::send;
pub use self::watch::watch;

/// A server that is away is a problem after so many times that it was not reached.
const PROBLEM: u32 = 3;
/// How many answers that were not taken are remembered until they are told.
const MOST_NOT_TAKEN: usize = 100;

/// What the rest of the hub knows of the notifier.
#[derive(Debug, Default)]
pub struct Notifier {
    /// The ways that are set; none: nobody is told anything.
    lines: Vec<Line>,
    /// Where answers come in, when messages can be answered.
    replies: Option<Replies>,
    /// Why answers do not come in, when they do not.
    deaf: Mutex<Option<String>>,
    /// Answers that were not taken and are to be told.
    not_taken: Mutex<Vec<NotTaken>>,
    /// There is one more of them.
    heard: Notify,
}

/// One way, with what is known of it.
#[derive(Debug)]
struct Line {
    channel: Channel,
    /// The outbox may hold something new for it.
    filled: Notify,
    trouble: Mutex<Option<String>>,
}

impl Notifier {
    /// The ways that the project's configuration sets.
    pub fn new(project: &Project, config: &Config) -> anyhow::Result<Notifier> {
        let channels = Channel::all(project, config)?;
        let ntfy = channels.iter().find_map(|channel| match channel {
            Channel::Ntfy(ntfy) => Some(ntfy),
            _ => None,
        });
        let replies = ntfy.map(|ntfy| Replies::of(project, config, ntfy));
        let replies = replies.transpose()?.flatten();
        let line = |channel| Line {
            channel,
            filled: Notify::default(),
            trouble: Mutex::default(),
        };
        Ok(Notifier {
            lines: channels.into_iter().map(line).collect(),
            replies,
            ..Notifier::default()
        })
    }

    /// Why messages wait and answers do not come in, one sentence each.
    pub fn troubles(&self) -> Vec<String> {
        let lines = self.lines.iter().map(|line| lock(&line.trouble).clone());
        let deaf = lock(&self.deaf).clone();
        lines.chain([deaf]).flatten().collect()
    }

    /// Has somebody told that their answer was not taken.
    fn was_not_taken(&self, answer: NotTaken) {
        let mut waiting = lock(&self.not_taken);
        if waiting.len() < MOST_NOT_TAKEN {
            waiting.push(answer);
        }
        self.heard.notify_one();
    }

    /// Where answers to messages of this line come in, if they do.
    fn replies_to(&self, line: &Line) -> Option<&Replies> {
        match line.channel {
            Channel::Ntfy(_) => self.replies.as_ref(),
            _ => None,
        }
    }
}

/// Sends one message past the outbox by every way that is set, or by the one of this name. Returns
/// what came of each.
pub async fn test(hub: &Hub, only: Option<&str>) -> ticket::Result<Vec<Tried>> {
    let lines = hub.notifier.lines.iter();
    let channels: Vec<&Channel> = lines.map(|line| &line.channel).collect();
    let channels = channel::chosen(&channels, only).map_err(Error::Refused)?;
    let message = channel::trial(&hub.config().project.name, page(hub));
    let tried = channels.into_iter().map(|channel| {
        let published = publish(channel.clone(), message.clone());
        async move { channel.tried(&published.await) }
    });
    Ok(join_all(tried).await)
}

/// The page, as people reach it.
fn page(hub: &Hub) -> Option<String> {
    let set = hub.config().notify.page.clone();
    let page = set.or_else(|| swarm::hub::hub_file(&hub.project).map(|file| file.url));
    page.map(|page| page.trim_end_matches('/').to_owned())
}

/// On a thread that may block.
async fn publish(channel: Channel, message: Message) -> Published {
    let sent = tokio::task::spawn_blocking(move || channel.publish(&message));
    sent.await
        .unwrap_or_else(|error| Published::Away(error.to_string()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
