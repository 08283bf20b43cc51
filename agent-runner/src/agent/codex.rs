//! Reading what `codex exec --json` prints: one event a line. Kinds and fields that are not known are
//! passed over.
//!
//! A run ends with `turn.completed` or `turn.failed`; an `error` before that may be one that was
//! tried again. What is used is counted over the whole conversation, resumed runs included.

use std::path::PathBuf;

use serde_json::Value;
use ticket::usage::{ModelUsage, Usage};

use super::patterns::Patterns;
use super::show::{count, json_line, one_line, shown, summary, word};
use super::status::failure;
use super::{Ending, Reader};
use crate::process::Exit;

mod rollout;

/// What was seen of a run so far.
#[derive(Debug, Default)]
pub struct Codex {
    patterns: Patterns,
    /// The model that was asked for; the output does not name one.
    model: String,
    /// Where it keeps its conversations.
    home: PathBuf,
    /// What the conversation had used before this run.
    before: Usage,
    session: Option<String>,
    begun: bool,
    served: bool,
    said: Option<String>,
    completed: bool,
    failed: Option<String>,
    used: Option<Usage>,
}

impl Codex {
    /// Of a run with this model and this HOME that goes on with the conversation `resumed`, if any.
    pub fn new(
        patterns: Patterns,
        model: Option<&str>,
        home: PathBuf,
        resumed: Option<&str>,
    ) -> Codex {
        let before = resumed.and_then(|session| rollout::used(&home, session));
        Codex {
            patterns,
            model: model.unwrap_or_default().to_owned(),
            before: before.unwrap_or_default(),
            home,
            ..Codex::default()
        }
    }

    fn take(&mut self, event: &Value) -> Vec<String> {
        match word(event, "type") {
            "thread.started" => {
                self.session = event["thread_id"].as_str().map(Into::into);
                vec![format!("codex, conversation {}", word(event, "thread_id"))]
            }
            "turn.started" => {
                self.begun = true;
                Vec::new()
            }
            "item.started" | "item.updated" => Vec::new(),
            "item.completed" => {
                let session = self.session.as_deref();
                let so_far = session.and_then(|session| rollout::used(&self.home, session));
                self.used = so_far.or(self.used);
                self.item(&event["item"])
            }
            "turn.completed" => {
                self.completed = true;
                self.failed = None;
                self.used = Some(usage_in(&event["usage"]));
                vec!["done".into()]
            }
            "turn.failed" => {
                let said = word(&event["error"], "message").to_owned();
                let line = format!("failed: {}", one_line(&said));
                self.failed = Some(said);
                vec![line]
            }
            "error" => vec![one_line(word(event, "message"))],
            _ => Vec::new(),
        }
    }

    fn item(&mut self, item: &Value) -> Vec<String> {
        let kind = word(item, "type");
        // All but what the program says itself comes from an answer of the model.
        self.served |= kind != "error";
        match kind {
            "agent_message" => {
                self.said = summary(word(item, "text"));
                vec![shown(word(item, "text"))]
            }
            "command_execution" => {
                let mut lines = vec![format!("$ {}", one_line(word(item, "command")))];
                if item["exit_code"].as_i64().is_some_and(|code| code != 0) {
                    let output = word(item, "aggregated_output");
                    lines.push(format!("  failed: {}", one_line(output)));
                }
                lines
            }
            "file_change" => {
                let changes = item["changes"].as_array().into_iter().flatten();
                changes
                    .map(|change| format!("{} {}", word(change, "kind"), word(change, "path")))
                    .collect()
            }
            "mcp_tool_call" => vec![format!("{} {}", word(item, "server"), word(item, "tool"))],
            "web_search" => vec![format!("search {}", one_line(word(item, "query")))],
            "error" => vec![one_line(word(item, "message"))],
            _ => Vec::new(),
        }
    }
}

/// The input counts what came from the cache too.
fn usage_in(usage: &Value) -> Usage {
    let cached = count(usage, "cached_input_tokens");
    let written = count(usage, "cache_write_input_tokens");
    Usage {
        input_tokens: count(usage, "input_tokens").saturating_sub(cached + written),
        output_tokens: count(usage, "output_tokens"),
        cache_read_tokens: cached,
        cache_write_tokens: written,
        cost_microusd: None,
    }
}

impl Reader for Codex {
    fn line(&mut self, line: &str, cut: bool) -> Vec<String> {
        json_line(line, cut, |event| self.take(event))
    }

    fn is_done(&self) -> bool {
        self.completed || self.failed.is_some()
    }

    fn session(&self) -> Option<String> {
        self.session.clone()
    }

    fn is_served(&self) -> bool {
        self.served
    }

    fn usage(&self) -> Vec<ModelUsage> {
        let Some(used) = self.used else {
            return Vec::new();
        };
        let before = self.before;
        let usage = Usage {
            input_tokens: used.input_tokens.saturating_sub(before.input_tokens),
            output_tokens: used.output_tokens.saturating_sub(before.output_tokens),
            cache_read_tokens: used
                .cache_read_tokens
                .saturating_sub(before.cache_read_tokens),
            cache_write_tokens: used
                .cache_write_tokens
                .saturating_sub(before.cache_write_tokens),
            cost_microusd: None,
        };
        vec![ModelUsage {
            model: self.model.clone(),
            usage,
        }]
    }

    fn ending(&self, exit: Exit, stderr: &str) -> Ending {
        let now = ticket::moment::now();
        match &self.failed {
            Some(said) => self
                .patterns
                .ending(said, now)
                .unwrap_or_else(|| Ending::Failed(one_line(said))),
            None if self.completed => Ending::Completed(self.said.clone()),
            None if exit == Exit::Code(0) => {
                Ending::Failed("the agent exited 0 before its turn was over".into())
            }
            None => failure(exit, stderr, self.begun, &self.patterns, now),
        }
    }
}

#[cfg(test)]
mod tests;
