//! Running an agent CLI once: its own process group, its output read line by line, a hard time limit,
//! an end by TERM, then KILL, then a sweep of whatever it left. How a backend is called and what its
//! output means is in the file of its name.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ticket::transcript::End;
use ticket::usage::ModelUsage;
use ticket::usd::Usd;
use ticket::wire::AgentSettings;

use crate::console::{Console, clean};
use crate::freeze;
use crate::guard::{processor_time, sweep};
use crate::interrupt::{Interrupt, Why};
use crate::lines::{LINE_LIMIT, Tail, read_lines};
use crate::memory;
use crate::process::{Exit, Process, What, spawn};
use crate::recorder::Recorder;

pub mod backend;
pub mod codex;
pub mod ending;
pub mod gemini;
mod mentions;
pub mod opencode;
pub mod patterns;
pub mod reset;
pub mod session;
mod show;
pub mod stall;
mod status;
pub mod stream;
pub mod text;

pub use backend::Invocation;
pub use ending::Ending;
pub use session::Session;
use stall::Watch;

/// How long an agent CLI may take to end after TERM. Claude needs 1.5 s to end its own children.
const TERM_GRACE: Duration = Duration::from_secs(5);
/// The same when the runner itself must be gone within a second.
const STOP_GRACE: Duration = Duration::from_millis(150);
/// How long the output of an ended process may take to arrive.
const DRAIN: Duration = Duration::from_secs(2);
/// How long an agent CLI may go on after it said that it is done.
const DONE_GRACE: Duration = Duration::from_secs(30);

/// The signal by which the system ends what uses too much memory.
const KILL: i32 = Signal::SIGKILL as i32;
/// How a transcript says that the agent CLI ended by itself.
const COMPLETED: &str = "completed";

/// Understands one backend's output.
pub trait Reader: Send {
    /// One line of standard output; `cut` when its end is missing. What to show of it.
    fn line(&mut self, line: &str, cut: bool) -> Vec<String>;
    /// Whether a line of its output, as it was printed, is a sign of life.
    fn is_activity(&self, _line: &str) -> bool {
        true
    }
    /// True when the backend said that it is done: the process should end soon.
    fn is_done(&self) -> bool;
    /// The conversation's name, as soon as it is known.
    fn session(&self) -> Option<String>;
    /// True once the model's service answered. A backend that cannot tell says no.
    fn is_served(&self) -> bool {
        false
    }
    /// What this run used so far, by model. A backend that does not say gives nothing.
    fn usage(&self) -> Vec<ModelUsage> {
        Vec::new()
    }
    /// The same after the run ended; may look at what the agent CLI left on disk.
    fn final_usage(&self) -> Vec<ModelUsage> {
        self.usage()
    }
    /// What the run came to. `stderr` is the end of standard error.
    fn ending(&self, exit: Exit, stderr: &str) -> Ending;
}

/// One run of an agent CLI.
pub struct Run<'a> {
    /// The program with its arguments, environment and folder.
    pub command: Command,
    /// What it gets on standard input.
    pub stdin: Vec<u8>,
    /// Understands its output.
    pub reader: Box<dyn Reader>,
    /// After this it is ended.
    pub timeout: Duration,
    /// So long without a sign of life, and it is ended.
    pub stall: Option<Duration>,
    /// Ends it before that.
    pub interrupt: &'a Interrupt,
    /// Shows what it does.
    pub console: &'a Console,
    /// Who speaks there.
    pub speaker: String,
    /// Keeps what it prints.
    pub recorder: Recorder,
    /// Called about every so often while it runs.
    pub every: Duration,
    /// Called once, when the model's service answered for the first time.
    pub on_served: Box<dyn Fn() + Send + Sync>,
    /// Called with what it used so far, by model, whenever that changed.
    pub on_usage: Box<dyn Fn(Vec<ModelUsage>) + Send + Sync>,
    /// Called with the conversation's name, once it is known.
    pub on_session: Box<dyn Fn(&str) + Send + Sync>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// The conversation, where the backend has one.
    pub session: Option<String>,
    /// The end of what it said.
    pub log_tail: String,
    /// What it used, by model.
    pub usage: Vec<ModelUsage>,
}

