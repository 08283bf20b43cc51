//! Claims withheld: while a reason is set, nobody claims or proposes anything. What runs goes on.

use super::{Write, events, settings};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::ticket::check_title;

/// The setting that holds the reason; the claim looks for it.
pub const KEY: &str = "claims_paused";

/// Withholds claims. A second pause only changes the reason.
pub fn begin(tx: &Write<'_>, actor: &Actor, reason: &str) -> Result<()> {
    check_title(reason).map_err(|_| {
        Error::Invalid("the reason of a pause is one line of text, not an empty one".into())
    })?;
    settings::set(tx, KEY, reason)?;
    events::append(tx, actor, None, "paused", Some(reason))
}

/// Lets claims happen again; returns false when they were not withheld.
pub fn end(tx: &Write<'_>, actor: &Actor) -> Result<bool> {
    let ended = settings::remove(tx, KEY)?;
    if ended {
        events::append(tx, actor, None, "resumed", None)?;
    }
    Ok(ended)
}
