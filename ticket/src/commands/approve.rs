//! What only the human says: `ticket answer`, `approve`, `reject`, `pass`, `fail`.

use ticket::Result;
use ticket::printed::FailedCheck;
use ticket::wire::Failed;

use super::print::{changed, print, say};
use super::stdin::text_or_stdin;
use crate::cli::Format;
use crate::door::Door;

pub fn answer(door: &mut Door, format: Format, id: i64, body: &str) -> Result<u8> {
    let body = text_or_stdin(body)?;
    door.queue(|queue| queue.answer(id, &body))?;
    changed(door, format, id, &format!("Ticket {id} answered."))
}

pub fn run(door: &mut Door, format: Format, id: i64) -> Result<u8> {
    door.queue(|queue| queue.approve(id))?;
    changed(door, format, id, &format!("Ticket {id} approved."))
}

pub fn reject(door: &mut Door, format: Format, id: i64, reason: &str) -> Result<u8> {
    let reason = text_or_stdin(reason)?;
    door.queue(|queue| queue.reject(id, &reason))?;
    changed(door, format, id, &format!("Ticket {id} rejected."))
}

pub fn pass(door: &mut Door, format: Format, id: i64, comment: Option<&str>) -> Result<u8> {
    let comment = comment.map(text_or_stdin).transpose()?;
    door.queue(|queue| queue.pass(id, comment.as_deref()))?;
    changed(door, format, id, &format!("Ticket {id} passed."))
}

pub fn fail(door: &mut Door, format: Format, id: i64, reason: &str) -> Result<u8> {
    let reason = text_or_stdin(reason)?;
    let failed = door.queue(|queue| queue.fail(id, &reason))?;
    let Failed { fix, verify } = failed;
    if format == Format::Text {
        return say(&format!(
            "Ticket {id} failed: ticket {fix} is to fix it, ticket {verify} to check again."
        ));
    }
    let ticket = door.queue(|queue| queue.show(id))?.ticket;
    print(format, &FailedCheck { ticket, failed }, |_| String::new())
}
