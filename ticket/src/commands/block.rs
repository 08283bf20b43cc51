//! `ticket block` and `ticket unblock`.

use ticket::Result;

use super::say;
use crate::door::Door;

pub fn run(door: &mut Door, id: i64, by: i64) -> Result<u8> {
    door.queue(|queue| queue.block(id, by))?;
    say(&format!("Ticket {id} is now blocked by ticket {by}."))
}

pub fn unblock(door: &mut Door, id: i64, by: i64) -> Result<u8> {
    door.queue(|queue| queue.unblock(id, by))?;
    say(&format!("Ticket {id} is no longer blocked by ticket {by}."))
}
