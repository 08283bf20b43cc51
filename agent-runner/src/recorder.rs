//! Recording a run of the agent CLI for its transcript: each line with its time, secrets blotted out,
//! to the hub within a second.
//!
//! What is recorded goes to a file without a name first and from there to the hub, so that a hub that
//! is slow or away holds nobody up, and nothing is lost when it comes back. The hub says how much it
//! has; the recorder goes on from there, so that nothing is there twice.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ticket::Error;
use ticket::client::Client;
use ticket::transcript::{Begin, CHUNK, End, Key, LeftOut, What};

use crate::backoff::HUB;
use crate::console::Console;
use crate::lines::first_bytes;

/// How long lines are gathered before they go out together.
const GATHER: Duration = Duration::from_millis(300);
/// How long the end of a run waits for what has not gone out.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long the hub is tried after that, beside the work.
const LINGER: Duration = Duration::from_secs(15 * 60);
/// What is kept free for the lines that end a transcript.
const FOOTER: u64 = 64 << 10;
/// The longest reason in the last line, in bytes.
const MAX_REASON: usize = 4 << 10;
/// Who says what goes wrong here.
const SPEAKER: &str = "runner";

/// Where runs are recorded.
pub struct Studio<'a> {
    /// Who keeps what is recorded.
    pub hub: &'a Client,
    /// Where it waits until the hub has it.
    pub tmp: &'a Path,
    /// Knows the secrets.
    pub console: &'a Console,
    /// The most of one run, in bytes.
    pub most: u64,
}

/// Records one run. Clones record the same one.
#[derive(Clone)]
pub struct Recorder(Option<Arc<Tape>>);

struct Tape {
    console: Console,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Holds everything until the hub has it.
    spool: File,
    written: u64,
    /// The hub has so much.
    sent: u64,
    /// What may be written in all.
    most: u64,
    left_out: LeftOut,
    /// The last line was written.
    ended: Option<Instant>,
    /// The hub does not want it.
    refused: bool,
}

impl Recorder {
    /// Records nothing.
    pub fn none() -> Recorder {
        Recorder(None)
    }

    /// Begins to record a run and its prompt for the hub. Where that cannot be done the run goes
    /// unrecorded.
    pub fn start(studio: &Studio<'_>, key: Key, begin: &Begin, prompt: &str) -> Recorder {
        let console = studio.console;
        let recorder = match Tape::start(studio, key) {
            Ok(tape) => Recorder(Some(tape)),
            Err(e) => {
                console.say(SPEAKER, &format!("{key} is not recorded: {e}"));
                return Recorder::none();
            }
        };
        recorder.write(What::Begin(begin));
        recorder.write(What::Prompt(&console.redact(prompt)));
        recorder
    }

    /// A line of standard output, without its end when `cut`.
    pub fn out(&self, line: &str, cut: bool) {
        if let Some(tape) = &self.0 {
            self.write(What::Out(&tape.console.redact(line), cut));
        }
    }

    /// A line of standard error, without its end when `cut`.
    pub fn err(&self, line: &str, cut: bool) {
        if let Some(tape) = &self.0 {
            self.write(What::Err(&tape.console.redact(line), cut));
        }
    }

    /// The run is over. Waits a moment for the rest to go out.
    pub fn finish(&self, end: &End) {
        let Some(tape) = &self.0 else { return };
        let redacted = |text: &String| {
            let text = tape.console.redact(text);
            first_bytes(&text, MAX_REASON).to_owned()
        };
        let end = End {
            ending: end.ending.clone(),
            reason: end.reason.as_ref().map(redacted),
            session: end.session.as_ref().map(redacted),
        };
        tape.finish(&end);
    }

    fn write(&self, what: What<'_>) {
        if let Some(tape) = &self.0 {
            tape.write(what);
        }
    }
}

impl Tape {
    fn start(studio: &Studio<'_>, key: Key) -> io::Result<Arc<Tape>> {
        // A file without a name is out of reach for the agent CLI.
        let spool = tempfile::tempfile_in(studio.tmp)?;
        let sender = Sender {
            hub: studio.hub.clone(),
            key,
            spool: spool.try_clone()?,
        };
        let tape = Arc::new(Tape {
            console: studio.console.clone(),
            state: Mutex::new(State {
                spool,
                written: 0,
                sent: 0,
                most: studio.most,
                left_out: LeftOut::default(),
                ended: None,
                refused: false,
            }),
            changed: Condvar::new(),
        });
        let of_sender = Arc::clone(&tape);
        thread::Builder::new()
            .name("transcript".into())
            .spawn(move || sender.run(&of_sender))?;
        Ok(tape)
    }

