//! What only the human says: `ticket answer`, `ticket approve`, `ticket reject`.

use ticket::Result;

use super::{say, text_or_stdin};
use crate::door::Door;

pub fn answer(door: &mut Door, id: i64, body: &str) -> Result<u8> {
    let body = text_or_stdin(body)?;
    door.queue(|queue| queue.answer(id, &body))?;
    say(&format!("Ticket {id} answered."))
}

pub fn run(door: &mut Door, id: i64) -> Result<u8> {
    door.queue(|queue| queue.approve(id))?;
    say(&format!("Ticket {id} approved."))
}

pub fn reject(door: &mut Door, id: i64, reason: &str) -> Result<u8> {
    let reason = text_or_stdin(reason)?;
    door.queue(|queue| queue.reject(id, &reason))?;
    say(&format!("Ticket {id} rejected."))
}
