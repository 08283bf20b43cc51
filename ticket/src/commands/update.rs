//! `ticket update`.

use ticket::Result;
use ticket::ticket::TicketChange;

use super::{say, text_or_stdin};
use crate::cli::Command;
use crate::door::Door;

pub fn run(door: &mut Door, command: Command) -> Result<u8> {
    let Command::Update {
        id,
        title,
        description,
        assign,
        status,
        kind,
        priority,
    } = command
    else {
        return Ok(ticket::exit::USAGE);
    };
    let change = TicketChange {
        title,
        description: description.as_deref().map(text_or_stdin).transpose()?,
        assign,
        status,
        kind,
        priority,
        ..TicketChange::default()
    };
    door.queue(|queue| queue.update(id, &change))?;
    say(&format!("Ticket {id} updated."))
}
