//! What `codex exec --json` prints. Kinds and fields that are not known are passed over.

use serde_json::Value;

use super::calls::{INPUT, OUTPUT, call, tokens, word};
use super::paper::{Cut, Paper};

/// Writes down what one line says.
pub fn show(event: &Value, paper: &mut Paper) {
    match word(event, "type") {
        "thread.started" => {
            let conversation = format!("codex, conversation {}", word(event, "thread_id"));
            paper.entry(0, "note:", &conversation, INPUT);
        }
        "item.completed" => item(&event["item"], paper),
        "turn.completed" => {
            let usage = &event["usage"];
            let used = tokens(&[
                (&usage["input_tokens"], "in"),
                (&usage["output_tokens"], "out"),
                (&usage["cached_input_tokens"], "of those in from cache"),
            ]);
            paper.entry(0, "turn:", &format!("done{used}"), INPUT);
        }
        "turn.failed" => paper.entry(0, "error:", word(&event["error"], "message"), INPUT),
        "error" => paper.entry(0, "note:", word(event, "message"), INPUT),
        _ => {}
    }
}

fn item(item: &Value, paper: &mut Paper) {
    match word(item, "type") {
        "agent_message" => paper.entry(0, "agent:", word(item, "text"), Cut::NOT),
        "reasoning" => paper.entry(0, "thinks:", word(item, "text"), INPUT),
        "command_execution" => {
            paper.entry(0, "calls shell: $", word(item, "command"), INPUT);
            let mark = match item["exit_code"].as_i64() {
                Some(0) | None => "shell answers:".to_owned(),
                Some(code) => format!("shell failed ({code}):"),
            };
            paper.entry(0, &mark, word(item, "aggregated_output"), OUTPUT);
        }
        "file_change" => {
            let changes = item["changes"].as_array().into_iter().flatten();
            let changes =
                changes.map(|change| format!("{} {}", word(change, "kind"), word(change, "path")));
            let changes: Vec<String> = changes.collect();
            paper.entry(0, "changes:", &changes.join("\n"), INPUT);
        }
        "mcp_tool_call" => {
            let name = format!("{}.{}", word(item, "server"), word(item, "tool"));
            call(&name, &item["arguments"], 0, paper);
        }
        "web_search" => paper.entry(0, "calls search:", word(item, "query"), INPUT),
        "error" => paper.entry(0, "note:", word(item, "message"), INPUT),
        _ => {}
    }
}
