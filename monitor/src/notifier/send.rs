//! Empties the outbox, each way by itself.

use std::time::Duration;

use futures_util::future::join_all;
use swarm::channel::{Button, Message, Published};
use ticket::moment;
use ticket::notice::Notice;
use ticket::reply::Action;
use tokio::time::Instant;

use super::letter::{self, Letter};
use super::pacing::Pacing;
use super::{Line, PROBLEM, buttons, lock, page, publish};
use crate::hub::{Hub, Shared};

/// The pause before the outbox is read again that could not be read.
const RETRY: Duration = Duration::from_secs(5);
/// A message that was not taken for so long gets new codes.
const NEW_CODES_AFTER: Duration = Duration::from_secs(10 * 60);

/// Sends what waits, until the hub ends.
pub async fn send(hub: Shared) {
    let lines = hub.notifier.lines.iter();
    join_all(lines.map(|line| empty(&hub, line))).await;
}

/// The buttons of a message that is under way: codes are made once, however often it is tried.
struct Made {
    key: String,
    at: Instant,
    buttons: Vec<Button>,
}

async fn empty(hub: &Hub, line: &Line) {
    let mut pacing = Pacing::new(Instant::now());
    let mut made = None;
    let can_be_answered = hub.notifier.replies_to(line).is_some();
    loop {
        let next = match waiting(hub, line).await {
            Err(error) => {
                tracing::warn!("the outbox could not be read: {error}");
                Some(Instant::now() + RETRY)
            }
            Ok(waiting) => match letter::next(&waiting, can_be_answered) {
                None => {
                    *lock(&line.trouble) = None;
                    None
                }
                Some(letter) => {
                    let message = message(hub, line, &letter, &mut made).await;
                    let waiting = waiting.len();
                    Some(post(hub, line, &mut pacing, letter, message, waiting).await)
                }
            },
        };
        let goes_on = async {
            match next {
                Some(next) => tokio::time::sleep_until(next).await,
                None => line.filled.notified().await,
            }
        };
        tokio::select! {
            () = hub.closing.cancelled() => return,
            () = goes_on => (),
        }
    }
}

/// What waits and is worth sending.
async fn waiting(hub: &Hub, line: &Line) -> ticket::Result<Vec<Notice>> {
    let name = line.channel.name();
    let waiting = hub.database.read(move |store| store.outbox_waiting(name));
    let mut waiting = waiting.await?;
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
    line: &Line,
    pacing: &mut Pacing,
    letter: Letter,
    message: Message,
    waiting: usize,
) -> Instant {
    let published = publish(line.channel.clone(), message).await;
    let now = Instant::now();
    let (next, written) = match &published {
        Published::Taken => {
            *lock(&line.trouble) = None;
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
            let sentence = line.channel.sentence(&published);
            tracing::info!("{sentence}; {waiting} messages wait");
            let is_denied = matches!(published, Published::Denied(_));
            if is_denied || pacing.failures() >= PROBLEM {
                *lock(&line.trouble) = Some(format!("{sentence}; {waiting} messages wait"));
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

async fn message(hub: &Hub, line: &Line, letter: &Letter, made: &mut Option<Made>) -> Message {
    let project = ticket::text::one_line(&hub.config().project.name);
    let path = match letter.ticket {
        Some(ticket) => format!("/tickets/{ticket}"),
        None if Action::on(letter.kind).is_empty() => "/".into(),
        None => "/needs".into(),
    };
    Message {
        title: format!("{project}: {}", letter.title),
        text: letter.body.clone(),
        kind: letter.kind,
        ticket: letter.ticket,
        priority: letter.priority,
        link: page(hub).map(|page| format!("{page}{path}")),
        id: format!("{}-{}", hub.project.id(), letter.key),
        buttons: buttons_of(hub, line, letter, made).await,
    }
}

/// The buttons for a message that can be answered, with codes that are good for it alone.
async fn buttons_of(
    hub: &Hub,
    line: &Line,
    letter: &Letter,
    made: &mut Option<Made>,
) -> Vec<Button> {
    let replies = hub.notifier.replies_to(line);
    let (Some(replies), Some(ticket), Some(version)) = (replies, letter.ticket, letter.version)
    else {
        return Vec::new();
    };
    if let Some(made) = made
        .as_ref()
        .filter(|made| made.key == letter.key && made.at.elapsed() < NEW_CODES_AFTER)
    {
        return made.buttons.clone();
    }
    let actions = Action::on(letter.kind);
    let now = moment::now();
    let expires_at = now + replies.seconds;
    let codes = hub
        .database
        .call(move |store| store.new_reply_codes(ticket, version, actions, expires_at, now))
        .await;
    let codes = codes.unwrap_or_else(|error| {
        tracing::warn!("a message goes out without buttons: {error}");
        Vec::new()
    });
    let buttons = buttons::of(replies, ticket, &codes);
    *made = Some(Made {
        key: letter.key.clone(),
        at: Instant::now(),
        buttons: buttons.clone(),
    });
    buttons
}
