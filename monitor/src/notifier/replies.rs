//! Takes the answers that people publish to the reply topic: one outgoing connection, made again when it
//! is cut, which goes on where it was.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swarm::channel::Published;
use swarm::channel::ntfy::replies::Replies;
use swarm::channel::ntfy::stream::{Heard, Incoming};
use ticket::reply::{Outcome, Refused, Reply};
use ticket::{Error, moment, secret};
use tokio::time::Instant;

use super::news::NotTaken;
use super::pacing::Pacing;
use super::{PROBLEM, lock};
use crate::hub::{Hub, Shared};

/// The setting that holds how far the topic was read.
const CURSOR: &str = "reply_cursor";
/// So much is read again after a cut, in seconds: messages may be out of order.
const OVERLAP: i64 = 60;
/// How many messages are known again.
const KNOWN: usize = 200;
/// A connection that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(60);

/// How far the topic was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// The hash of the topic's address: another one is read from its own beginning.
    topic: String,
    /// The newest message, in Unix seconds by the server's clock.
    time: i64,
    /// The latest messages, the newest last.
    known: Vec<String>,
}

impl Cursor {
    fn new(topic: &str, now: i64) -> Cursor {
        Cursor {
            topic: secret::hash(topic),
            time: now,
            known: Vec::new(),
        }
    }

    fn knows(&self, message: &Incoming) -> bool {
        self.known.contains(&message.id)
    }

    fn after(&self, message: &Incoming) -> Cursor {
        let mut known = self.known.clone();
        known.push(message.id.clone());
        let surplus = known.len().saturating_sub(KNOWN);
        known.drain(..surplus);
        Cursor {
            topic: self.topic.clone(),
            time: self.time.max(message.time),
            known,
        }
    }
}

/// Takes answers until the hub ends; where nobody may answer, no code is good.
pub async fn listen(hub: Shared) {
    let Some(replies) = &hub.notifier.replies else {
        let closed = hub
            .database
            .call(|store| store.close_replies(moment::now()));
        if let Err(error) = closed.await {
            tracing::warn!("old codes for answers are still good: {error}");
        }
        return;
    };
    let mut pacing = Pacing::new(Instant::now());
    loop {
        let started = Instant::now();
        let end = tokio::select! {
            () = hub.closing.cancelled() => return,
            end = hear(&hub, replies) => end,
        };
        let now = Instant::now();
        if now - started >= GOOD {
            pacing.taken(now);
        }
        let asked = match end {
            Published::Busy(asked) => asked,
            _ => None,
        };
        let next = pacing.failed(now, asked, rand::random());
        let sentence = sentence(replies, &end);
        tracing::info!("{sentence}");
        if matches!(end, Published::Denied(_)) || pacing.failures() >= PROBLEM {
            *lock(&hub.notifier.deaf) = Some(sentence);
        }
        tokio::select! {
            () = hub.closing.cancelled() => return,
            () = tokio::time::sleep_until(next) => (),
        }
    }
}

fn sentence(replies: &Replies, end: &Published) -> String {
    let server = replies.topic.server();
    match end {
        Published::Taken => format!("ntfy at {server} no longer passes answers on"),
        Published::Busy(_) => {
            format!(
                "answers from the phone do not arrive: ntfy at {server} has had too many requests"
            )
        }
        Published::Away(why) => {
            format!("answers from the phone do not arrive: ntfy at {server}: {why}")
        }
        Published::Denied(why) | Published::Refused(why) => format!(
            "answers from the phone do not arrive: ntfy at {server}: {why}; check \
             notify.reply_topic and SWARM_NTFY_TOKEN"
        ),
    }
}

/// Takes answers over one connection. Returns how it ended.
async fn hear(hub: &Hub, replies: &Replies) -> Published {
    let mut cursor = match cursor(hub, replies).await {
        Ok(cursor) => cursor,
        Err(error) => return Published::Away(error.to_string()),
    };
    let mut heard = replies.topic.listen(cursor.time - OVERLAP);
    while let Some(heard) = heard.recv().await {
        match heard {
            Heard::Alive => *lock(&hub.notifier.deaf) = None,
            Heard::End(end) => return end,
            Heard::Message(message) if cursor.knows(&message) => (),
            Heard::Message(message) => match take(hub, &cursor, &message).await {
                Ok(after) => cursor = after,
                // It is read again over the next connection.
                Err(error) => {
                    return Published::Away(format!(
                        "an answer could not be written down: {error}"
                    ));
                }
            },
        }
    }
    Published::Away("the connection is over".into())
}

async fn cursor(hub: &Hub, replies: &Replies) -> ticket::Result<Cursor> {
    let fresh = Cursor::new(&replies.topic.address(), moment::now());
    let written = hub.database.read(|store| store.setting(CURSOR)).await?;
    let written: Option<Cursor> = written.and_then(|text| serde_json::from_str(&text).ok());
    if let Some(mut cursor) = written.filter(|cursor| cursor.topic == fresh.topic) {
        // It may have begun by a clock that was ahead; what is read again is known.
        cursor.time = cursor.time.min(fresh.time);
        return Ok(cursor);
    }
    // Written down at once: what comes in before the first answer and a restart is not lost.
    let text = text(&fresh)?;
    hub.database
        .call(move |store| store.set_setting(CURSOR, &text))
        .await?;
    Ok(fresh)
}

/// Does what one message says, if it is an answer. Returns how far the topic is read then.
async fn take(hub: &Hub, cursor: &Cursor, message: &Incoming) -> ticket::Result<Cursor> {
    let after = cursor.after(message);
    // What is no answer costs no write.
    let Some(reply) = Reply::parse(&message.message) else {
        return Ok(after);
    };
    let (ticket, text) = (reply.ticket, text(&after)?);
    let outcome = hub
        .database
        .call(move |store| {
            let outcome = store.reply(&reply, moment::now())?;
            store.set_setting(CURSOR, &text)?;
            Ok(outcome)
        })
        .await?;
    let (said, anew) = match outcome {
        Outcome::Done(action) => {
            tracing::info!("ticket {ticket}: {} by phone", action.as_str());
            return Ok(after);
        }
        Outcome::Unknown(false) => {
            tracing::info!("ticket {ticket}: an answer with a wrong code");
            return Ok(after);
        }
        Outcome::Unknown(true) => {
            let said =
                "Several answers with wrong codes came in, so that its buttons are void now. \
                        If they were not yours, take another reply topic."
                    .to_owned();
            (said, false)
        }
        Outcome::Refused(why) => (why.sentence(), why == Refused::Changed),
    };
    tracing::info!("ticket {ticket}: an answer was not taken: {said}");
    hub.notifier.was_not_taken(NotTaken { ticket, said, anew });
    Ok(after)
}

fn text(cursor: &Cursor) -> ticket::Result<String> {
    serde_json::to_string(cursor)
        .map_err(|e| Error::Invalid(format!("the cursor cannot be written down: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_knows_the_latest_messages_and_never_goes_back() {
        let mut cursor = Cursor::new("https://ntfy.sh/topic", 100);
        assert!(!text(&cursor).unwrap().contains("ntfy.sh"));
        let message = |n: i64| Incoming {
            id: format!("id{n}"),
            time: n,
            message: String::new(),
        };
        for n in 0..500 {
            cursor = cursor.after(&message(n));
        }
        cursor = cursor.after(&message(50));
        assert_eq!((cursor.time, cursor.known.len()), (499, KNOWN));
        assert!(cursor.knows(&message(50)) && cursor.knows(&message(499)));
        assert!(!cursor.knows(&message(100)));
    }
}
