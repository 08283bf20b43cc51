//! Looks at what is so, and writes down for every way what is worth telling there.

use std::time::Duration;

use swarm::channel::Channel;
use ticket::notice::{Change, NewNotice};
use ticket::{Error, moment};

use super::news::{Facts, Memory, NotTaken};
use super::{Line, lock};
use crate::hub::{Hub, Shared};
use crate::pace::Paced;

/// How often to look when nothing happens: some things become worth telling by lasting.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How late a look may be where a lot happens.
const LONGEST_REST: Duration = Duration::from_secs(2);
/// What takes the place of a secret.
const HIDDEN: &str = "…";

/// Writes down what is worth telling, until the hub ends.
pub async fn watch(hub: Shared) {
    if let Err(error) = close_unused(&hub).await {
        tracing::warn!("the outbox was not closed: {error}");
    }
    if hub.notifier.lines.is_empty() {
        return;
    }
    let mut events = Paced::new(hub.database.last_event(), LONGEST_REST);
    loop {
        events.look();
        if let Err(error) = look(&hub).await {
            tracing::warn!("nobody could be told what happened: {error}");
        }
        tokio::select! {
            () = hub.closing.cancelled() => return,
            _ = events.changed() => (),
            () = hub.notifier.heard.notified() => (),
            () = tokio::time::sleep(LOOK_EVERY) => (),
        }
    }
}

/// What waits for a way that is no longer set is not sent when it is set again.
async fn close_unused(hub: &Hub) -> ticket::Result<()> {
    let used: Vec<&str> = hub
        .notifier
        .lines
        .iter()
        .map(|l| l.channel.name())
        .collect();
    let unused = Channel::NAMES
        .into_iter()
        .filter(|name| !used.contains(name));
    for name in unused {
        hub.database
            .call(move |store| store.outbox_close(name, moment::now()))
            .await?;
    }
    Ok(())
}

/// One look for all ways.
async fn look(hub: &Hub) -> ticket::Result<()> {
    let problems = hub.fleet.seen().problems.into_iter();
    let problems = problems.map(|p| (p.about, p.said)).collect();
    let login_ends_at = hub.login.ends_at();
    let names: Vec<&str> = hub
        .notifier
        .lines
        .iter()
        .map(|l| l.channel.name())
        .collect();
    let (memories, facts) = hub
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
                not_taken: Vec::new(),
            };
            let memories = names.iter().map(|name| store.outbox_memory(name));
            Ok((memories.collect::<ticket::Result<Vec<_>>>()?, facts))
        })
        .await?;
    for (line, written) in hub.notifier.lines.iter().zip(memories) {
        let mut facts = facts.clone();
        if hub.notifier.replies_to(line).is_some() {
            facts.not_taken = lock(&hub.notifier.not_taken).clone();
        }
        let taken = take(hub, line, written, &facts).await?;
        if taken {
            forget(hub, &facts.not_taken);
        }
    }
    Ok(())
}

/// What was told of answers needs no telling again.
fn forget(hub: &Hub, told: &[NotTaken]) {
    let mut waiting = lock(&hub.notifier.not_taken);
    let told = told.len().min(waiting.len());
    waiting.drain(..told);
}

/// Puts what is worth telling there into the outbox of one way. False: somebody else did meanwhile.
async fn take(
    hub: &Hub,
    line: &Line,
    written: Option<String>,
    facts: &Facts,
) -> ticket::Result<bool> {
    // What an other version wrote down may not be readable: then this is the first look.
    let known = written
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    let before = known.unwrap_or_else(|| Memory::first(facts));
    let (after, mut changes) = before.look(facts);
    let after = serde_json::to_string(&after)
        .map_err(|e| Error::Invalid(format!("the memory cannot be written down: {e}")))?;
    if written.as_ref() == Some(&after) && changes.is_empty() {
        return Ok(true);
    }
    let wanted = &hub.config().notify.events;
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
    let name = line.channel.name();
    let taken = hub
        .database
        .call(move |store| {
            let before = written.as_deref();
            store.outbox_take(name, before, &after, &changes, moment::now())
        })
        .await?;
    if taken && changed {
        line.filled.notify_one();
    }
    Ok(taken)
}

/// Everything that must not be in a message, whoever wrote it there.
async fn secrets(hub: &Hub) -> Vec<String> {
    let project = hub.project.clone();
    let read = tokio::task::spawn_blocking(move || {
        let credentials = swarm::credentials::Credentials::read(&project).unwrap_or_default();
        let kept = swarm::channel::secret::all(&project);
        let values = credentials.values().values().cloned();
        values.chain(kept).filter(|s| !s.is_empty()).collect()
    });
    read.await.unwrap_or_default()
}

fn hide(notice: &mut NewNotice, secrets: &[String]) {
    for secret in secrets {
        notice.title = notice.title.replace(secret, HIDDEN);
        notice.body = notice.body.replace(secret, HIDDEN);
    }
}
