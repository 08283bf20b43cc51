//! `ticket claim-next`.

use ticket::filter::ClaimFilter;
use ticket::{Result, text};

use super::print::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, agent: &str, filter: &ClaimFilter) -> Result<u8> {
    match door.queue(|queue| queue.claim_next(agent, filter))? {
        None => Ok(ticket::exit::REFUSED),
        Some(claimed) => print(format, &claimed, |claimed| text::detail(&claimed.detail)),
    }
}
