//! Tells people who are away: what happened goes into an outbox in the database, and from there to
//! their ntfy topic, once, as soon as that can be reached.
//!
//! Two loops. [`watch`] looks whenever something happened and writes down what is worth telling
//! ([`news`]). [`send`] empties the outbox: the most urgent first, several of a kind as one
//! ([`letter`]), slowly when there are many and ever more slowly while the server does not take them
//! ([`pacing`]). A message is marked as sent after the server has it; one that is sent again because
//! the hub was killed in between takes the place of the first, by its sequence id.

mod letter;
mod news;
mod pacing;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use swarm::ntfy::{Ntfy, Published, Push};
use ticket::notice::{Change, Kind, NewNotice, Notice};
use ticket::{Error, moment};
use tokio::sync::Notify;
use tokio::time::Instant;

use self::letter::Letter;
use self::news::{Facts, Memory};
use self::pacing::Pacing;
use crate::hub::{Hub, Shared};
use crate::pace::Paced;

/// The name of this way to people in the database.
const CHANNEL: &str = "ntfy";
/// How often to look when nothing happens: some things become worth telling by lasting.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How late a look may be where a lot happens.
const LONGEST_REST: Duration = Duration::from_secs(2);
/// The pause before the outbox is read again that could not be read.
const RETRY: Duration = Duration::from_secs(5);
/// A server that is away is a problem after so many messages that it did not take.
const PROBLEM: u32 = 3;
/// What takes the place of a secret.
const HIDDEN: &str = "…";

/// What the rest of the hub knows of the notifier.
#[derive(Debug, Default)]
pub struct Notifier {
    /// The topic; none: nobody is told anything.
    ntfy: Option<Ntfy>,
    /// The outbox may hold something new.
    filled: Notify,
    trouble: Mutex<Option<String>>,
}

impl Notifier {
    /// Sends to this topic.
    pub fn new(ntfy: Option<Ntfy>) -> Notifier {
        Notifier {
            ntfy,
            ..Notifier::default()
        }
    }

