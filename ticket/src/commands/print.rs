//! Data on standard output, refusals on standard error; both as text or as JSON.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use ticket::wire::{ErrorBody, ErrorDetail};
use ticket::{Error, Result, text};

use crate::cli::Format;
use crate::door::Door;

/// Prints `text`, or `value` as JSON.
pub fn print<T: Serialize + ?Sized>(
    format: Format,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<u8> {
    match format {
        Format::Text => say(&text(value)),
        Format::Json => {
            say(&serde_json::to_string_pretty(value).map_err(|e| Error::Invalid(e.to_string()))?)
        }
    }
}

/// Says what happened to a ticket, or prints that ticket as JSON.
pub fn changed(door: &mut Door, format: Format, id: i64, sentence: &str) -> Result<u8> {
    match format {
        Format::Text => say(sentence),
        Format::Json => {
            let detail = door.queue(|queue| queue.show(id))?;
            print(format, &detail.ticket, |_| sentence.to_owned())
        }
    }
}

/// Tells a person that something may take a while.
pub fn meanwhile(what: &str) {
    if std::io::stderr().is_terminal() {
        eprintln!("{what}");
    }
}

/// Prints one line.
pub fn say(line: &str) -> Result<u8> {
    raw(&[line.as_bytes(), b"\n"].concat())
}

/// Prints bytes as they are.
pub fn raw(bytes: &[u8]) -> Result<u8> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|e| Error::Io("cannot write to standard output".into(), e))?;
    Ok(ticket::exit::OK)
}

/// Says why a command failed; returns its exit code.
pub fn fail(format: Format, error: &Error) -> u8 {
    complain(format, error.kind(), &text::plain(&error.to_string()));
    error.exit_code()
}

/// Prints a refusal.
pub fn complain(format: Format, kind: &str, message: &str) {
    let line = match format {
        Format::Text => format!("ticket: {message}\n"),
        Format::Json => {
            let error = ErrorDetail {
                kind: kind.to_owned(),
                message: message.to_owned(),
            };
            let body = serde_json::to_string(&ErrorBody { error });
            format!("{}\n", body.unwrap_or_default())
        }
    };
    // With standard error closed there is nobody left to tell.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
