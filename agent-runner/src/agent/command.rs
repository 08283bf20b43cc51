//! The backend `command`: any program that takes a prompt and exits with 0 when it is done.

use super::{Ending, Reader};
use crate::process::Exit;

/// Shows every line and believes the exit code.
#[derive(Debug, Default)]
pub struct Plain;

impl Reader for Plain {
    fn line(&mut self, line: &str, _cut: bool) -> Vec<String> {
        vec![line.to_owned()]
    }

    fn is_done(&self) -> bool {
        false
    }

    fn session(&self) -> Option<String> {
        None
    }

    fn ending(&self, exit: Exit, stderr: &str) -> Ending {
        match exit {
            Exit::Code(0) => Ending::Completed(None),
            Exit::Code(code) => match stderr.trim().lines().last() {
                Some(last) => Ending::Failed(format!("the agent exited {code}: {last}")),
                None => Ending::Failed(format!("the agent exited {code}")),
            },
            Exit::Signal(signal) => Ending::Killed(signal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_decides() {
        let ending = |exit, stderr| Plain.ending(exit, stderr);
        assert_eq!(ending(Exit::Code(0), "noise"), Ending::Completed(None));
        assert_eq!(
            ending(Exit::Code(2), "a\nno such file\n"),
            Ending::Failed("the agent exited 2: no such file".into())
        );
        assert_eq!(
            ending(Exit::Code(2), ""),
            Ending::Failed("the agent exited 2".into())
        );
        assert_eq!(ending(Exit::Signal(9), ""), Ending::Killed(9));
    }
}
