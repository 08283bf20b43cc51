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
use ticket::moment;
use ticket::text::plain;
use ticket::transcript::{Entry, Form, Of, Piece, Record, Renderer, Wanted};

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
    let since = arguments.since.map(Since::new);
    let listed = source.list(&wanted, 0)?;
    let newest = listed.first().map(|entry| entry.id);
    let mut printer = Printer::new(form, arguments.tail, since);
    let mut shown = printer.choose(listed);
    let mut current = match (shown.pop(), arguments.follow) {
        (Some(entry), _) => entry,
        (None, false) if newest.is_some() => bail!("no session went on then or later"),
        (None, false) => bail!(nothing(&source.list(&Wanted::default(), 0)?, &wanted)),
        (None, true) => {
            let later = Wanted {
                after: newest,
                ..wanted.clone()
            };
            match next(&source, &later)? {
                Some(entry) => entry,
                None => return Ok(()),
            }
        }
    };
    for earlier in shown {
        show(&source, &earlier, false, &mut printer)?;
    }
    loop {
        let whole = show(&source, &current, arguments.follow, &mut printer)?;
        printer.catch_up()?;
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
fn show(source: &Source, entry: &Entry, follow: bool, printer: &mut Printer) -> Result<bool> {
    let form = printer.reads();
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
    since: Option<Since>,
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
    fn new(form: Form, tail: Option<u64>, since: Option<Since>) -> Printer {
        let to_terminal = std::io::stdout().is_terminal();
        let colour = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
        Printer {
            form,
            since,
            tail: tail.map(|lines| usize::try_from(lines).unwrap_or(usize::MAX)),
            held: VecDeque::new(),
            holds: tail.is_some(),
            part: Vec::new(),
            to_terminal,
            coloured: colour && form == Form::Text,
        }
    }

    /// Which of these runs are printed, oldest first: the newest, or all since then.
    fn choose(&self, mut newest_first: Vec<Entry>) -> Vec<Entry> {
        match &self.since {
            Some(since) => newest_first.retain(|entry| since.takes(entry)),
            None => newest_first.truncate(1),
        }
        newest_first.reverse();
        newest_first
    }

    /// The form that is read. Only JSONL has the time of each line.
    fn reads(&self) -> Form {
        match self.since {
            Some(_) => Form::Raw,
            None => self.form,
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
        match &mut self.since {
            None => self.take_line(&line, out),
            Some(since) => {
                let lines = since.cut(&line, self.form);
                for line in lines.split_inclusive('\n') {
                    self.take_line(line, out);
                }
            }
        }
    }

    fn take_line(&mut self, line: &str, out: &mut String) {
        // JSONL for another program is passed on as it is.
        let line = match (self.form, self.to_terminal) {
            (Form::Raw, false) => line.to_owned(),
            _ => plain(line),
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
        match self.part.is_empty() {
            true => Ok(()),
            false => self.print(b"\n"),
        }
    }
}

/// A moment before which nothing is printed.
struct Since {
    /// As in the index: `2030-01-31 08:00:00`.
    at: String,
    /// Makes text of all lines: what one means may depend on earlier ones.
    renderer: Renderer,
}

impl Since {
    /// Of Unix seconds.
    fn new(moment: i64) -> Since {
        Since {
            at: moment::text(moment).unwrap_or_default(),
            renderer: Renderer::new(),
        }
    }

    /// Whether a run went on then or later.
    fn takes(&self, entry: &Entry) -> bool {
        entry.ended_at.as_ref().is_none_or(|at| *at >= self.at)
    }

    /// What a line of JSONL tells in this form; nothing when it is older, and not how a run began.
    fn cut(&mut self, line: &str, form: Form) -> String {
        let text = match form {
            Form::Raw => line.to_owned(),
            Form::Text => self.renderer.line(line.trim_end()),
        };
        match serde_json::from_str::<Record>(line) {
            Ok(record) if record.begin.is_none() && record.at < self.at.replace(' ', "T") => {
                String::new()
            }
            _ => text,
        }
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
        let mut printer = Printer::new(Form::Text, Some(2), None);
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

    #[test]
    fn lines_before_the_moment_are_left_out_and_how_the_run_began_is_not() {
        let since = || Since::new(moment::parse("2030-01-31 08:00:00", 0).unwrap());
        let at = |time: &str, what: &str| format!("{{\"at\":\"2030-01-31T{time}Z\",{what}}}\n");
        let begin = r##""begin":{"agent":"agent-1","run":"#1 attempt 1, run 1","phase":"work","backend":"command","format":"text"}"##;
        let lines = [
            at("07:00:00.000", begin),
            at("07:59:59.999", r#""out":"early""#),
            at("08:00:00.000", r#""out":"late""#),
        ];
        for (form, expected) in [
            (Form::Raw, [lines[0].as_str(), lines[2].as_str()].concat()),
            (
                Form::Text,
                "=== #1 attempt 1, run 1: work by agent-1, command, at 2030-01-31T07:00:00.000Z\n\
                 08:00:00 | late\n"
                    .to_owned(),
            ),
        ] {
            let mut printer = Printer::new(form, None, Some(since()));
            assert_eq!(printer.reads(), Form::Raw);
            let mut out = String::new();
            for line in &lines {
                printer.take(line.as_bytes(), &mut out);
            }
            let out = console::strip_ansi_codes(&out).into_owned();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn the_newest_run_is_shown_or_all_that_went_on_since_then() {
        let entry = |id: u64, ended_at: Option<&str>| Entry {
            id,
            key: ticket::transcript::Key {
                of: Of::Proposal { proposal: 1 },
                run: 1,
            },
            agent: "agent-1".into(),
            phase: "propose".into(),
            backend: "claude".into(),
            model: None,
            session: None,
            started_at: "2030-01-31 07:00:00".into(),
            ended_at: ended_at.map(str::to_owned),
            ending: None,
            bytes: 0,
            text_bytes: 0,
        };
        let all = || {
            vec![
                entry(4, None),
                entry(3, Some("2030-01-31 08:30:00")),
                entry(2, Some("2030-01-31 07:30:00")),
            ]
        };
        let since = |at: &str| Some(Since::new(moment::parse(at, 0).unwrap()));
        for (since, expected) in [
            (None, vec![4]),
            (since("2030-01-31 08:00:00"), vec![3, 4]),
            (since("2030-01-31 07:30:00"), vec![2, 3, 4]),
            (since("2031-01-31 08:00:00"), vec![4]),
        ] {
            let printer = Printer::new(Form::Text, None, since);
            let chosen = printer
                .choose(all())
                .iter()
                .map(|entry| entry.id)
                .collect::<Vec<_>>();
            assert_eq!(chosen, expected);
        }
    }
}
