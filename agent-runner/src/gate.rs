//! The gate: verify.sh, taken from main, run on the tree as it stands. Anything but its exit code 0
//! is red, also when there is none or it cannot be run. It sees no token and no credential.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::console::{Console, clean};
use crate::environment::inherit;
use crate::freeze;
use crate::git::Error;
use crate::guard::sweep;
use crate::interrupt::{Interrupt, Why};
use crate::layout::{Layout, remove};
use crate::lines::{LINE_LIMIT, Tail, read_lines};
use crate::memory::Before;
use crate::process::{Exit, What, spawn};
use crate::worktree::{WorkTree, io_step};

/// The gate's file, in the root of the tree.
pub const SCRIPT: &str = "verify.sh";
/// What a tree entry says of a file that can be run.
const RUNNABLE: &str = "100755";
/// How long the output of an ended script may take to arrive.
const DRAIN: Duration = Duration::from_secs(2);
/// The kernel refuses to run a file that is open for writing; a child that was forked in between
/// may hold it open until it has started its own program.
const BUSY_TRIES: u32 = 50;
/// Between two of these tries.
const BUSY_PAUSE: Duration = Duration::from_millis(4);

/// What the gate said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ran and exited with 0.
    Green(Run),
    /// It said no, took too long, or could not be run.
    Red(Run),
    /// It was cut short.
    Interrupted(Why),
}

/// One run of the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The end of its output.
    pub log_tail: String,
    /// How long it took.
    pub took: Duration,
}

/// How to run it.
pub struct Gate<'a> {
    /// The tree, with everything committed.
    pub tree: &'a WorkTree,
    /// Where HOME and TMPDIR are.
    pub layout: &'a Layout,
    /// `TICKET_ID`, `TICKET_TITLE`, `AGENT_ID`.
    pub env: Vec<(String, String)>,
    /// How long verify.sh may take.
    pub timeout: Duration,
    /// Shows its output.
    pub console: &'a Console,
    /// Who speaks there.
    pub speaker: &'a str,
}

