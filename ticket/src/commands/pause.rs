//! Claims withheld for a while: `ticket pause`, `ticket drain`, `ticket resume`, `ticket paused`.

use ticket::printed::{Paused, Resumed};
use ticket::{Result, text};

use super::print::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, reason: &str) -> Result<u8> {
    door.queue(|queue| queue.pause(reason))?;
    let paused = Some(reason.to_owned());
    print(format, &Paused { paused }, |_| {
        "Claims are withheld until 'ticket resume'; agents of a running swarm stand still.".into()
    })
}

pub fn drain(door: &mut Door, format: Format, reason: &str) -> Result<u8> {
    door.queue(|queue| queue.drain(reason))?;
    let paused = Some(reason.to_owned());
    print(format, &Paused { paused }, |_| {
        "Claims are withheld until 'ticket resume'; what runs is finished.".into()
    })
}

pub fn resume(door: &mut Door, format: Format) -> Result<u8> {
    let resumed = door.queue(|queue| queue.resume())?;
    print(format, &Resumed { resumed }, |_| match resumed {
        true => "Claims go on.".into(),
        false => "Claims were not withheld.".into(),
    })
}

pub fn state(door: &mut Door, format: Format) -> Result<u8> {
    let paused = door.queue(|queue| queue.paused())?;
    print(format, &Paused { paused }, |state| match &state.paused {
        Some(reason) => format!("Claims are withheld: {}", text::one_line(reason)),
        None => "Claims are not withheld.".into(),
    })
}
