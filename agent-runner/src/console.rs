//! What the runner prints: one line per thing that happened, which is what `swarm logs agent-1`
//! shows. Secrets are blotted out, control sequences of agents removed, lines bounded.

use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock};

pub use ticket::text::clean;

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
            if line.len() < SHORTEST_SECRET {
                continue;
            }
            for form in [line.to_owned(), in_json(line)] {
                if !secrets.contains(&form) {
                    secrets.push(form);
                }
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

/// As it stands within a string of JSON, which is how agent CLIs print it.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
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
    fn a_secret_is_hidden_in_json_too() {
        let console = Console::default();
        console.hide(r#"pass"word\1"#);
        let printed = serde_json::json!({ "text": r#"it is pass"word\1"# }).to_string();
        assert_eq!(console.redact(&printed), r#"{"text":"it is [secret]"}"#);
    }

    #[test]
    fn a_secret_of_several_lines_is_hidden_line_by_line() {
        let console = Console::default();
        console.hide("first-line-of-key\nsecond-line-of-key\n");
        assert_eq!(console.redact("x second-line-of-key"), "x [secret]");
    }
}