    fn write(&self, what: What<'_>) {
        let line = what.line(ticket::transcript::now());
        let mut state = self.lock();
        if state.ended.is_none() && !state.refused {
            state.write(&line);
            self.changed.notify_all();
        }
    }

    fn finish(&self, end: &End) {
        let mut state = self.lock();
        if state.ended.is_some() {
            return;
        }
        let now = ticket::transcript::now();
        if state.left_out.lines > 0 {
            let left_out = What::LeftOut(state.left_out).line(now);
            state.append(&left_out);
        }
        state.append(&What::End(end).line(now));
        state.ended = Some(Instant::now());
        self.changed.notify_all();
        let waited = self
            .changed
            .wait_timeout_while(state, FAREWELL, |s| s.has_more());
        drop(waited);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Writes a line of the run, or counts it as left out. After the first that is left out all are,
    /// so that what is kept has no holes.
    fn write(&mut self, line: &str) {
        let bytes = length(line.len());
        let fits = self.written + bytes + FOOTER <= self.most;
        if self.left_out.lines > 0 || !fits || !self.append(line) {
            self.left_out.lines += 1;
            self.left_out.bytes += bytes;
        }
    }

    /// False when the disk does not take it: then nothing of it counts.
    fn append(&mut self, line: &str) -> bool {
        let written = self.spool.write_all_at(line.as_bytes(), self.written);
        if written.is_ok() {
            self.written += length(line.len());
        }
        written.is_ok()
    }

    fn has_more(&self) -> bool {
        !self.refused && self.sent < self.written
    }

    fn is_over(&self) -> bool {
        self.refused || (self.ended.is_some() && self.sent >= self.written)
    }
}

/// Brings what was recorded to the hub.
struct Sender {
    hub: Client,
    key: Key,
    spool: File,
}

impl Sender {
    fn run(&self, tape: &Tape) {
        let mut backoff = HUB;
        while let Some((from, piece)) = self.next(tape) {
            let sent = piece.and_then(|piece| {
                let end = from + length(piece.len());
                let kept = self.hub.record(&self.key, from, piece)?;
                // A hub that lost some of it says so, and gets it again; one that takes nothing is
                // left alone for a while.
                match kept.bytes != from && kept.bytes <= end {
                    true => Ok(kept),
                    false => Err(Error::Unavailable("the hub took nothing".into())),
                }
            });
            match sent {
                Ok(kept) => {
                    backoff.worked();
                    let mut state = tape.lock();
                    state.sent = kept.bytes;
                    tape.changed.notify_all();
                }
                Err(Error::Unavailable(_)) => self.rest(tape, backoff.failed()),
                Err(e) => self.give_up(tape, &e.to_string()),
            }
        }
    }

    /// The next piece and where it begins, once there is enough of it or enough time has passed;
    /// none at the end.
    fn next(&self, tape: &Tape) -> Option<(u64, Result<Vec<u8>, Error>)> {
        let state = tape.lock();
        let waited = tape
            .changed
            .wait_while(state, |s| !s.is_over() && !s.has_more());
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        let gathered = tape.changed.wait_timeout_while(state, GATHER, |s| {
            !s.refused && s.ended.is_none() && s.written - s.sent < length(CHUNK)
        });
        let (state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        if state.is_over() {
            return None;
        }
        let (from, to) = (state.sent, state.written);
        drop(state);
        Some((from, self.read(from, to)))
    }

    fn read(&self, from: u64, to: u64) -> Result<Vec<u8>, Error> {
        let size = usize::try_from(to - from).unwrap_or(CHUNK).min(CHUNK);
        let mut piece = vec![0; size];
        self.spool
            .read_exact_at(&mut piece, from)
            .map_err(|e| Error::Io("cannot read what was recorded".into(), e))?;
        Ok(piece)
    }

    /// Leaves the hub alone for a while, or for good when the run is long over.
    fn rest(&self, tape: &Tape, how_long: Duration) {
        thread::sleep(how_long);
        let state = tape.lock();
        let lingers = state.ended.is_some_and(|ended| ended.elapsed() >= LINGER);
        drop(state);
        if lingers {
            self.give_up(tape, "the hub was away for too long");
        }
    }

    fn give_up(&self, tape: &Tape, why: &str) {
        tape.console
            .say(SPEAKER, &format!("{} is not recorded on: {why}", self.key));
        tape.lock().refused = true;
        tape.changed.notify_all();
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
