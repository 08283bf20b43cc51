//! How work on a ticket ends, and begins again: `ticket complete`, `mark-done`, `cancel`, `unclaim`,
//! `retry`, `reopen`.

use ticket::Result;
use ticket::printed::Made;
use ticket::ticket::Resolution;

use super::print::{changed, print};
use super::stdin::text_or_stdin;
use crate::cli::Format;
use crate::door::Door;

pub fn complete(door: &mut Door, format: Format, id: i64, no_change: Option<&str>) -> Result<u8> {
    if let Some(reason) = no_change {
        door.queue(|queue| queue.no_change(id, reason))?;
        return changed(
            door,
            format,
            id,
            &format!("Ticket {id} waits for the human."),
        );
    }
    door.queue(|queue| queue.complete(id))?;
    changed(door, format, id, &format!("Ticket {id} work complete."))
}

pub fn mark_done(
    door: &mut Door,
    format: Format,
    id: i64,
    resolution: Option<Resolution>,
) -> Result<u8> {
    door.queue(|queue| queue.mark_done(id, resolution))?;
    changed(door, format, id, &format!("Ticket {id} done."))
}

pub fn unclaim(door: &mut Door, format: Format, id: i64) -> Result<u8> {
    door.queue(|queue| queue.unclaim(id))?;
    changed(door, format, id, &format!("Ticket {id} unclaimed."))
}

pub fn retry(door: &mut Door, format: Format, id: i64) -> Result<u8> {
    door.queue(|queue| queue.retry(id))?;
    changed(
        door,
        format,
        id,
        &format!("Ticket {id} will be tried again."),
    )
}

pub fn cancel(door: &mut Door, format: Format, id: i64, reason: Option<&str>) -> Result<u8> {
    let reason = reason.map(text_or_stdin).transpose()?;
    door.queue(|queue| queue.cancel(id, reason.as_deref()))?;
    changed(door, format, id, &format!("Ticket {id} cancelled."))
}

pub fn reopen(door: &mut Door, format: Format, id: i64, reason: &str) -> Result<u8> {
    let reason = text_or_stdin(reason)?;
    let id = door.queue(|queue| queue.reopen(id, &reason))?;
    print(format, &Made { id }, |made| made.id.to_string())
}
