//! Child processes. Each one leads a process group of its own, stands in one table while it runs,
//! and takes its whole group with it when it ends. Nothing here waits without a deadline.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::freeze;

/// How long a killed child may take to disappear before it is given up.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// The children that the runner itself started and has not reaped. A pid in it is not reused, so
/// signals go out only while this is locked.
static RUNNING: Mutex<BTreeMap<i32, What>> = Mutex::new(BTreeMap::new());

/// What a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The agent CLI or verify.sh: it stands still while the swarm is paused.
    Work,
    /// A tool that the runner needs, or work that was asked to end.
    Tool,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// A child that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(i32);

/// The ends of a child's pipes.
pub struct Pipes {
    /// Its standard input, when it was asked for.
    pub stdin: Option<ChildStdin>,
    /// What it prints.
    pub stdout: Option<ChildStdout>,
    /// What it complains about.
    pub stderr: Option<ChildStderr>,
}

/// Starts a child in a process group of its own. `on_exit` is called from another thread as soon as
/// it has ended and its group was killed.
pub fn spawn(
    command: &mut Command,
    what: What,
    on_exit: impl FnOnce(Exit) + Send + 'static,
) -> io::Result<(Process, Pipes)> {
    command.process_group(0);
    let mut running = table();
    let mut child = command.spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    running.insert(pid, what);
    drop(running);
    if what == What::Work {
        freeze::begin(Process(pid));
    }
    let pipes = Pipes {
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    thread::spawn(move || on_exit(wait(child, pid)));
    Ok((Process(pid), pipes))
}

impl Process {
    /// Sends `signal` to the child's process group, if the child still runs. What stands still goes on
    /// when it is asked to end, or it could not.
    pub fn signal(self, signal: Signal) {
        let group = Pid::from_raw(self.0);
        let mut running = table();
        let Some(what) = running.get_mut(&self.0) else {
            return;
        };
        let _ = killpg(group, signal);
        if signal != Signal::SIGSTOP {
            *what = What::Tool;
            let _ = killpg(group, Signal::SIGCONT);
        }
    }
}

/// The pids that the runner itself started, and what for.
pub fn running() -> MutexGuard<'static, BTreeMap<i32, What>> {
    table()
}

/// Waits without reaping first, so that the group is killed while its number cannot be reused.
fn wait(mut child: Child, pid: i32) -> Exit {
    let leader = Pid::from_raw(pid);
    while let Err(nix::errno::Errno::EINTR) =
        waitid(Id::Pid(leader), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
    {}
    let mut running = table();
    let _ = killpg(leader, Signal::SIGKILL);
    let status = child.wait();
    running.remove(&pid);
    drop(running);
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or(0)),
        },
        Err(_) => Exit::Signal(0),
    }
}

fn table() -> MutexGuard<'static, BTreeMap<i32, What>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a short-lived tool said.
#[derive(Clone, Debug)]
pub struct Captured {
    /// How it ended.
    pub exit: Exit,
    /// What it printed, up to the limit.
    pub stdout: Vec<u8>,
    /// What it complained about, up to the limit.
    pub stderr: Vec<u8>,
}

enum Part {
    Exit(Exit),
    Out(Vec<u8>),
    Err(Vec<u8>),
}

/// Runs a tool to its end: `input` on standard input, at most `limit` bytes kept of each output.
/// After `deadline` it is killed, which is an error of kind `TimedOut`.
pub fn capture(
    command: &mut Command,
    input: Option<Vec<u8>>,
    limit: u64,
    deadline: Duration,
) -> io::Result<Captured> {
    command
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (to, from) = channel();
    let on_exit = to.clone();
    let (process, pipes) = spawn(command, What::Tool, move |exit| {
        let _ = on_exit.send(Part::Exit(exit));
    })?;
    if let (Some(mut stdin), Some(input)) = (pipes.stdin, input) {
        // A tool that does not want its input closes the pipe; its exit code says the rest.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    if let Some(stdout) = pipes.stdout {
        let to = to.clone();
        thread::spawn(move || drop(to.send(Part::Out(read_bounded(stdout, limit)))));
    }
    if let Some(stderr) = pipes.stderr {
        thread::spawn(move || drop(to.send(Part::Err(read_bounded(stderr, limit)))));
    }
    if let Some(captured) = collect(&from, deadline) {
        return Ok(captured);
    }
    process.signal(Signal::SIGKILL);
    let _ = collect(&from, KILL_GRACE);
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("it took longer than {} s", deadline.as_secs()),
    ))
}

fn collect(from: &Receiver<Part>, deadline: Duration) -> Option<Captured> {
    let end = Instant::now() + deadline;
    let (mut exit, mut stdout, mut stderr) = (None, None, None);
    loop {
        match from.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Part::Exit(e)) => exit = Some(e),
            Ok(Part::Out(bytes)) => stdout = Some(bytes),
            Ok(Part::Err(bytes)) => stderr = Some(bytes),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        }
        if let (Some(exit), true, true) = (exit, stdout.is_some(), stderr.is_some()) {
            return Some(Captured {
                exit,
                stdout: stdout.unwrap_or_default(),
                stderr: stderr.unwrap_or_default(),
            });
        }
    }
}

/// Keeps the first `limit` bytes and reads on to the end, so that the writer never blocks.
fn read_bounded(mut from: impl Read, limit: u64) -> Vec<u8> {
    let mut kept = Vec::new();
    let _ = from.by_ref().take(limit).read_to_end(&mut kept);
    let _ = io::copy(&mut from, &mut io::sink());
    kept
}
