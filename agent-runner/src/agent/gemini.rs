//! Reading what `gemini --output-format stream-json` prints: one event a line, `result` at the end.
//! Kinds and fields that are not known are passed over.
//!
//! Its exit code is no help: a failure exits with the HTTP status, cut to a byte.

use serde_json::Value;
use ticket::usage::{ModelUsage, Usage};

use super::patterns::Patterns;
use super::show::{count, json_line, one_line, shown, summary, word};
use super::status::failure;
use super::{Ending, Reader};
use crate::lines::first_bytes;
use crate::process::Exit;

/// The most that is kept of one message, which comes in pieces.
const MESSAGE: usize = 64 * 1024;
/// Its exit code for a refused or missing login.
const NO_LOGIN: i32 = 41;
/// Its exit code when it used up its turns.
const OUT_OF_TURNS: i32 = 53;

/// What was seen of a run so far.
#[derive(Debug, Default)]
pub struct Gemini {
    patterns: Patterns,
    session: Option<String>,
    served: bool,
    /// The message that is being said.
    message: String,
    result: Option<Value>,
}

impl Gemini {
    /// Of a run whose failures are told by these patterns.
    pub fn new(patterns: Patterns) -> Gemini {
        Gemini {
            patterns,
            ..Gemini::default()
        }
    }

    fn take(&mut self, event: &Value) -> Vec<String> {
        match word(event, "type") {
            "init" => {
                self.session = event["session_id"].as_str().map(Into::into);
                vec![format!("gemini with {}", word(event, "model"))]
            }
            "message" if word(event, "role") == "assistant" => {
                self.served = true;
                let piece = word(event, "content");
                if event["delta"].as_bool() != Some(true) {
                    self.message.clear();
                }
                let room = MESSAGE.saturating_sub(self.message.len());
                self.message.push_str(first_bytes(piece, room));
                vec![shown(piece)]
            }
            "tool_use" => {
                self.served = true;
                self.message.clear();
                vec![tool(event)]
            }
            "tool_result" if word(event, "status") == "error" => {
                let said = match word(&event["error"], "message") {
                    "" => word(event, "output"),
                    said => said,
                };
                vec![format!("  failed: {}", one_line(said))]
            }
            "error" => vec![one_line(word(event, "message"))],
            "result" => {
                self.result = Some(event.clone());
                match word(event, "status") {
                    "success" => vec!["done".into()],
                    _ => vec![format!("failed: {}", one_line(failure_text(event)))],
                }
            }
            _ => Vec::new(),
        }
    }
}

fn tool(event: &Value) -> String {
    let (name, input) = (word(event, "tool_name"), &event["parameters"]);
    let key = ["command", "file_path", "path", "pattern", "query", "url"]
        .into_iter()
        .find(|key| input[*key].is_string());
    match (name, key) {
        ("run_shell_command", _) => format!("$ {}", one_line(word(input, "command"))),
        (_, Some(key)) => format!("{name} {}", one_line(word(input, key))),
        (_, None) => name.to_owned(),
    }
}

fn failure_text(result: &Value) -> &str {
    match word(&result["error"], "message") {
        "" => "the agent CLI failed without a word",
        said => said,
    }
}

/// The output of a model does not count its thoughts; the total does.
fn usage_of(model: &str, stats: &Value) -> ModelUsage {
    let (input, cached) = (count(stats, "input_tokens"), count(stats, "cached"));
    let written = count(stats, "total_tokens").saturating_sub(input);
    ModelUsage {
        model: model.to_owned(),
        usage: Usage {
            input_tokens: input.saturating_sub(cached),
            output_tokens: written.max(count(stats, "output_tokens")),
            cache_read_tokens: cached,
            cache_write_tokens: 0,
            cost_microusd: None,
        },
    }
}

impl Reader for Gemini {
    fn line(&mut self, line: &str, cut: bool) -> Vec<String> {
        json_line(line, cut, |event| self.take(event))
    }

    fn is_done(&self) -> bool {
        self.result.is_some()
    }

    fn session(&self) -> Option<String> {
        self.session.clone()
    }

    fn is_served(&self) -> bool {
        self.served
    }

    fn usage(&self) -> Vec<ModelUsage> {
        let models = self
            .result
            .as_ref()
            .and_then(|result| result["stats"]["models"].as_object());
        models
            .into_iter()
            .flatten()
            .map(|(model, stats)| usage_of(model, stats))
            .filter(|used| used.usage != Usage::default())
            .collect()
    }

    fn ending(&self, exit: Exit, stderr: &str) -> Ending {
        let now = ticket::moment::now();
        match &self.result {
            Some(result) if word(result, "status") == "success" => {
                Ending::Completed(summary(&self.message))
            }
            Some(result) => {
                let said = failure_text(result);
                self.patterns
                    .ending(said, now)
                    .map(|ending| ending.map_text(one_line))
                    .unwrap_or_else(|| match exit {
                        Exit::Code(OUT_OF_TURNS) => Ending::MaxTurns,
                        _ => Ending::Failed(one_line(said)),
                    })
            }
            None if exit == Exit::Code(0) => {
                Ending::Failed("the agent exited 0 without a result".into())
            }
            None => match (
                failure(exit, stderr, self.served, &self.patterns, now),
                exit,
            ) {
                (Ending::NotStarted(said), Exit::Code(NO_LOGIN)) => Ending::Auth(said),
                (Ending::Failed(_), Exit::Code(OUT_OF_TURNS)) => Ending::MaxTurns,
                (ending, _) => ending,
            },
        }
    }
}

#[cfg(test)]
mod tests;
