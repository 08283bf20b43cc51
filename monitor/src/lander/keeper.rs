//! Keeps what attempts pushed: when one is over, its branch becomes `refs/attempts/<ticket>/<n>` and
//! the attempt's row names the commit, so that the next attempt is told.

use std::time::Duration;

use anyhow::Result;
use git2::Oid;
use tokio_util::sync::CancellationToken;

use crate::database::Database;
use crate::git::Bare;
use crate::pace::Paced;

/// The events after which an attempt's branch may have to move.
const ENDINGS: [&str; 7] = [
    "attempt_ended",
    "settled",
    "lease_expired",
    "claimed",
    "landed",
    "bounced",
    "held",
];
/// How many rows of the activity log are read at once.
const PAGE: u32 = 100;
/// How late the branch of an ended attempt may be kept.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Keeps the branches of attempts as they end, until `closing`.
pub async fn run(bare: Bare, database: Database, closing: CancellationToken) {
    let mut events = Paced::new(database.last_event(), LONGEST_REST);
    let mut cursor = events.look();
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            changed = events.changed() => if changed.is_err() { return },
        }
        events.look();
        match ended_since(&database, cursor).await {
            Ok((last, ended)) => {
                cursor = last;
                if ended && let Err(error) = keep_ended(&bare, &database).await {
                    // The next ending, or the next start, tries again.
                    tracing::warn!("what ended attempts pushed was not kept: {error:#}");
                }
            }
            Err(error) => tracing::warn!("the activity log could not be read: {error}"),
        }
    }
}

/// Keeps the branches of all attempts that are over. Returns how many.
pub async fn keep_ended(bare: &Bare, database: &Database) -> Result<usize> {
    let branches = bare
        .call(|repository| repository.attempt_branches())
        .await?;
    let mut kept = 0;
    for (ticket, attempt) in branches {
        match standing(database, ticket, attempt).await? {
            Standing::Live => (),
            Standing::Unsettled => {
                let head = bare.call(move |r| r.attempt_head(ticket, attempt)).await?;
                record(database, ticket, attempt, head).await?;
            }
            Standing::Over => {
                let tip = bare.call(move |r| r.keep_attempt(ticket, attempt)).await?;
                record(database, ticket, attempt, tip).await?;
                kept += 1;
            }
        }
    }
    Ok(kept)
}

/// Whether an attempt's branch may still move.
enum Standing {
    Live,
    /// It ended by somebody else's hand: its last tree may still come.
    Unsettled,
    Over,
}

async fn standing(database: &Database, ticket: i64, attempt: i64) -> Result<Standing> {
    let standing = database
        .read(move |store| {
            match store.may_push(ticket, attempt) {
                Ok(()) => (),
                Err(ticket::Error::Stale(_) | ticket::Error::NotFound(_)) => {
                    return Ok(Standing::Over);
                }
                Err(error) => return Err(error),
            }
            let live = store.attempt(ticket, attempt)?.outcome.is_none();
            Ok(if live {
                Standing::Live
            } else {
                Standing::Unsettled
            })
        })
        .await?;
    Ok(standing)
}

async fn record(database: &Database, ticket: i64, attempt: i64, tip: Option<Oid>) -> Result<()> {
    let Some(tip) = tip.map(|tip| tip.to_string()) else {
        return Ok(());
    };
    database
        .call(move |store| match store.attempt(ticket, attempt) {
            Ok(row) if row.snapshot.as_deref() != Some(&tip) => {
                store.set_snapshot(ticket, attempt, &tip)
            }
            // A branch that no attempt of this database made is kept without a row.
            Ok(_) | Err(ticket::Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        })
        .await?;
    Ok(())
}

/// Whether an attempt may have ended after `cursor`, and the number of the last row.
async fn ended_since(database: &Database, cursor: i64) -> ticket::Result<(i64, bool)> {
    database
        .read(move |store| {
            let mut last = cursor;
            loop {
                let page = store.events_after(last, PAGE)?;
                let Some(newest) = page.last() else {
                    return Ok((last, false));
                };
                last = newest.id;
                if page.iter().any(|e| ENDINGS.contains(&e.action.as_str())) {
                    return Ok((store.last_event_id()?, true));
                }
            }
        })
        .await
}
