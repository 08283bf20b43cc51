//! What the end of a container says about the next one. Pure.

use swarm::config::Size;

/// The exit code of a process that was killed.
const KILLED: i64 = 128 + 9;
/// The exit code of a process that was asked to end and did not handle it.
const TERMINATED: i64 = 128 + 15;

/// How a container's process ended, and in which circumstances.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The exit code.
    pub code: i64,
    /// It used more memory than it may.
    pub out_of_memory: bool,
    /// It had enrolled.
    pub was_heard: bool,
    /// It is a worker that is one too many.
    pub was_dismissed: bool,
    /// It is a verifier that was given its work.
    pub had_work: bool,
}

impl Ended {
    /// Whether this speaks against starting it again. An agent that worked and was killed from
    /// outside says nothing about the next one.
    pub fn is_failure(self) -> bool {
        let killed = matches!(self.code, KILLED | TERMINATED) && !self.out_of_memory;
        !(self.is_as_asked() || (killed && self.was_heard))
    }

    /// A worker that was dismissed, or a verifier that did its work.
    pub fn is_as_asked(self) -> bool {
        self.code == 0 && (self.was_dismissed || self.had_work)
    }

    /// The cause in words that are the same for equal failures; `memory` is what it could use.
    pub fn kind(self, memory: Size) -> String {
        match self.code {
            code if self.out_of_memory => {
                format!("exit code {code}, out of memory (limits.memory {memory})")
            }
            KILLED => format!("exit code {KILLED}, killed"),
            code => format!("exit code {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_speaks_against_the_next_start_is_a_failure() {
        let ended = |code, was_heard| Ended {
            code,
            out_of_memory: false,
            was_heard,
            was_dismissed: false,
            had_work: false,
        };
        assert!(ended(1, true).is_failure());
        assert!(ended(0, true).is_failure());
        assert!(ended(KILLED, false).is_failure());
        assert!(!ended(KILLED, true).is_failure());
        let dismissed = Ended {
            was_dismissed: true,
            ..ended(0, true)
        };
        assert!(!dismissed.is_failure());
        let verifier = Ended {
            had_work: true,
            ..ended(0, true)
        };
        assert!(!verifier.is_failure());
        let out_of_memory = Ended {
            out_of_memory: true,
            ..ended(KILLED, true)
        };
        assert!(out_of_memory.is_failure());
        assert_eq!(
            out_of_memory.kind(Size(4 << 30)),
            "exit code 137, out of memory (limits.memory 4g)"
        );
    }
}
