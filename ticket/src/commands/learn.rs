//! `ticket learn` and `ticket learnings`.

use ticket::learning::{LearningFilter, NewLearning};
use ticket::printed::Made;
use ticket::{Result, text};

use super::print::print;
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, new: &NewLearning) -> Result<u8> {
    let id = door.queue(|queue| queue.learn(new))?;
    print(format, &Made { id }, |_| format!("Learning {id} kept."))
}

pub fn list(door: &mut Door, format: Format, filter: &LearningFilter) -> Result<u8> {
    let learnings = door.queue(|queue| queue.learnings(filter))?;
    print(format, &learnings, |learnings| text::learnings(learnings))
}
