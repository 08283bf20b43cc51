//! `ticket show`.

use ticket::{Result, text};

use super::print::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, id: i64) -> Result<u8> {
    let detail = door.queue(|queue| queue.show(id))?;
    print(format, &detail, text::detail)
}