enum Event {
    Exit(Exit),
    Interrupt(Why),
    Drained,
    Done,
}

struct Shared {
    reader: Box<dyn Reader>,
    tail: Tail,
    stderr: Tail,
    served: bool,
    used: Vec<ModelUsage>,
    /// The conversation's name was told.
    named: bool,
    printed_at: Instant,
    /// Until when it asked to be left alone.
    excuse: Option<Instant>,
}

impl Shared {
    fn hear_excuse(&mut self, shown: &str) {
        let now = ticket::moment::now();
        if let Some(until) = stall::excuse_in(shown, now) {
            let left = Duration::from_secs((until - now).unsigned_abs());
            self.excuse.get_or_insert(freeze::now() + left);
        }
    }
}

impl Run<'_> {
    /// Runs it to its end. `meanwhile` is called now and then and must not take long.
    pub fn run(mut self, mut meanwhile: impl FnMut()) -> Report {
        let (to, from) = channel();
        let listening = self.interrupt.listen(to.clone(), Event::Interrupt);
        let on_exit = to.clone();
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let before = memory::Before::now();
        let started = spawn(&mut self.command, What::Work, move |exit| {
            drop(on_exit.send(Event::Exit(exit)));
        });
        let (process, pipes) = match started {
            Ok(started) => started,
            Err(e) => return self.not_started(&e),
        };
        let shared = Arc::new(Mutex::new(Shared {
            reader: self.reader,
            tail: Tail::default(),
            stderr: Tail::default(),
            served: false,
            used: Vec::new(),
            named: false,
            printed_at: freeze::now(),
            excuse: None,
        }));
        if let Some(mut stdin) = pipes.stdin {
            let prompt = std::mem::take(&mut self.stdin);
            // A program that does not read its prompt closes the pipe; that is its own business.
            thread::spawn(move || drop(stdin.write_all(&prompt)));
        }
        let scribe = Scribe {
            shared: Arc::clone(&shared),
            console: self.console.clone(),
            speaker: self.speaker.clone(),
            recorder: self.recorder.clone(),
            on_served: self.on_served.into(),
            on_usage: self.on_usage.into(),
            on_session: self.on_session.into(),
        };
        let mut open = 0;
        if let Some(stdout) = pipes.stdout {
            open += 1;
            scribe.clone().follow(stdout, to.clone(), Scribe::output);
        }
        if let Some(stderr) = pipes.stderr {
            open += 1;
            scribe.follow(stderr, to, Scribe::complaint);
        }
        let waiting = Waiting {
            process,
            from,
            open,
            shared: Arc::clone(&shared),
            watch: self.stall.map(|limit| Watch::new(limit, freeze::now())),
        };
        let (exit, cut_short) = waiting.wait(self.timeout, self.every, &mut meanwhile);
        drop(listening);
        let shared = lock(&shared);
        let ending = match cut_short {
            Some(Cut::Interrupt(why)) => Ending::Interrupted(why),
            Some(Cut::Timeout) => Ending::TimedOut(self.timeout),
            Some(Cut::Stall) => Ending::Stalled(self.stall.unwrap_or_default()),
            Some(Cut::Done) | None => match shared.reader.ending(exit, &shared.stderr.text()) {
                Ending::Killed(KILL) => before
                    .what_happened()
                    .map_or(Ending::Killed(KILL), Ending::OutOfMemory),
                other => other,
            },
        };
        let report = Report {
            ending: ending.map_text(|text| self.console.redact(&clean(text))),
            session: shared.reader.session(),
            log_tail: self.console.redact(&shared.tail.text()),
            usage: shared.reader.final_usage(),
        };
        drop(shared);
        self.recorder.finish(&report.end());
        report
    }

    fn not_started(&self, error: &io::Error) -> Report {
        let program = self.command.get_program().to_string_lossy().into_owned();
        let what = format!("{program} could not be started: {error}");
        self.console.say(&self.speaker, &what);
        let report = Report {
            ending: Ending::NotStarted(what.clone()),
            session: None,
            log_tail: what,
            usage: Vec::new(),
        };
        self.recorder.finish(&report.end());
        report
    }
}