    /// Why messages wait, in one sentence, when they do.
    pub fn trouble(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends one message past the outbox; an error says why it was not taken.
pub async fn test(hub: &Hub) -> ticket::Result<String> {
    let Some(ntfy) = hub.notifier.ntfy.clone() else {
        return Err(Error::Refused(swarm::ntfy::NONE.into()));
    };
    let push = swarm::ntfy::trial(&hub.config.project.name, page(hub));
    let server = ntfy.server().to_owned();
    match publish(ntfy, push).await {
        Published::Taken => Ok(server),
        not_taken => Err(Error::Unavailable(swarm::ntfy::sentence(
            &server, &not_taken,
        ))),
    }
}

/// Writes down what is worth telling, until the hub ends.
pub async fn watch(hub: Shared) {
    if hub.notifier.ntfy.is_none() {
        let closed = hub
            .database
            .call(|store| store.outbox_close(CHANNEL, moment::now()));
        if let Err(error) = closed.await {
            tracing::warn!("the outbox was not closed: {error}");
        }
        return;
    }
    let mut events = Paced::new(hub.database.last_event(), LONGEST_REST);
    loop {
        events.look();
        match look(&hub).await {
            Ok(false) => (),
            Ok(true) => hub.notifier.filled.notify_one(),
            Err(error) => tracing::warn!("nobody could be told what happened: {error}"),
        }
        tokio::select! {
            () = hub.closing.cancelled() => return,
            _ = events.changed() => (),
            () = tokio::time::sleep(LOOK_EVERY) => (),
        }
    }
}

/// One look; true when the outbox changed.
async fn look(hub: &Hub) -> ticket::Result<bool> {
    let problems = hub.fleet.seen().problems.into_iter();
    let problems = problems.map(|p| (p.about, p.said)).collect();
    let login_ends_at = hub.login.ends_at();
    let (written, facts) = hub
        .database
        .read(move |store| {
            let todo = store.todo()?;
            let facts = Facts {
                now: moment::now(),
                waiting: store.waiting()?,
                halt: store.halt()?,
                login_ends_at,
                problems,
                red: store.refused_in_a_row()?,
                has_work: todo.for_agents,
                unfinished: todo.unfinished,
            };
            Ok((store.outbox_memory(CHANNEL)?, facts))
        })
        .await?;
    // What an other version wrote down may not be readable: then this is the first look.
    let known = written
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    let before = known.unwrap_or_else(|| Memory::first(&facts));
    let (after, mut changes) = before.look(&facts);
    let after = serde_json::to_string(&after)
        .map_err(|e| Error::Invalid(format!("the memory cannot be written down: {e}")))?;
    if written.as_ref() == Some(&after) && changes.is_empty() {
        return Ok(false);
    }
    let wanted = &hub.config.notify.events;
    changes.retain(|change| match change {
        Change::Tell(notice) => wanted.contains(&notice.kind),
        Change::Withdraw(_) => true,
    });
    let changed = !changes.is_empty();
    if changed {
        let secrets = secrets(hub).await;
        for change in &mut changes {
            if let Change::Tell(notice) = change {
                hide(notice, &secrets);
            }
        }
    }
    hub.database
        .call(move |store| {
            let before = written.as_deref();
            store.outbox_take(CHANNEL, before, &after, &changes, moment::now())
        })
        .await
        .map(|taken| taken && changed)
}

/// Everything that must not be in a message, whoever wrote it there.
async fn secrets(hub: &Hub) -> Vec<String> {
    let project = hub.project.clone();
    let read = tokio::task::spawn_blocking(move || {
        let credentials = swarm::credentials::Credentials::read(&project).unwrap_or_default();
        let token = swarm::ntfy::token(&project).ok().flatten();
        let values = credentials.values().values().cloned();
        values.chain(token).filter(|s| !s.is_empty()).collect()
    });
    read.await.unwrap_or_default()
}

fn hide(notice: &mut NewNotice, secrets: &[String]) {
    for secret in secrets {
        notice.title = notice.title.replace(secret, HIDDEN);
        notice.body = notice.body.replace(secret, HIDDEN);
    }
}

/// Sends what waits, until the hub ends.
pub async fn send(hub: Shared) {
    let Some(ntfy) = hub.notifier.ntfy.clone() else {
        return;
    };
    let mut pacing = Pacing::new(Instant::now());
    loop {
        let next = match waiting(&hub).await {
            Err(error) => {
                tracing::warn!("the outbox could not be read: {error}");
                Some(Instant::now() + RETRY)
            }
            Ok(waiting) => match letter::next(&waiting) {
                None => {
                    *hub.notifier.lock() = None;
                    None
                }
                Some(letter) => Some(post(&hub, &ntfy, &mut pacing, letter, waiting.len()).await),
            },
        };
        let goes_on = async {
            match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => hub.notifier.filled.notified().await,
            }
        };
        tokio::select! {
            () = hub.closing.cancelled() => return,
            () = goes_on => (),
        }
    }
}

/// What waits and is worth sending.
async fn waiting(hub: &Hub) -> ticket::Result<Vec<Notice>> {
    let mut waiting = hub
        .database
        .read(|store| store.outbox_waiting(CHANNEL))
        .await?;
    let now = moment::now();
    let stale = letter::stale(&waiting, now);
    if !stale.is_empty() {
        waiting.retain(|notice| !stale.contains(&notice.id));
        hub.database
            .call(move |store| store.outbox_drop(&stale, "too old", now))
            .await?;
    }
    Ok(waiting)
}

/// Sends one and writes down what became of it. Returns when to go on.
async fn post(
    hub: &Hub,
    ntfy: &Ntfy,
    pacing: &mut Pacing,
    letter: Letter,
    waiting: usize,
) -> Instant {
    let push = push(hub, &letter);
    let published = publish(ntfy.clone(), push).await;
    let now = Instant::now();
    let (next, written) = match &published {
        Published::Taken => {
            *hub.notifier.lock() = None;
            let sent = hub
                .database
                .call(move |store| store.outbox_sent(&letter.ids, moment::now()));
            (pacing.taken(now), sent.await)
        }
        Published::Refused(why) => {
            let why = format!("not taken: {why}");
            tracing::warn!("a message about '{}' was {why}", letter.kind.as_str());
            let dropped = hub
                .database
                .call(move |store| store.outbox_drop(&letter.ids, &why, moment::now()));
            (pacing.taken(now), dropped.await)
        }
        Published::Busy(_) | Published::Away(_) | Published::Denied(_) => {
            let asked = match published {
                Published::Busy(asked) => asked,
                _ => None,
            };
            let next = pacing.failed(now, asked, rand::random());
            let sentence = swarm::ntfy::sentence(ntfy.server(), &published);
            tracing::info!("{sentence}; {waiting} messages wait");
            let is_denied = matches!(published, Published::Denied(_));
            if is_denied || pacing.failures() >= PROBLEM {
                *hub.notifier.lock() = Some(format!("{sentence}; {waiting} messages wait"));
            }
            (next, Ok(()))
        }
    };
    if let Err(error) = written {
        tracing::warn!("the outbox could not be written: {error}");
        return next.max(now + RETRY);
    }
    next
}

fn push(hub: &Hub, letter: &Letter) -> Push {
    let project = ticket::text::one_line(&hub.config.project.name);
    let anchor = match letter.ticket {
        Some(ticket) => format!("/#ticket-{ticket}"),
        None => "/".into(),
    };
    Push {
        title: format!("{project}: {}", letter.title),
        message: letter.body.clone(),
        priority: letter.priority,
        tags: vec![tag(letter.kind).into()],
        click: page(hub).map(|page| format!("{page}{anchor}")),
        sequence_id: format!("{}-{}", hub.project.id(), letter.key),
    }
}

/// The page, as people reach it.
fn page(hub: &Hub) -> Option<String> {
    let set = hub.config.notify.page.clone();
    let page = set.or_else(|| swarm::hub::hub_file(&hub.project).map(|file| file.url));
    page.map(|page| page.trim_end_matches('/').to_owned())
}

/// ntfy's picture for a kind.
fn tag(kind: Kind) -> &'static str {
    match kind {
        Kind::Question => "question",
        Kind::Proposal => "bulb",
        Kind::Verify => "mag",
        Kind::Held => "lock",
        Kind::Quarantine => "no_entry",
        Kind::Limit => "hourglass",
        Kind::Login => "key",
        Kind::Service => "cloud",
        Kind::Budget => "moneybag",
        Kind::Main => "rotating_light",
        Kind::Agents => "skull",
        Kind::Idle => "checkered_flag",
    }
}

/// On a thread that may block.
async fn publish(ntfy: Ntfy, push: Push) -> Published {
    let sent = tokio::task::spawn_blocking(move || ntfy.publish(&push));
    sent.await
        .unwrap_or_else(|error| Published::Away(error.to_string()))
}
