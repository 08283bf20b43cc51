//! `ticket diff`: bytes as they are into a file or a pipe, safe text for a terminal.

use std::io::IsTerminal;

use ticket::printed::Patch;
use ticket::{Result, text};

use super::print::{print, raw, say};
use crate::cli::Format;
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, id: i64, attempt: Option<i64>) -> Result<u8> {
    let patch = door.queue(|queue| queue.diff(id, attempt))?;
    let on_terminal = std::io::stdout().is_terminal();
    match format {
        Format::Text if !on_terminal => raw(&patch),
        Format::Text if patch.is_empty() => say("No changes."),
        Format::Text => raw(text::patch(&patch, wants_colour()).as_bytes()),
        Format::Json => {
            let diff = String::from_utf8_lossy(&patch).into_owned();
            print(format, &Patch { diff }, |_| String::new())
        }
    }
}

/// By the convention that any value of `NO_COLOR` but an empty one turns colours off.
fn wants_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
