//! How work on a ticket ends: `ticket complete`, `ticket mark-done`, `ticket unclaim`.

use ticket::Result;
use ticket::ticket::Resolution;

use super::print::changed;
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
