//! `ticket list` and `ticket count`.

use ticket::filter::Filter;
use ticket::{Result, text};

use super::{print, say};
use crate::cli::Format;
use crate::door::Door;

pub fn run(
    door: &mut Door,
    status: Option<String>,
    assigned_to: Option<String>,
    format: Format,
) -> Result<u8> {
    let filter = Filter {
        status,
        assigned_to,
        ..Filter::default()
    };
    let tickets = door.queue(|queue| queue.list(&filter))?;
    print(format, &tickets, |tickets| text::table(tickets))
}

pub fn count(door: &mut Door, status: Option<String>) -> Result<u8> {
    let filter = Filter {
        status,
        ..Filter::default()
    };
    let number = door.queue(|queue| queue.count(&filter))?;
    say(&number.to_string())
}
