//! `ticket block` and `ticket unblock`.

use ticket::Result;

use super::print::changed;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, id: i64, by: i64) -> Result<u8> {
    door.queue(|queue| queue.block(id, by))?;
    let sentence = format!("Ticket {id} is now blocked by ticket {by}.");
    changed(door, format, id, &sentence)
}

pub fn unblock(door: &mut Door, format: Format, id: i64, by: i64) -> Result<u8> {
    door.queue(|queue| queue.unblock(id, by))?;
    let sentence = format!("Ticket {id} is no longer blocked by ticket {by}.");
    changed(door, format, id, &sentence)
}
