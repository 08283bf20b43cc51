//! `ticket log`, once or as it grows.

use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ticket::event::Event;
use ticket::filter::LogFilter;
use ticket::{Error, Result, text};

use super::print::{print, say};
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, filter: &LogFilter) -> Result<u8> {
    let events = door.queue(|queue| queue.log(filter))?;
    print(format, &events, |events| text::log(events))
}

/// The last rows, oldest first, then each as it comes; one line each.
pub fn follow(door: &mut Door, format: Format, filter: &LogFilter) -> Result<u8> {
    end_with_the_reader();
    door.stay();
    let newest = door.queue(|queue| queue.log(&LogFilter::newest()))?;
    let newest = newest.first().map_or(0, |event| event.id);
    let mut last = door.queue(|queue| queue.log(filter))?;
    last.retain(|event| event.id <= newest);
    for event in last.iter().rev() {
        line(format, event)?;
    }
    door.queue(|queue| {
        queue.follow(Some(newest), &mut |event| {
            if filter.takes(event) {
                line(format, event)?;
            }
            Ok(())
        })
    })?;
    Ok(ticket::exit::OK)
}

fn line(format: Format, event: &Event) -> Result<()> {
    let line = match format {
        Format::Text => text::event(event),
        Format::Json => serde_json::to_string(event).map_err(|e| Error::Invalid(e.to_string()))?,
    };
    say(&line).map(drop)
}

/// Ends the program when whoever reads its output is gone, also while there is nothing to print.
fn end_with_the_reader() {
    std::thread::spawn(|| {
        let stdout = std::io::stdout();
        let mut gone = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        while poll(&mut gone, PollTimeout::NONE).is_ok() {
            if gone[0].any().unwrap_or(true) {
                std::process::exit(ticket::exit::OK.into());
            }
        }
    });
}
