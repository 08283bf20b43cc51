//! One file per command; each returns the exit code.

mod approve;
mod block;
mod claim_next;
mod comment;
mod create;
mod finish;
mod list;
mod log;
mod migrate;
mod show;
mod update;

use std::io::Read;

use serde::Serialize;
use ticket::{Error, Result};

use crate::cli::{Cli, Command, Format};
use crate::door::Door;

/// Runs the command that was asked for.
pub fn run(cli: Cli) -> Result<u8> {
    if let Command::Migrate = cli.command {
        return migrate::run(cli.db.as_deref());
    }
    let door = &mut Door::open(cli.db.as_deref())?;
    match cli.command {
        Command::Migrate => Ok(ticket::exit::OK),
        create @ Command::Create { .. } => create::run(door, create),
        update @ Command::Update { .. } => update::run(door, update),
        Command::List {
            status,
            assigned_to,
            format,
        } => list::run(door, status, assigned_to, format),
        Command::Count { status } => list::count(door, status),
        Command::Show { id, format } => show::run(door, id, format),
        Command::ClaimNext { agent, format } => claim_next::run(door, &agent, format),
        Command::Comment { id, body, author } => comment::run(door, id, &body, author.as_deref()),
        Command::Comments { id, format } => comment::list(door, id, format),
        Command::Complete { id } => finish::complete(door, id),
        Command::MarkDone { id, resolution } => finish::mark_done(door, id, resolution),
        Command::Unclaim { id } => finish::unclaim(door, id),
        Command::Block { id, by } => block::run(door, id, by),
        Command::Unblock { id, by } => block::unblock(door, id, by),
        Command::Log { limit, format } => log::run(door, limit, format),
        Command::Answer { id, body } => approve::answer(door, id, &body),
        Command::Approve { id } => approve::run(door, id),
        Command::Reject { id, reason } => approve::reject(door, id, &reason),
    }
}

/// Prints `text`, or `value` as JSON.
fn print<T: Serialize>(format: Format, value: &T, text: impl FnOnce(&T) -> String) -> Result<u8> {
    match format {
        Format::Text => say(&text(value)),
        Format::Json => {
            say(&serde_json::to_string_pretty(value).map_err(|e| Error::Invalid(e.to_string()))?)
        }
    }
}

/// Prints one line.
fn say(line: &str) -> Result<u8> {
    use std::io::Write;
    writeln!(std::io::stdout(), "{line}")
        .map_err(|e| Error::Io("cannot write to standard output".into(), e))?;
    Ok(ticket::exit::OK)
}

/// The text itself, or standard input for `-`.
fn text_or_stdin(text: &str) -> Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut read = Vec::new();
    std::io::stdin()
        .take(ticket::ticket::MAX_TEXT as u64 + 1)
        .read_to_end(&mut read)
        .map_err(|e| Error::Io("cannot read standard input".into(), e))?;
    String::from_utf8(read).map_err(|_| Error::Invalid("standard input is not UTF-8 text".into()))
}
