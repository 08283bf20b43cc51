//! `ticket log`.

use ticket::filter::LogFilter;
use ticket::{Result, text};

use super::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, limit: u32, format: Format) -> Result<u8> {
    let filter = LogFilter {
        limit: Some(limit),
        ticket: None,
    };
    let events = door.queue(|queue| queue.log(&filter))?;
    print(format, &events, |events| text::log(events))
}
