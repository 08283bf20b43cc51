//! Claude Code's stream-json. Kinds and fields that are not known are passed over.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::calls::{INPUT, OUTPUT, SHORT, call, tokens, word};
use super::paper::{Cut, Paper};
use crate::{moment, text};

/// How many calls are remembered, for their results to name them.
const CALLS: usize = 1000;

/// What earlier lines said.
#[derive(Debug, Default)]
pub struct Claude {
    calls: HashMap<String, Call>,
    order: VecDeque<String>,
}

#[derive(Debug)]
struct Call {
    name: String,
    depth: usize,
}

impl Claude {
    /// Writes down what one line says.
    pub fn show(&mut self, message: &Value, paper: &mut Paper) {
        let depth = self.depth(message);
        match word(message, "type") {
            "system" => system(message, depth, paper),
            "assistant" => self.assistant(message, depth, paper),
            "user" => self.user(message, depth, paper),
            "rate_limit_event" => limit(&message["rate_limit_info"], paper),
            "result" => result(message, paper),
            _ => {}
        }
    }

    /// How many sub-agents deep a message is.
    fn depth(&self, message: &Value) -> usize {
        match message["parent_tool_use_id"].as_str() {
            Some(parent) => self.calls.get(parent).map_or(1, |call| call.depth + 1),
            None => 0,
        }
    }

    fn assistant(&mut self, message: &Value, depth: usize, paper: &mut Paper) {
        let failed = message["error"].as_str();
        for block in blocks(message) {
            match word(block, "type") {
                "text" => {
                    let said = word(block, "text");
                    let mark = match failed {
                        Some(error) => format!("service ({error}):"),
                        None => "agent:".into(),
                    };
                    if !said.trim().is_empty() {
                        paper.entry(depth, &mark, said, Cut::NOT);
                    }
                }
                "thinking" if !word(block, "thinking").trim().is_empty() => {
                    paper.entry(depth, "thinks:", word(block, "thinking"), INPUT);
                }
                "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                    let name = word(block, "name");
                    self.remember(word(block, "id"), name, depth);
                    call(name, &block["input"], depth, paper);
                }
                _ => {}
            }
        }
    }

    fn remember(&mut self, id: &str, name: &str, depth: usize) {
        let call = Call {
            name: name.chars().take(SHORT).collect(),
            depth,
        };
        let id: String = id.chars().take(SHORT).collect();
        if self.calls.insert(id.clone(), call).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > CALLS {
            self.order.pop_front().map(|old| self.calls.remove(&old));
        }
    }

    fn user(&mut self, message: &Value, depth: usize, paper: &mut Paper) {
        if let Some(said) = message["message"]["content"].as_str() {
            paper.entry(depth, "told:", said, INPUT);
        }
        for block in blocks(message) {
            match word(block, "type") {
                "tool_result" => {
                    let call = self.calls.get(word(block, "tool_use_id"));
                    let name = call.map_or("a tool", |call| call.name.as_str());
                    let depth = call.map_or(depth, |call| call.depth);
                    let mark = match block["is_error"].as_bool() {
                        Some(true) => format!("{name} failed:"),
                        _ => format!("{name} answers:"),
                    };
                    paper.entry(depth, &mark, &content(&block["content"]), OUTPUT);
                }
                "text" => paper.entry(depth, "told:", word(block, "text"), INPUT),
                _ => {}
            }
        }
    }
}

/// The text of a tool's answer; of anything else in it, what it is.
fn content(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let parts: Vec<String> = parts
        .map(|part| match part["text"].as_str() {
            Some(text) => text.to_owned(),
            None => {
                let bytes = part["source"]["data"].as_str().map_or(0, str::len);
                let size = text::size(u64::try_from(bytes).unwrap_or(u64::MAX));
                format!("({}, {size})", word(part, "type"))
            }
        })
        .collect();
    parts.join("\n")
}

fn system(message: &Value, depth: usize, paper: &mut Paper) {
    let entry = match word(message, "subtype") {
        "init" => {
            let (version, model) = (word(message, "claude_code_version"), word(message, "model"));
            let tools = message["tools"].as_array().map_or(0, Vec::len);
            format!("claude {version} with {model}, {tools} tools")
        }
        "api_retry" => format!(
            "the service failed: {}, try {} of {}",
            word(message, "error"),
            message["attempt"],
            message["max_retries"],
        ),
        "permission_denied" => format!(
            "{} was denied: {}",
            word(message, "tool_name"),
            word(message, "message")
        ),
        "task_started" => format!("a task begins: {}", word(message, "description")),
        "task_notification" => format!(
            "a task is {}: {}",
            word(message, "status"),
            word(message, "summary")
        ),
        "informational" => word(message, "content").to_owned(),
        "compact_boundary" => "the conversation was made shorter".to_owned(),
        _ => return,
    };
    paper.entry(depth, "note:", &entry, INPUT);
}

fn limit(info: &Value, paper: &mut Paper) {
    let status = word(info, "status");
    if status == "allowed" {
        return;
    }
    let which = word(info, "rateLimitType");
    let resets = info["resetsAt"].as_i64().and_then(moment::text);
    let resets = resets.map_or(String::new(), |at| format!(", resets at {at} UTC"));
    paper.entry(0, "limit:", &format!("{status} {which}{resets}"), INPUT);
}

/// How a turn ended and what it used; of a failure, what was said.
fn result(message: &Value, paper: &mut Paper) {
    let failed = message["is_error"].as_bool() != Some(false);
    let mut words = match (failed, word(message, "subtype")) {
        (false, _) => "done".to_owned(),
        (true, "success") => "failed".to_owned(),
        (true, subtype) => format!("failed, {subtype}"),
    };
    if let Some(status) = message["api_error_status"].as_u64() {
        words += &format!(", status {status}");
    }
    match message["num_turns"].as_u64() {
        Some(1) => words += " after 1 turn",
        Some(turns) => words += &format!(" after {turns} turns"),
        None => {}
    }
    if let Some(milliseconds) = message["duration_ms"].as_u64() {
        words += &format!(
            " in {}.{} s",
            milliseconds / 1000,
            milliseconds % 1000 / 100
        );
    }
    words += &usage(message);
    paper.entry(0, "turn:", &words, INPUT);
    if failed {
        let said = message["result"].as_str().map(str::to_owned);
        let errors = message["errors"].as_array().into_iter().flatten();
        let errors: Vec<&str> = errors.filter_map(Value::as_str).collect();
        let said = said.unwrap_or_else(|| errors.join("\n"));
        paper.entry(0, "error:", &said, INPUT);
    }
}

fn usage(message: &Value) -> String {
    let usage = &message["usage"];
    let mut words = tokens(&[
        (&usage["input_tokens"], "in"),
        (&usage["output_tokens"], "out"),
        (&usage["cache_read_input_tokens"], "from cache"),
        (&usage["cache_creation_input_tokens"], "to cache"),
    ]);
    if let Some(cost) = message["total_cost_usd"].as_f64() {
        words += &format!("; ${cost:.4} in all");
    }
    words
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    let content = message["message"]["content"].as_array();
    content.into_iter().flatten()
}
