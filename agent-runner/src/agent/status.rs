//! How a run ended whose output does not say: by its exit status and the end of standard error.

use super::Ending;
use super::patterns::Patterns;
use crate::process::Exit;

/// What is added to a signal's number when a program reports it as an exit code.
const SIGNALLED: i32 = 128;
/// How many of the last lines are looked at.
pub const LAST_LINES: usize = 20;

/// The ending of a run that did not say how it ended and did not end well. Before it had `begun` to
/// work, the program refused to start. `now` in Unix seconds.
pub fn failure(exit: Exit, stderr: &str, begun: bool, patterns: &Patterns, now: i64) -> Ending {
    let code = match exit {
        Exit::Signal(signal) => return Ending::Killed(signal),
        // 128 plus HUP, INT, KILL, TERM.
        Exit::Code(code @ (129 | 130 | 137 | 143)) => return Ending::Killed(code - SIGNALLED),
        Exit::Code(code) => code,
    };
    let last: Vec<&str> = stderr
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(LAST_LINES)
        .collect();
    if let Some(ending) = last.iter().find_map(|line| patterns.ending(line, now)) {
        return ending;
    }
    let said = match last.first() {
        Some(line) => format!("the agent exited {code}: {}", line.trim()),
        None => format!("the agent exited {code} without a word"),
    };
    match begun {
        true => Ending::Failed(said),
        false => Ending::NotStarted(said),
    }
}
