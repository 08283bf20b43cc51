//! `swarm logs --session` and `--ticket`: what an agent CLI was asked and what it did, from the hub as
//! it happens, from the files when no hub runs.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Result, bail};
use swarm::Project;
use swarm::follow::{RETRY, TRIES, TRIES_AFTER_LEAVE};
use swarm::hub::hub_file;
use swarm::transcripts::Folder;
use ticket::Error;
use ticket::client::Client;
use ticket::text::plain;
use ticket::transcript::{Entry, Form, Of, Piece, Wanted};

use crate::cli::Logs;

/// How long the hub may keep a question open, in seconds.
const WAIT: u64 = 20;
/// How much is read at once from a file.
const PIECE: usize = 1 << 20;

pub fn run(project: &Project, arguments: &Logs) -> Result<()> {
    let wanted = Wanted {
        agent: arguments.service.clone(),
        ticket: arguments.ticket,
        attempt: arguments.attempt,
        run: arguments.run,
        after: None,
    };
    let source = Source {
        project: project.clone(),
    };
    let form = match arguments.raw {
        true => Form::Raw,
        false => Form::Text,
    };
    let mut printer = Printer::new(form, arguments.tail);
    let newest = source.list(&wanted, 0)?.into_iter().next();
    let mut current = match (newest, arguments.follow) {
        (Some(entry), _) => entry,
        (None, false) => bail!(nothing(&source.list(&Wanted::default(), 0)?, &wanted)),
        (None, true) => match next(&source, &wanted)? {
            Some(entry) => entry,
            None => return Ok(()),
        },
    };
    loop {
        let whole = show(&source, &current, form, arguments.follow, &mut printer)?;
        let later = Wanted {
            after: Some(current.id),
            ..wanted.clone()
        };
        let goes_on = whole && arguments.follow && arguments.run.is_none();
        match goes_on.then(|| next(&source, &later)).transpose()? {
            Some(Some(entry)) => current = entry,
            _ => return Ok(()),
        }
    }
}

/// Prints a run to its end, or to where it is now. False when the swarm was stopped before its end.
fn show(
    source: &Source,
    entry: &Entry,
    form: Form,
    follow: bool,
    printer: &mut Printer,
) -> Result<bool> {
    let mut offset = 0;
    loop {
        let caught_up = follow && printer.has_caught_up();
        let wait = if caught_up { WAIT } else { 0 };
        let piece = match follow {
            true => {
                let read = || source.read(entry, form, offset, wait);
                patiently(source, read, |piece| {
                    piece.is_last || !piece.bytes.is_empty()
                })?
            }
            false => Some(source.read(entry, form, offset, wait)?),
        };
        let Some(Piece { bytes, is_last }) = piece else {
            printer.finish()?;
            return Ok(false);
        };
        offset += u64::try_from(bytes.len())?;
        printer.print(&bytes)?;
        if is_last || (bytes.is_empty() && !follow) {
            printer.finish()?;
            return Ok(true);
        }
        if bytes.is_empty() {
            printer.catch_up()?;
        }
    }
}

/// The first run that is wanted and not there yet. None when the swarm was stopped.
fn next(source: &Source, wanted: &Wanted) -> Result<Option<Entry>> {
    loop {
        let list = || source.list(wanted, WAIT);
        let listed = patiently(source, list, |entries| !entries.is_empty())?;
        match listed.map(|mut entries| entries.pop()) {
            None => return Ok(None),
            Some(Some(oldest)) => return Ok(Some(oldest)),
            Some(None) => {}
        }
    }
}

