//! Runs programs to their end, with a deadline, and says everything when one fails.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// How long a program that ignores its deadline may take to end before it is killed.
const KILL_AFTER: &str = "--kill-after=10";

/// A program that is ended when `deadline` is over. Nothing comes in on standard input.
pub fn within(deadline: Duration, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command
        .arg(KILL_AFTER)
        .arg(deadline.as_secs().to_string())
        .arg(program)
        .stdin(Stdio::null());
    command
}

/// Runs it and returns what it printed, whatever its exit code.
pub fn output(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            panic!("these tests need the program 'timeout' (coreutils)")
        }
        Err(e) => panic!("{command:?}: {e}"),
    }
}

/// Runs it, insists on exit code 0, and returns what it printed on standard output.
pub fn printed(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{}", describe(command, &output));
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_string()
}

/// A command and all that came of it, for a person.
pub fn describe(command: &Command, output: &Output) -> String {
    let words: Vec<_> = command
        .get_args()
        .skip(2)
        .map(OsStr::to_string_lossy)
        .collect();
    format!(
        "'{}' ended with {}\n--- stdout\n{}\n--- stderr\n{}",
        words.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    )
}
