//! The hub's keeper: runs the hub as a process of its own and starts it again when it has crashed, so
//! that a crash of the hub is none of its container's.
//!
//! Whatever a crashed hub was running is ended before the next one starts, which takes it for granted
//! that nobody else writes to the repository. A hub that was told to end, that ended by itself, or that
//! never could start ends the keeper with its exit code. The keeper does nothing else, and so has
//! nothing to die of.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use ticket::exit;
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::time::{Instant, sleep};

/// The argument that asks for a keeper. The others are the hub's.
const KEEP: &str = "--keep";
/// What a Rust program exits with that panicked.
const PANICKED: u8 = 101;
/// What a shell adds to the number of the signal that ended a program.
const SIGNALLED: i32 = 128;
/// The pause before the hub is started again; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause before the hub is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A hub that lived for so long could start, and its crash is the first of a row.
const STEADY: Duration = Duration::from_secs(10);
/// How long killed processes may take to be gone.
const CLEAR_DEADLINE: Duration = Duration::from_secs(5);
/// How often they are looked for meanwhile.
const CLEAR_INTERVAL: Duration = Duration::from_millis(5);

/// The hub's own arguments, out of those of its keeper.
pub fn hub_arguments(all: impl Iterator<Item = OsString>) -> Vec<OsString> {
    all.filter(|argument| argument != KEEP).collect()
}

/// Runs this program as the hub, with these arguments, until one ends for good. Returns the exit code
/// to end with: the hub's, or 0 when the keeper was told to end while no hub ran.
pub async fn run(arguments: &[OsString]) -> Result<u8> {
    set_child_subreaper(true).context("cannot become the parent of orphans")?;
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut signals = Signals::listen()?;
    let mut record = Record::default();
    loop {
        let began = Instant::now();
        let mut hub = Command::new(&program)
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let (status, was_told) = signals.attend(&mut hub).await?;
        clear().await;
        let end = End::of(status);
        if was_told {
            return Ok(end.code());
        }
        let lived = began.elapsed();
        let pause = match record.after(end, lived) {
            Next::Finish(code) => return Ok(code),
            Next::Again(pause) => pause,
        };
        tracing::error!(
            "the hub {end} after {:.1} s: it is started again in {:.1} s",
            lived.as_secs_f64(),
            pause.as_secs_f64()
        );
        tokio::select! {
            () = sleep(pause) => (),
            _ = signals.told() => return Ok(exit::OK),
        }
    }
}

/// What the keeper is told from outside.
struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    child: unix::Signal,
}

impl Signals {
    fn listen() -> Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            child: signal(SignalKind::child())?,
        })
    }

    /// Waits until the keeper is told to end.
    async fn told(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = self.interrupt.recv() => Signal::SIGINT,
        }
    }

    /// Waits for the hub's end, and whether it was told to. What it leaves meanwhile and is over is
    /// buried.
    async fn attend(&mut self, hub: &mut Child) -> Result<(ExitStatus, bool)> {
        let process = hub.id().and_then(|id| i32::try_from(id).ok());
        let process = Pid::from_raw(process.context("the hub has no process")?);
        let mut was_told = false;
        loop {
            tokio::select! {
                // A hub that is gone did not end because of a signal that came later.
                biased;
                ended = hub.wait() => return Ok((ended?, was_told)),
                signal = async {
                    tokio::select! {
                        _ = self.terminate.recv() => Some(Signal::SIGTERM),
                        _ = self.interrupt.recv() => Some(Signal::SIGINT),
                        _ = self.child.recv() => None,
                    }
                } => match signal {
                    Some(signal) => {
                        was_told = true;
                        // It has not been waited for: the number is still its own.
                        let _ = kill(process, signal);
                    }
                    None => bury_others(process),
                },
            }
        }
    }
}

/// How a hub ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Code(u8),
    Signal(i32),
}

impl End {
    fn of(status: ExitStatus) -> End {
        match status.code() {
            Some(code) => End::Code(u8::try_from(code).unwrap_or(exit::REFUSED)),
            None => End::Signal(status.signal().unwrap_or_default()),
        }
    }

    /// The exit code that says the same.
    fn code(self) -> u8 {
        match self {
            End::Code(code) => code,
            End::Signal(number) => u8::try_from(SIGNALLED + number).unwrap_or(u8::MAX),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Code(PANICKED) => f.write_str("panicked"),
            End::Code(code) => write!(f, "ended with exit code {code}"),
            End::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "was ended by {signal}"),
                Err(_) => write!(f, "was ended by signal {number}"),
            },
        }
    }
}

/// What follows a hub's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The keeper ends with this exit code.
    Finish(u8),
    /// Another hub, after this pause.
    Again(Duration),
}

