//! `ticket search`.

use ticket::filter::Search;
use ticket::{Result, text};

use super::print::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, search: &Search) -> Result<u8> {
    let hits = door.queue(|queue| queue.search(search))?;
    print(format, &hits, |hits| text::hits(hits))
}
