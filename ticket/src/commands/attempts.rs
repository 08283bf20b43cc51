//! `ticket attempts`.

use ticket::{Result, text};

use super::print::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, id: i64) -> Result<u8> {
    let attempts = door.queue(|queue| queue.attempts(id))?;
    print(format, &attempts, |attempts| text::attempts(attempts))
}