impl Report {
    /// The end of the run's transcript.
    fn end(&self) -> End {
        let (ending, reason) = match &self.ending {
            Ending::Completed(_) => (COMPLETED.to_owned(), None),
            other => {
                let (outcome, reason) = other.outcome();
                (outcome.to_string(), Some(reason))
            }
        };
        End {
            ending,
            reason,
            session: self.session.clone(),
        }
    }
}

/// Why a run did not end by itself.
enum Cut {
    Interrupt(Why),
    Timeout,
    /// It did nothing any more.
    Stall,
    /// It had said that it is done.
    Done,
}

struct Waiting {
    process: Process,
    from: Receiver<Event>,
    /// How many of its pipes are still read.
    open: u32,
    shared: Arc<Mutex<Shared>>,
    watch: Option<Watch>,
}

impl Waiting {
    fn wait(
        mut self,
        timeout: Duration,
        every: Duration,
        meanwhile: &mut dyn FnMut(),
    ) -> (Exit, Option<Cut>) {
        let begun = freeze::now();
        let mut deadline = (begun + timeout, Cut::Timeout);
        let mut next = begun + every;
        let mut exit = None;
        let mut cut = None;
        while exit.is_none() && cut.is_none() {
            let look = self.watch.as_ref().map_or(next, Watch::next_look);
            match self.next_event(next.min(look).min(deadline.0), freeze::now()) {
                Some(Event::Exit(e)) => exit = Some(e),
                Some(Event::Interrupt(why)) => cut = Some(Cut::Interrupt(why)),
                Some(Event::Drained) => self.open -= 1,
                Some(Event::Done) => {
                    let soon = freeze::now() + DONE_GRACE;
                    if soon < deadline.0 {
                        deadline = (soon, Cut::Done);
                    }
                }
                None if freeze::now() >= deadline.0 => {
                    cut = Some(std::mem::replace(&mut deadline.1, Cut::Timeout));
                }
                None if freeze::now() >= next => {
                    meanwhile();
                    next = freeze::now() + every;
                }
                None if self.is_stalled() => cut = Some(Cut::Stall),
                None => {}
            }
        }
        let exit = match (exit, &mut cut) {
            (Some(exit), _) => exit,
            (None, cut) => self.end(cut),
        };
        sweep();
        self.drain();
        (exit, cut)
    }

    fn is_stalled(&mut self) -> bool {
        let Some(watch) = &mut self.watch else {
            return false;
        };
        let (printed_at, excuse) = {
            let shared = lock(&self.shared);
            (shared.printed_at, shared.excuse)
        };
        if let Some(until) = excuse {
            watch.excuse(until);
        }
        watch.is_stalled(printed_at, processor_time(), freeze::now())
    }

    /// TERM, a grace, KILL. A stop that comes meanwhile shortens the grace.
    fn end(&mut self, cut: &mut Option<Cut>) -> Exit {
        self.process.signal(Signal::SIGTERM);
        let grace = |cut: &Option<Cut>| match cut {
            Some(Cut::Interrupt(Why::Stop)) => STOP_GRACE,
            _ => TERM_GRACE,
        };
        let mut until = Instant::now() + grace(cut);
        loop {
            match self.next_event(until, Instant::now()) {
                Some(Event::Exit(exit)) => return exit,
                Some(Event::Interrupt(Why::Stop)) => {
                    *cut = Some(Cut::Interrupt(Why::Stop));
                    until = until.min(Instant::now() + grace(cut));
                }
                Some(Event::Drained) => self.open -= 1,
                Some(Event::Interrupt(_) | Event::Done) => {}
                None => break,
            }
        }
        self.process.signal(Signal::SIGKILL);
        let until = Instant::now() + DRAIN;
        loop {
            match self.next_event(until, Instant::now()) {
                Some(Event::Exit(exit)) => return exit,
                Some(Event::Drained) => self.open -= 1,
                Some(Event::Interrupt(_) | Event::Done) => {}
                None => return Exit::Signal(Signal::SIGKILL as i32),
            }
        }
    }