/// How the hubs of this keeper fared.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// Crashes since the last hub that lived for [`STEADY`].
    row: u32,
    /// One of them did start.
    could_start: bool,
}

impl Record {
    /// What follows when nobody told the hub to end.
    fn after(&mut self, end: End, lived: Duration) -> Next {
        let is_steady = lived >= STEADY;
        // What keeps the next one from starting, as an engine that is away, may pass.
        self.could_start |= is_steady || matches!(end, End::Signal(_));
        let crashed = match end {
            End::Signal(_) | End::Code(PANICKED) => true,
            End::Code(exit::OK | exit::USAGE) => false,
            End::Code(_) => self.could_start,
        };
        if !crashed {
            return Next::Finish(end.code());
        }
        self.row = if is_steady { 0 } else { self.row };
        let pause = FIRST_PAUSE.saturating_mul(1 << self.row.min(16));
        self.row += 1;
        Next::Again(pause.min(LONGEST_PAUSE))
    }
}

/// Reaps orphans that came to this process and have ended.
fn bury_others(hub: Pid) {
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    while let Ok(WaitStatus::Exited(process, _) | WaitStatus::Signaled(process, _, _)) =
        waitid(Id::All, ended)
    {
        // The hub is waited for by whoever wants to know how it ended.
        if process == hub || waitpid(process, Some(WaitPidFlag::WNOHANG)).is_err() {
            return;
        }
    }
}

/// Ends all that an ended hub left; its children came to this process, theirs come as they are killed.
async fn clear() {
    let give_up = Instant::now() + CLEAR_DEADLINE;
    loop {
        for process in children() {
            let _ = kill(process, Signal::SIGKILL);
        }
        // Until none is left, or those that are left are not over yet.
        while let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) =
            waitpid(None, Some(WaitPidFlag::WNOHANG))
        {}
        if children().is_empty() {
            return;
        }
        if Instant::now() >= give_up {
            tracing::error!("processes of the hub cannot be ended: {:?}", children());
            return;
        }
        sleep(CLEAR_INTERVAL).await;
    }
}

/// The children of this process, those that have ended included.
fn children() -> Vec<Pid> {
    let me = Pid::this().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let number: i32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        (parent.trim() == me).then(|| Pid::from_raw(number))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(1);
    const KILLED: End = End::Signal(9);

    #[test]
    fn a_crash_is_followed_by_another_hub() {
        for end in [KILLED, End::Signal(6), End::Signal(11), End::Code(PANICKED)] {
            let next = Record::default().after(end, SHORT);
            assert_eq!(next, Next::Again(FIRST_PAUSE), "{end}");
        }
    }

    #[test]
    fn one_that_ends_by_itself_or_cannot_start_ends_the_keeper() {
        for code in [exit::OK, exit::REFUSED, exit::USAGE, 7] {
            let next = Record::default().after(End::Code(code), SHORT);
            assert_eq!(next, Next::Finish(code));
        }
        let mut worked = Record::default();
        worked.after(KILLED, STEADY);
        for code in [exit::OK, exit::USAGE] {
            let next = worked.after(End::Code(code), STEADY);
            assert_eq!(next, Next::Finish(code));
        }
    }

    #[test]
    fn what_keeps_a_later_hub_from_starting_is_waited_for() {
        for (end, lived) in [(KILLED, SHORT), (End::Code(PANICKED), STEADY)] {
            let mut record = Record::default();
            record.after(end, lived);
            let next = record.after(End::Code(exit::REFUSED), SHORT);
            assert_eq!(next, Next::Again(FIRST_PAUSE * 2), "{end}");
        }
    }

    #[test]
    fn pauses_double_until_a_hub_is_steady() {
        let mut record = Record::default();
        let mut pause = |lived| match record.after(KILLED, lived) {
            Next::Again(pause) => pause.as_millis(),
            Next::Finish(code) => panic!("it ended with {code}"),
        };
        let row: Vec<u128> = (0..11).map(|_| pause(SHORT)).collect();
        assert_eq!(row[..5], [100, 200, 400, 800, 1600]);
        assert_eq!(row[8..], [25_600, 30_000, 30_000]);
        assert_eq!([pause(STEADY), pause(SHORT)], [100, 200]);
    }

    #[test]
    fn an_end_by_a_signal_has_the_shells_exit_code() {
        assert_eq!(KILLED.code(), 137);
        assert_eq!(KILLED.to_string(), "was ended by SIGKILL");
        assert_eq!(End::Code(3).code(), 3);
    }

    #[test]
    fn the_hub_gets_all_arguments_but_the_keepers() {
        let all = ["--keep", "--project", "/p"].map(OsString::from);
        assert_eq!(hub_arguments(all.into_iter()), ["--project", "/p"]);
    }
}
