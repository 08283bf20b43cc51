//! A command line that cannot be used, as text or as JSON.

use std::ffi::OsStr;

use clap::error::ErrorKind;
use ticket::{exit, text};

use super::Format;
use crate::commands::complain;

/// Prints why the command line is refused, or the help that it asks for; returns the exit code.
pub fn refuse(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        let _ = error.print();
        return exit::OK;
    }
    let message = match error.kind() {
        ErrorKind::InvalidUtf8 => not_utf8(),
        _ => error.render().to_string(),
    };
    let message = text::plain(message.trim_start_matches("error: ").trim_end());
    match wanted_format() {
        // What clap adds below the sentence is for people.
        Format::Json => {
            let sentence = message.split("\n\n").next().unwrap_or_default();
            complain(Format::Json, "usage", &text::one_line(sentence));
        }
        Format::Text => complain(Format::Text, "usage", &message),
    }
    exit::USAGE
}

/// The format that was asked for, when the rest could not be read.
fn wanted_format() -> Format {
    let args: Vec<_> = std::env::args_os().collect();
    let pair = |two: &[std::ffi::OsString]| two[0] == "--format" && two[1] == "json";
    if args.windows(2).any(pair) || args.iter().any(|arg| arg == OsStr::new("--format=json")) {
        Format::Json
    } else {
        Format::Text
    }
}

fn not_utf8() -> String {
    let wrong = std::env::args_os().find(|arg| arg.to_str().is_none());
    let shown = wrong.map_or(String::new(), |arg| arg.to_string_lossy().into_owned());
    format!("the argument '{shown}' is not UTF-8 text: convert it first, as iconv does")
}
