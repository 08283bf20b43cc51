//! What the hub sets right at its start, while it holds its lock and nobody else writes: after a
//! kill at any moment, database and repository agree again. Git is the truth of what landed.

use anyhow::{Context, Result};
use git2::Oid;
use ticket::landing::LandingState;

use crate::database::Database;
use crate::git::repository::LandedCommit;
use crate::git::{Bare, leftovers};
use crate::lander::keeper;

/// The setting that holds the commit of main up to which the database was last seen to agree.
/// Trailers before it are not read: they may tell of tickets of another database.
const KNOWN_MAIN: &str = "known_main";

/// What was found and set right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Lock files and half-arrived objects that were removed.
    pub leftovers: usize,
    /// Tickets whose commit was on main while the database did not know.
    pub landed: Vec<i64>,
    /// Landings that were being verified and wait again.
    pub requeued: Vec<i64>,
    /// Attempts that were over and still had a branch.
    pub kept: usize,
}

/// Sets right what the last hub left. Call it once, before anything else uses either.
pub async fn run(bare: &Bare, database: &Database) -> Result<Repairs> {
    let path = bare.path().to_owned();
    let removed = tokio::task::spawn_blocking(move || leftovers::remove(&path))
        .await
        .context("the clean-up of the repository failed")??;
    for path in &removed {
        tracing::warn!("removed what a killed process left: {}", path.display());
    }
    let landed = record_landed(bare, database).await?;
    let requeued = requeue(database).await?;
    let kept = keeper::keep_ended(bare, database).await?;
    bare.call(|repository| repository.drop_candidates()).await?;
    let repairs = Repairs {
        leftovers: removed.len(),
        landed,
        requeued,
        kept,
    };
    if repairs != Repairs::default() {
        tracing::info!("set right at start: {repairs:?}");
    }
    Ok(repairs)
}

/// Finishes tickets whose commit is on main; returns them.
async fn record_landed(bare: &Bare, database: &Database) -> Result<Vec<i64>> {
    let known = database.read(|store| store.setting(KNOWN_MAIN)).await?;
    let head = bare.call(|repository| repository.head()).await?;
    let mut repaired = Vec::new();
    for landed in unknown(bare, known.as_deref()).await? {
        let LandedCommit {
            commit,
            ticket,
            attempt,
        } = landed;
        let commit = commit.to_string();
        let news = database
            .call(move |store| store.record_landed(ticket, attempt, &commit))
            .await?;
        if news {
            repaired.push(ticket);
        }
    }
    let head = head.to_string();
    if known.as_deref() != Some(&head) {
        database
            .call(move |store| store.set_setting(KNOWN_MAIN, &head))
            .await?;
    }
    Ok(repaired)
}

async fn unknown(bare: &Bare, known: Option<&str>) -> Result<Vec<LandedCommit>> {
    let Some(known) = known.and_then(|id| Oid::from_str(id).ok()) else {
        return Ok(Vec::new());
    };
    let landed = bare
        .call(move |repository| repository.landed_since(known))
        .await?;
    if landed.is_none() {
        tracing::warn!("main no longer holds {known}: what landed before is not looked at");
    }
    Ok(landed.unwrap_or_default())
}

/// Verifications ended with the last hub; what waited for one waits for its turn again.
async fn requeue(database: &Database) -> Result<Vec<i64>> {
    let requeued = database
        .call(|store| {
            let mut requeued = Vec::new();
            for landing in store.landing_queue()? {
                if landing.state == LandingState::Verifying {
                    store.landing_requeue(landing.id)?;
                    requeued.push(landing.id);
                }
            }
            Ok(requeued)
        })
        .await?;
    Ok(requeued)
}