/// Asks until there is an answer: of a hub, or of the files one that `tells` something. None when the
/// swarm was stopped.
fn patiently<T>(
    source: &Source,
    ask: impl Fn() -> ticket::Result<T>,
    tells: impl Fn(&T) -> bool,
) -> Result<Option<T>> {
    let mut tries = 0;
    loop {
        match ask() {
            Err(Error::Unavailable(_)) if tries < TRIES => tries += 1,
            Ok(answer) if source.has_hub() || tells(&answer) => return Ok(Some(answer)),
            // Files do not grow without a hub; it may be back in a moment.
            Ok(_) if tries < TRIES_AFTER_LEAVE => tries += 1,
            Ok(_) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        std::thread::sleep(RETRY);
    }
}

/// Where transcripts come from: the hub while one runs, else the files.
struct Source {
    project: Project,
}

impl Source {
    fn has_hub(&self) -> bool {
        hub_file(&self.project).is_some()
    }

    fn hub(&self) -> ticket::Result<Option<Client>> {
        hub_file(&self.project)
            .map(|file| Client::new(&file.url, &file.token))
            .transpose()
    }

    /// Newest first; the hub waits for the first so many seconds.
    fn list(&self, wanted: &Wanted, wait: u64) -> ticket::Result<Vec<Entry>> {
        if let Some(hub) = self.hub()? {
            return hub.transcripts(wanted, wait);
        }
        let folder = Folder::of(&self.project);
        let entries = folder.entries().map_err(|e| unreadable(&folder, e))?;
        let entries = entries.into_iter().rev();
        Ok(entries.filter(|entry| wanted.fits(entry)).collect())
    }

    fn read(&self, entry: &Entry, form: Form, offset: u64, wait: u64) -> ticket::Result<Piece> {
        if let Some(hub) = self.hub()? {
            return hub.transcript(entry.id, form, offset, wait);
        }
        let folder = Folder::of(&self.project);
        let read = folder.read(&entry.key, form, offset, PIECE);
        let bytes = read.map_err(|e| unreadable(&folder, e))?;
        let now = folder.entries().map_err(|e| unreadable(&folder, e))?;
        let is_open = now.iter().any(|e| e.id == entry.id && e.is_open());
        Ok(Piece {
            is_last: bytes.is_empty() && !is_open,
            bytes,
        })
    }
}

fn unreadable(folder: &Folder, error: std::io::Error) -> Error {
    let place = folder.path().display();
    Error::Io(format!("the transcripts in {place} cannot be read"), error)
}

/// Prints whole lines, of a run that is longer than wanted the last ones.
struct Printer {
    form: Form,
    tail: Option<usize>,
    /// The last lines, while more may be there.
    held: VecDeque<String>,
    holds: bool,
    /// A line whose end has not come.
    part: Vec<u8>,
    to_terminal: bool,
    coloured: bool,
}

impl Printer {
    fn new(form: Form, tail: Option<u64>) -> Printer {
        let to_terminal = std::io::stdout().is_terminal();
        let colour = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
        Printer {
            form,
            tail: tail.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX)),
            held: VecDeque::new(),
            holds: tail.is_some(),
            part: Vec::new(),
            to_terminal,
            coloured: colour && form == Form::Text,
        }
    }

    fn print(&mut self, bytes: &[u8]) -> Result<()> {
        let mut out = String::new();
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            self.part.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.part);
                self.take(&line, &mut out);
            }
        }
        write(&out)
    }

    fn take(&mut self, line: &[u8], out: &mut String) {
        let line = String::from_utf8_lossy(line);
        // JSONL for another program is passed on as it is.
        let line = match (self.form, self.to_terminal) {
            (Form::Raw, false) => line.into_owned(),
            _ => plain(&line),
        };
        let line = if self.coloured { painted(&line) } else { line };
        match self.tail.filter(|_| self.holds) {
            Some(tail) => {
                self.held.push_back(line);
                while self.held.len() > tail {
                    self.held.pop_front();
                }
            }
            None => *out += &line,
        }
    }

    fn has_caught_up(&self) -> bool {
        !self.holds
    }

    /// This is all that is there at present.
    fn catch_up(&mut self) -> Result<()> {
        self.holds = false;
        write(&self.held.drain(..).collect::<String>())
    }

    /// The run is over.
    fn finish(&mut self) -> Result<()> {
        if !self.part.is_empty() {
            self.print(b"\n")?;
        }
        self.catch_up()
    }
}

fn write(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const CYAN: &str = "\x1b[36m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// A line with the colour of what it tells. What agents wrote stands in and gets none.
fn painted(line: &str) -> String {
    let mark = line.get(9..).unwrap_or_default().trim_start();
    let word = mark.split(' ').next().unwrap_or_default();
    let colour = match line {
        _ if line.starts_with("=== ") => BOLD,
        _ if !line.starts_with(|c: char| c.is_ascii_digit()) => return line.to_owned(),
        _ if mark.starts_with("error:") || mark.starts_with("limit:") => RED,
        _ if word == "stderr:" => RED,
        _ if word == "calls" => CYAN,
        _ if matches!(word, "note:" | "turn:" | "thinks:") => DIM,
        _ => return line.to_owned(),
    };
    format!("{colour}{}{PLAIN}\n", line.trim_end_matches('\n'))
}

/// Why there is nothing to show, and what there is.
fn nothing(all: &[Entry], wanted: &Wanted) -> String {
    let kept = |what: &str, mut names: Vec<String>| {
        names.sort();
        names.dedup();
        match names.is_empty() {
            true => String::new(),
            false => format!(": there are {what} {}", names.join(", ")),
        }
    };
    let fits = |wanted: Wanted| all.iter().filter(move |entry| wanted.fits(entry));
    if let Some(ticket) = wanted.ticket {
        let of_ticket = Wanted {
            ticket: Some(ticket),
            ..Wanted::default()
        };
        let runs = fits(of_ticket).map(|entry| match entry.key.of {
            Of::Attempt { attempt, .. } => format!("{attempt}/{}", entry.key.run),
            Of::Proposal { .. } => String::new(),
        });
        let there = kept("attempt/run", runs.collect());
        return match there.is_empty() {
            true => {
                format!("ticket {ticket} has no session: no agent CLI ran, or it was too long ago")
            }
            false => format!("ticket {ticket} has no such session{there}"),
        };
    }
    let agent = wanted.agent.as_deref().unwrap_or_default();
    let there = kept("those of", all.iter().map(|e| e.agent.clone()).collect());
    format!("'{agent}' has no session{there}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_of_ours_are_painted() {
        for (line, expected) in [
            (
                "=== end: completed\n",
                "\u{1b}[1m=== end: completed\u{1b}[0m\n",
            ),
            (
                "10:00:00 calls Bash: $ ls\n",
                "\u{1b}[36m10:00:00 calls Bash: $ ls\u{1b}[0m\n",
            ),
            (
                "10:00:00     calls X:\n",
                "\u{1b}[36m10:00:00     calls X:\u{1b}[0m\n",
            ),
            ("10:00:00 agent: calls it\n", "10:00:00 agent: calls it\n"),
            ("           error: said\n", "           error: said\n"),
            ("é\n", "é\n"),
            ("\n", "\n"),
        ] {
            assert_eq!(painted(line), expected);
        }
    }

    #[test]
    fn the_last_lines_are_held_until_all_is_there() {
        let mut printer = Printer::new(Form::Text, Some(2));
        let mut out = String::new();
        for line in ["a\n", "b\n", "c\n"] {
            printer.take(line.as_bytes(), &mut out);
        }
        assert_eq!(out, "");
        assert_eq!(printer.held, ["b\n", "c\n"]);
        printer.catch_up().unwrap();
        printer.take(b"d\n", &mut out);
        assert_eq!(out, "d\n");
    }
}