impl Gate<'_> {
    /// Runs the verify.sh of `gate_commit` on the tree; then, where `own_too`, also the tree's own if
    /// it differs.
    pub fn run(
        &self,
        gate_commit: &str,
        own_too: bool,
        interrupt: &Interrupt,
    ) -> Result<Verdict, Error> {
        let script = match self.script_of(gate_commit)? {
            Ok(script) => script,
            Err(why) => return Ok(red(why)),
        };
        let path = self.tree.dir().join(SCRIPT);
        let own = read_own(&path);
        let differs = own.as_ref() != Some(&script);
        if differs {
            io_step(SCRIPT, || put(&path, &script))?;
        }
        let first = self.run_script(interrupt);
        if !differs {
            return Ok(first);
        }
        io_step(SCRIPT, || match &own {
            Some(own) => put(&path, own),
            None => remove(&path),
        })?;
        match first {
            Verdict::Green(run) if own_too => {
                self.console.say(
                    self.speaker,
                    "main's verify.sh is green; now this branch's own",
                );
                let mut second = self.run_script(interrupt);
                if let Verdict::Green(own) | Verdict::Red(own) = &mut second {
                    own.took += run.took;
                }
                Ok(second)
            }
            verdict => Ok(verdict),
        }
    }

    /// The script at a commit, or why it cannot be run.
    fn script_of(&self, commit: &str) -> Result<Result<Script, String>, Error> {
        let git = &self.tree.git;
        let entry = git.bare(&["ls-tree", commit, "--", SCRIPT]).text()?;
        let mut fields = entry.split_whitespace();
        let (mode, object) = (fields.next(), fields.nth(1));
        let (Some(mode), Some(object)) = (mode, object) else {
            return Ok(Err(format!(
                "main has no {SCRIPT}: nothing can be verified"
            )));
        };
        if mode != RUNNABLE {
            return Ok(Err(format!(
                "{SCRIPT} on main cannot be run: it is no executable file"
            )));
        }
        let bytes = git.bare(&["cat-file", "blob", object]).bytes()?;
        Ok(Ok(Script {
            bytes,
            runnable: true,
        }))
    }

    fn run_script(&self, interrupt: &Interrupt) -> Verdict {
        let (begun, memory) = (freeze::now(), Before::now());
        let tail = Arc::new(Mutex::new(Tail::default()));
        let end = self.run_to_end(&tail, interrupt);
        let mut run = Run {
            log_tail: String::new(),
            took: freeze::now().saturating_duration_since(begun),
        };
        let why = match end {
            Ok(End::Exit(Exit::Code(0))) => None,
            Ok(End::Exit(Exit::Code(code))) => Some(format!("{SCRIPT} exited with {code}")),
            Ok(End::Exit(Exit::Signal(signal))) => {
                Some(format!("{SCRIPT} was ended by signal {signal}"))
            }
            Ok(End::TimedOut) => Some(format!(
                "{SCRIPT} took longer than {} s and was ended",
                self.timeout.as_secs()
            )),
            Ok(End::Interrupted(why)) => return Verdict::Interrupted(why),
            Err(e) => Some(format!("{SCRIPT} could not be run: {e}")),
        };
        // Perhaps of something that it started.
        let memory = why.as_ref().and_then(|_| memory.what_happened());
        let why = match (why, memory) {
            (Some(why), Some(memory)) => Some(format!("{why}: {memory}")),
            (why, _) => why,
        };
        let mut tail = lock(&tail);
        if let Some(why) = &why {
            self.console.say(self.speaker, why);
            tail.push(why);
        }
        run.log_tail = self.console.redact(&tail.text());
        match why {
            None => Verdict::Green(run),
            Some(_) => Verdict::Red(run),
        }
    }

    fn run_to_end(&self, tail: &Arc<Mutex<Tail>>, interrupt: &Interrupt) -> io::Result<End> {
        let (to, from) = channel();
        let _listening = interrupt.listen(to.clone(), Event::Interrupt);
        let (reader, writer) = io::pipe()?;
        let mut command = self.command(&writer)?;
        drop(writer);
        let (process, _) = spawn_when_free(&mut command, || {
            let to = to.clone();
            move |exit| drop(to.send(Event::Exit(exit)))
        })?;
        // The command holds the pipe's writing end too.
        drop(command);
        let (tail, console) = (Arc::clone(tail), self.console.clone());
        let speaker = self.speaker.to_owned();
        thread::spawn(move || {
            let _ = read_lines(reader, LINE_LIMIT, |line, _| {
                let line = clean(&String::from_utf8_lossy(line));
                console.say(&speaker, &line);
                lock(&tail).push(&line);
            });
            let _ = to.send(Event::Drained);
        });
        let deadline = freeze::now() + self.timeout;
        let (mut end, mut drained) = (None, false);
        while end.is_none() {
            match from.recv_timeout(deadline.saturating_duration_since(freeze::now())) {
                Ok(Event::Exit(exit)) => end = Some(End::Exit(exit)),
                Ok(Event::Interrupt(why)) if !why.is_about_money() => {
                    end = Some(End::Interrupted(why));
                }
                Ok(Event::Interrupt(_)) => {}
                Ok(Event::Drained) => drained = true,
                Err(RecvTimeoutError::Timeout) if freeze::now() < deadline => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    end = Some(End::TimedOut);
                }
            }
        }
        process.signal(Signal::SIGKILL);
        sweep();
        let patience = Instant::now() + DRAIN;
        while !drained {
            match from.recv_timeout(patience.saturating_duration_since(Instant::now())) {
                Ok(event) => drained = matches!(event, Event::Drained),
                Err(_) => break,
            }
        }
        Ok(end.unwrap_or(End::TimedOut))
    }

    fn command(&self, output: &io::PipeWriter) -> io::Result<Command> {
        let mut command = Command::new(format!("./{SCRIPT}"));
        inherit(&mut command);
        command
            .current_dir(self.tree.dir())
            .env("HOME", self.layout.gate_home())
            .env("TMPDIR", self.layout.tmp())
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?);
        Ok(command)
    }
}

enum Event {
    Exit(Exit),
    Interrupt(Why),
    Drained,
}

enum End {
    Exit(Exit),
    TimedOut,
    Interrupted(Why),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Script {
    bytes: Vec<u8>,
    runnable: bool,
}

/// The file in the tree, unless it is missing or something else than a file.
fn read_own(path: &PathBuf) -> Option<Script> {
    let meta = fs::symlink_metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)?;
    Some(Script {
        bytes: fs::read(path).ok()?,
        runnable: meta.permissions().mode() & 0o100 != 0,
    })
}

fn put(path: &PathBuf, script: &Script) -> io::Result<()> {
    remove(path)?;
    fs::write(path, &script.bytes)?;
    let mode = if script.runnable { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn spawn_when_free<F: FnOnce(Exit) + Send + 'static>(
    command: &mut Command,
    on_exit: impl Fn() -> F,
) -> io::Result<(crate::process::Process, crate::process::Pipes)> {
    let mut tries = 0;
    loop {
        match spawn(command, What::Work, on_exit()) {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                tries += 1;
                thread::sleep(BUSY_PAUSE);
            }
            other => return other,
        }
    }
}

fn red(why: String) -> Verdict {
    Verdict::Red(Run {
        log_tail: why,
        took: Duration::ZERO,
    })
}

fn lock(tail: &Mutex<Tail>) -> std::sync::MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}
