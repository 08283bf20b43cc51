//! `ticket prompt`: the prompt on standard output, what is to be known about it on standard error.

use std::io::Write;

use ticket::prompt::{Preview, Wanted};
use ticket::{Result, text};

use super::print::{print, raw};
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, wanted: &Wanted) -> Result<u8> {
    let preview = door.queue(|queue| queue.prompt(wanted))?;
    match format {
        Format::Json => print(format, &preview, |_| String::new()),
        Format::Text => {
            note(&preview);
            raw(preview.text.as_bytes())
        }
    }
}

fn note(preview: &Preview) {
    for line in preview.withheld.iter().chain(&preview.notes) {
        // With standard error closed there is nobody left to tell.
        let _ = writeln!(std::io::stderr(), "ticket: {}", text::one_line(line));
    }
}
