//! `ticket log`.

use ticket::{Result, text};

use super::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, limit: u32, format: Format) -> Result<u8> {
    let events = door.queue(|queue| queue.log(limit))?;
    print(format, &events, |events| text::log(events))
}