    /// Everything that could write is dead, so the pipes end.
    fn drain(&mut self) {
        let until = Instant::now() + DRAIN;
        while self.open > 0 {
            match self.next_event(until, Instant::now()) {
                Some(Event::Drained) => self.open -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }

    fn next_event(&self, until: Instant, now: Instant) -> Option<Event> {
        let patience = until.saturating_duration_since(now);
        self.from.recv_timeout(patience).ok()
    }
}

/// Reads one of the pipes.
#[derive(Clone)]
struct Scribe {
    shared: Arc<Mutex<Shared>>,
    console: Console,
    speaker: String,
    recorder: Recorder,
    on_served: Arc<dyn Fn() + Send + Sync>,
    on_usage: Arc<dyn Fn(Vec<ModelUsage>) + Send + Sync>,
    on_session: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Scribe {
    fn follow(
        self,
        pipe: impl io::Read + Send + 'static,
        to: Sender<Event>,
        take: fn(&Scribe, &str, bool) -> bool,
    ) {
        thread::spawn(move || {
            let mut told = false;
            let _ = read_lines(pipe, LINE_LIMIT, |line, cut| {
                let done = take(&self, &String::from_utf8_lossy(line), cut);
                if done && !told {
                    told = true;
                    let _ = to.send(Event::Done);
                }
            });
            let _ = to.send(Event::Drained);
        });
    }

    fn output(&self, line: &str, cut: bool) -> bool {
        self.recorder.out(line, cut);
        let mut shared = lock(&self.shared);
        if shared.reader.is_activity(line) {
            shared.printed_at = freeze::now();
        }
        for shown in shared.reader.line(line, cut) {
            let shown = clean(&shown);
            shared.hear_excuse(&shown);
            self.console.say(&self.speaker, &shown);
            shared.tail.push(&shown);
        }
        if !shared.served && shared.reader.is_served() {
            shared.served = true;
            (self.on_served)();
        }
        let used = shared.reader.usage();
        if used != shared.used {
            shared.used.clone_from(&used);
            (self.on_usage)(used);
        }
        if !shared.named
            && let Some(session) = shared.reader.session()
        {
            shared.named = true;
            (self.on_session)(&session);
        }
        shared.reader.is_done()
    }

    fn complaint(&self, line: &str, cut: bool) -> bool {
        self.recorder.err(line, cut);
        let line = clean(line);
        self.console.say(&self.speaker, &line);
        let mut shared = lock(&self.shared);
        if shared.reader.is_activity(&line) {
            shared.printed_at = freeze::now();
        }
        shared.tail.push(&line);
        shared.stderr.push(&line);
        false
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long the agent CLI may do nothing; 0 means for ever.
pub fn stall_limit(settings: &AgentSettings) -> Option<Duration> {
    Some(Duration::from_secs(settings.stall_seconds)).filter(|limit| !limit.is_zero())
}

/// Where an agent CLI runs and what it is told about its ticket.
#[derive(Clone, Debug)]
pub struct Place {
    /// The work tree.
    pub tree: PathBuf,
    /// HOME.
    pub home: PathBuf,
    /// TMPDIR.
    pub tmp: PathBuf,
    /// `TICKET_URL`, `TICKET_TOKEN` and the rest.
    pub env: Vec<(String, String)>,
    /// What the run may cost, where there is a budget.
    pub may_spend: Option<Usd>,
}
