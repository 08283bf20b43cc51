//! `ticket claim-next`.

use ticket::filter::ClaimFilter;
use ticket::{Result, text};

use super::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, agent: &str, format: Format) -> Result<u8> {
    match door.queue(|queue| queue.claim_next(agent, &ClaimFilter::default()))? {
        None => Ok(ticket::exit::REFUSED),
        Some(claimed) => print(format, &claimed, |claimed| text::detail(&claimed.detail)),
    }
}
