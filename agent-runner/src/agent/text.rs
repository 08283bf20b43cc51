//! Output for people: every line is shown, and the exit code and the backend's patterns decide.
//!
//! A pattern counts in the last lines of a run that failed, and in the very last line of one that
//! exited 0: an agent may well write about limits without having hit one.

use std::collections::VecDeque;

use super::patterns::Patterns;
use super::status::LAST_LINES;
use super::{Ending, Reader};
use crate::lines::first_bytes;
use crate::process::Exit;

/// What is kept of one line, to look for patterns in.
const KEPT: usize = 2000;

/// What was seen of a run so far.
#[derive(Debug, Default)]
pub struct Text {
    patterns: Patterns,
    last: VecDeque<String>,
    session: Option<String>,
    served: bool,
}

impl Text {
    /// Of a run whose words mean this.
    pub fn new(patterns: Patterns) -> Text {
        Text {
            patterns,
            ..Text::default()
        }
    }

    fn said(&self, lines: usize, now: i64) -> Option<Ending> {
        let last = self.last.iter().rev().take(lines);
        last.into_iter()
            .find_map(|line| self.patterns.ending(line, now))
    }
}

impl Reader for Text {
    fn line(&mut self, line: &str, _cut: bool) -> Vec<String> {
        let kept = first_bytes(line, KEPT);
        if let Some(session) = self.patterns.session(kept) {
            self.session = Some(session);
        }
        self.served |= self.patterns.is_served(kept);
        if !kept.trim().is_empty() {
            self.last.push_back(kept.to_owned());
            if self.last.len() > LAST_LINES {
                self.last.pop_front();
            }
        }
        vec![line.to_owned()]
    }

    fn is_activity(&self, line: &str) -> bool {
        self.patterns.is_activity(line)
    }

    fn is_done(&self) -> bool {
        false
    }

    fn session(&self) -> Option<String> {
        self.session.clone()
    }

    fn is_served(&self) -> bool {
        self.served
    }

    fn ending(&self, exit: Exit, stderr: &str) -> Ending {
        let now = ticket::moment::now();
        let errors = || {
            let last = stderr.lines().rev().filter(|l| !l.trim().is_empty());
            last.take(LAST_LINES)
                .find_map(|line| self.patterns.ending(line, now))
        };
        match exit {
            Exit::Code(0) => self.said(1, now).unwrap_or(Ending::Completed(None)),
            Exit::Signal(signal) => Ending::Killed(signal),
            Exit::Code(code) => errors()
                .or_else(|| self.said(LAST_LINES, now))
                .unwrap_or_else(|| match stderr.trim().lines().last() {
                    Some(last) => Ending::Failed(format!("the agent exited {code}: {last}")),
                    None => Ending::Failed(format!("the agent exited {code}")),
                }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(lines: &[&str], exit: Exit, stderr: &str) -> Ending {
        let list = |one: &str| vec![one.to_owned()];
        let patterns = Patterns::new(&ticket::backend::Patterns {
            limit: list("limit reached"),
            auth: list("not logged in"),
            overloaded: list("overloaded"),
            fatal: list("^fatal:"),
            ..Default::default()
        });
        let mut text = Text::new(patterns.unwrap());
        for line in lines {
            text.line(line, false);
        }
        text.ending(exit, stderr)
    }

    #[test]
    fn without_patterns_the_exit_code_decides() {
        let ending = |exit, stderr| Text::default().ending(exit, stderr);
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

    #[test]
    fn a_pattern_counts_at_the_end_of_what_was_said() {
        let limited = |ending| matches!(ending, Ending::RateLimited { .. });
        assert!(limited(ending(&["limit reached"], Exit::Code(1), "")));
        assert!(limited(ending(
            &["limit reached", "bye"],
            Exit::Code(1),
            ""
        )));
        assert!(limited(ending(&["x", "limit reached"], Exit::Code(0), "")));
        assert!(limited(ending(&["x"], Exit::Code(1), "limit reached\n")));
        assert_eq!(
            ending(&["tested 'limit reached'", "done"], Exit::Code(0), ""),
            Ending::Completed(None),
            "an agent may write about limits"
        );
        let mut long = vec!["limit reached"];
        long.extend(["working"; LAST_LINES]);
        assert_eq!(
            ending(&long, Exit::Code(1), ""),
            Ending::Failed("the agent exited 1".into())
        );
        assert_eq!(
            ending(&["fatal: no repository"], Exit::Code(0), ""),
            Ending::Failed("fatal: no repository".into())
        );
        assert_eq!(
            ending(&[], Exit::Code(3), "not logged in"),
            Ending::Auth("not logged in".into())
        );
        assert_eq!(
            ending(&["overloaded"], Exit::Signal(6), ""),
            Ending::Killed(6)
        );
    }
}
