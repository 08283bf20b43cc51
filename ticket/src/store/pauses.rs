//! Claims withheld: while a reason is set, nobody claims or proposes anything. What runs is finished, or
//! stands still where the human said so.

use super::{Store, Write, events, settings};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::ticket::check_title;

/// The setting that holds the reason; the claim looks for it.
pub const KEY: &str = "claims_paused";
/// The setting that is there while what runs stands still.
const FROZEN: &str = "work_frozen";

/// What becomes of the work under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// It stands still.
    Freezes,
    /// It is finished.
    GoesOn,
}

/// Withholds claims. A second time changes the reason, and what becomes of running work.
pub fn begin(tx: &Write<'_>, actor: &Actor, reason: &str, running: Running) -> Result<()> {
    check_title(reason).map_err(|_| {
        Error::Invalid("the reason of a pause is one line of text, not an empty one".into())
    })?;
    settings::set(tx, KEY, reason)?;
    let action = match running {
        Running::Freezes => {
            settings::set(tx, FROZEN, "yes")?;
            "paused"
        }
        Running::GoesOn => {
            settings::remove(tx, FROZEN)?;
            "draining"
        }
    };
    events::append(tx, actor, None, action, Some(reason))
}

/// Lets claims happen again and work go on; returns false when claims were not withheld.
pub fn end(tx: &Write<'_>, actor: &Actor) -> Result<bool> {
    let ended = settings::remove(tx, KEY)?;
    settings::remove(tx, FROZEN)?;
    if ended {
        events::append(tx, actor, None, "resumed", None)?;
    }
    Ok(ended)
}

impl Store {
    /// Whether running work is to stand still.
    pub fn is_frozen(&self) -> Result<bool> {
        Ok(self.setting(FROZEN)?.is_some())
    }
}
