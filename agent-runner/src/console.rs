//! What the runner prints: one line per thing that happened, which is what `swarm logs agent-1`
//! shows. Secrets are blotted out, control sequences of agents removed, lines bounded.

use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock};

use ticket::text;

use crate::lines::first_bytes;

/// What is shown of one line.
const SHOWN: usize = 2000;
/// Shorter values are no secrets, and blotting them out would hide ordinary words.
const SHORTEST_SECRET: usize = 8;
/// Stands in a secret's place.
const BLOT: &str = "[secret]";

/// The runner's standard output. Clones share the secrets.
#[derive(Clone, Default)]
pub struct Console {
    secrets: Arc<RwLock<Vec<String>>>,
}

impl Console {
    /// `value` must not be printed or sent from now on.
    pub fn hide(&self, value: &str) {
        let mut secrets = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        for line in value.lines().map(str::trim) {
            if line.len() >= SHORTEST_SECRET && !secrets.iter().any(|s| s == line) {
                secrets.push(line.to_owned());
            }
        }
    }

    /// The text without the secrets.
    pub fn redact(&self, text: &str) -> String {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_owned();
        for secret in secrets.iter() {
            if text.contains(secret) {
                text = text.replace(secret, BLOT);
            }
        }
        text
    }

    /// Prints one line: who speaks, and what. Nobody listening is no error.
    pub fn say(&self, who: &str, what: &str) {
        for line in what.lines() {
            let line = self.redact(&clean(line));
            let shown = first_bytes(&line, SHOWN);
            let more = if shown.len() < line.len() { " …" } else { "" };
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{who}: {shown}{more}");
            let _ = out.flush();
        }
    }
}

/// The line without colours, cursor movements and other control characters.
pub fn clean(line: &str) -> String {
    text::plain(&without_escapes(line))
}

/// Drops `ESC [ … letter` and `ESC ] … BEL`, which would leave their parameters behind.
fn without_escapes(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            kept.push(c);
            continue;
        }
        match chars.next() {
            Some('[') => {
                chars.find(|c| ('@'..='~').contains(c));
            }
            Some(']') => {
                let mut last = ' ';
                chars.find(|c| {
                    let ends = *c == '\u{7}' || (last == '\u{1b}' && *c == '\\');
                    last = *c;
                    ends
                });
            }
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out() {
        let console = Console::default();
        console.hide("sk-ant-12345678");
        console.hide("short");
        assert_eq!(
            console.redact("key=sk-ant-12345678 short"),
            "key=[secret] short"
        );
    }

    #[test]
    fn a_secret_of_several_lines_is_hidden_line_by_line() {
        let console = Console::default();
        console.hide("first-line-of-key\nsecond-line-of-key\n");
        assert_eq!(console.redact("x second-line-of-key"), "x [secret]");
    }

    #[test]
    fn terminals_get_no_orders() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m"), "red");
        assert_eq!(clean("\u{1b}]0;title\u{7}text"), "text");
        assert_eq!(clean("\u{1b}]8;;http://x\u{1b}\\link"), "link");
        assert_eq!(clean("a\rb\u{8}c\td"), "abc\td");
        assert_eq!(clean("\u{1b}[31"), "");
    }
}
