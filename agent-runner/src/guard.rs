//! What protects the runner from the agent, and the machine from what an agent leaves behind: no
//! other process may read the runner's memory, orphans come to it, and [`sweep`] ends them all.
//!
//! It works alike in a container (behind an init) and as a plain process: only descendants of this
//! very process are ever touched.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, SysconfVar, sysconf};

use crate::process::{self, What};

/// How long a sweep tries. What survives this is stuck in the kernel.
const SWEEP_BUDGET: Duration = Duration::from_secs(5);
/// How often [`signal_work`] looks for processes that were born meanwhile.
const LOOKS: u32 = 10;
/// Between two looks at processes that were killed and are not gone yet.
const SWEEP_PAUSE: Duration = Duration::from_millis(1);

/// Closes this process to others of the same user and makes it the parent of its orphans. Comes
/// before everything else.
pub fn close_to_others() -> anyhow::Result<()> {
    prctl::set_dumpable(false).context("cannot make this process unreadable to others")?;
    prctl::set_child_subreaper(true).context("cannot become the parent of orphans")
}

/// Takes the one-time code out of the environment, so that no child inherits it.
pub fn take_variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok();
    #[allow(unsafe_code, reason = "runs before any other thread exists")]
    // SAFETY: nobody else reads or writes the environment yet.
    unsafe {
        std::env::remove_var(name);
    }
    value
}

/// Kills every descendant of this process, except the tools that the runner itself is running, until
/// none is left.
pub fn sweep() {
    let end = Instant::now() + SWEEP_BUDGET;
    loop {
        // Locked throughout: a tool that starts meanwhile must not be taken for an orphan.
        let own = process::running();
        let (alive, dead) = strangers(&own);
        for pid in &alive {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        for pid in dead {
            let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
        }
        drop(own);
        if alive.is_empty() || Instant::now() >= end {
            return;
        }
        thread::sleep(SWEEP_PAUSE);
    }
}

/// Reaps orphans that have ended by themselves, so that they do not use up the pids limit.
pub fn reap() {
    let own = process::running();
    for pid in strangers(&own).1 {
        let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
    }
}

/// Sends `signal`, which is SIGSTOP or SIGCONT, to all work and to what it left behind. Processes that
/// are born meanwhile are found by looking again.
pub fn signal_work(signal: Signal) {
    // Locked throughout: a number in it stands for no other process meanwhile.
    let own = process::running();
    for _ in 0..LOOKS {
        let work = work(&own);
        let to_signal = work
            .iter()
            .filter(|stat| stat.stopped != (signal == Signal::SIGSTOP));
        let mut signalled = 0;
        for stat in to_signal {
            let _ = kill(Pid::from_raw(stat.pid), signal);
            signalled += 1;
        }
        if signalled == 0 {
            return;
        }
    }
}

/// The live descendants but the runner's tools and what those started.
fn work(own: &BTreeMap<i32, What>) -> Vec<Stat> {
    let all = descendants(|child| own.get(&child) != Some(&What::Tool));
    all.into_iter().filter(|stat| !stat.ended).collect()
}

/// The live descendants that the runner did not start itself, and the dead ones that it must reap.
fn strangers(own: &BTreeMap<i32, What>) -> (Vec<i32>, Vec<i32>) {
    let me = std::process::id().cast_signed();
    let (mut alive, mut dead) = (Vec::new(), Vec::new());
    for stat in descendants(|child| !own.contains_key(&child)) {
        match (stat.ended, stat.parent == me) {
            (false, _) => alive.push(stat.pid),
            (true, true) => dead.push(stat.pid),
            // Its own parent reaps it, or it comes to us when that parent is gone.
            (true, false) => {}
        }
    }
    (alive, dead)
}

/// What processor time all descendants of this process have used, those that have ended included as
/// far as their parents still live.
pub fn processor_time() -> Duration {
    let ticks: u64 = descendants(|_| true).iter().map(|stat| stat.ticks).sum();
    let each_second = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    let each_second = each_second.and_then(|n| u64::try_from(n).ok());
    Duration::from_millis(ticks * 1000 / each_second.unwrap_or(100).max(1))
}

/// The children of this process that count, and all that descend from them.
fn descendants(counts: impl Fn(i32) -> bool) -> Vec<Stat> {
    let me = std::process::id().cast_signed();
    let mut children: BTreeMap<i32, Vec<Stat>> = BTreeMap::new();
    for stat in all_processes() {
        children.entry(stat.parent).or_default().push(stat);
    }
    let mut found = children.remove(&me).unwrap_or_default();
    found.retain(|child| counts(child.pid));
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|stat| stat.pid) {
        found.extend(children.remove(&parent).unwrap_or_default());
        next += 1;
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    pid: i32,
    parent: i32,
    ended: bool,
    /// By a signal, and it may go on.
    stopped: bool,
    /// Clock ticks used by itself and by children that it reaped.
    ticks: u64,
}

fn all_processes() -> impl Iterator<Item = Stat> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let name = entry.file_name();
        let pid: i32 = name.to_str()?.parse().ok()?;
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse_stat(&String::from_utf8_lossy(&stat))
    })
}

/// `pid (name) state parent …`, where the name may hold anything, also brackets.
fn parse_stat(line: &str) -> Option<Stat> {
    let (pid, rest) = line.split_once(' ')?;
    let (_, rest) = rest.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    Some(Stat {
        pid: pid.parse().ok()?,
        parent: fields.next()?.parse().ok()?,
        ended: matches!(state, "Z" | "X"),
        stopped: state == "T",
        // utime, stime, cutime and cstime of proc_pid_stat(5): fields 14 to 17.
        ticks: fields
            .skip(9)
            .take(4)
            .filter_map(|f| f.parse::<u64>().ok())
            .sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_cannot_forge_its_parent() {
        let stat = |line| parse_stat(line);
        assert_eq!(
            stat("7 (x) Z 1) S 42 7 7 0"),
            Some(Stat {
                pid: 7,
                parent: 42,
                ended: false,
                stopped: false,
                ticks: 0
            })
        );
        assert_eq!(
            stat("8 (sh) Z 1 8 8 0"),
            Some(Stat {
                pid: 8,
                parent: 1,
                ended: true,
                stopped: false,
                ticks: 0
            })
        );
        let used = stat("9 (sh) R 1 9 9 0 -1 4194304 5 6 7 8 100 20 3 4 20 0 1 0 900");
        assert_eq!(used.map(|s| s.ticks), Some(127));
        let stopped = stat("9 (T) T 1 9 9 0");
        assert!(stopped.is_some_and(|s| s.stopped && !s.ended));
        assert_eq!(stat("nonsense"), None);
    }
}
