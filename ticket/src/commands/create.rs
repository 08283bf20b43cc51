//! `ticket create`.

use ticket::Result;
use ticket::ticket::NewTicket;

use super::{say, text_or_stdin};
use crate::cli::Command;
use crate::door::Door;

pub fn run(door: &mut Door, command: Command) -> Result<u8> {
    let Command::Create {
        title,
        description,
        parent,
        assign,
        blocked_by,
        block_dependents_of,
        created_by,
        kind,
        priority,
    } = command
    else {
        return Ok(ticket::exit::USAGE);
    };
    let new = NewTicket {
        title,
        description: description.as_deref().map(text_or_stdin).transpose()?,
        parent,
        assign,
        blocked_by,
        block_dependents_of,
        created_by,
        kind,
        priority,
        ..NewTicket::default()
    };
    let id = door.queue(|queue| queue.create(&new))?;
    say(&id.to_string())
}
