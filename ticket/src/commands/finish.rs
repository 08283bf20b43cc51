//! How work on a ticket ends: `ticket complete`, `ticket mark-done`, `ticket unclaim`.

use ticket::Result;
use ticket::ticket::Resolution;

use super::say;
use crate::door::Door;

pub fn complete(door: &mut Door, id: i64) -> Result<u8> {
    door.queue(|queue| queue.complete(id))?;
    say(&format!("Ticket {id} work complete."))
}

pub fn mark_done(door: &mut Door, id: i64, resolution: Option<Resolution>) -> Result<u8> {
    door.queue(|queue| queue.mark_done(id, resolution))?;
    say(&format!("Ticket {id} done."))
}

pub fn unclaim(door: &mut Door, id: i64) -> Result<u8> {
    door.queue(|queue| queue.unclaim(id))?;
    say(&format!("Ticket {id} unclaimed."))
}
