//! An answer of the Messages API, whole or as the events of a stream. Pure.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::script::{Block, Step};

/// About how many characters a token is.
const TOKEN: usize = 4;
/// What each answer puts into the cache and takes out of it, in tokens.
const CACHE_WRITE: usize = 70;
const CACHE_READ: usize = 3000;

/// The answer that makes this step in the conversation of `request`. Its ids depend on the request
/// alone.
pub fn message(request: &Value, step: &Step) -> Value {
    let id = hash(&request["messages"]);
    let blocks = step.blocks().iter().enumerate();
    let content: Vec<Value> = blocks.map(|(i, b)| block(&format!("{id}{i}"), b)).collect();
    let uses_tools = content.iter().any(|b| b["type"] == "tool_use");
    let size = |value: &Value| value.to_string().len() / TOKEN + 1;
    json!({
        "id": format!("msg_{id}"),
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": content,
        "stop_reason": if uses_tools { "tool_use" } else { "end_turn" },
        "stop_sequence": null,
        "usage": {
            "input_tokens": size(&request["messages"]),
            "cache_creation_input_tokens": CACHE_WRITE,
            "cache_read_input_tokens": CACHE_READ,
            "output_tokens": size(&json!(content)),
        },
    })
}

fn block(id: &str, block: &Block) -> Value {
    match block {
        Block::Text(text) => json!({"type": "text", "text": text}),
        Block::Tool { name, input } => {
            json!({"type": "tool_use", "id": format!("toolu_{id}"), "name": name, "input": input})
        }
    }
}

/// The same answer as a stream of server-sent events.
pub fn stream(message: &Value) -> String {
    let mut start = message.clone();
    start["content"] = json!([]);
    start["stop_reason"] = Value::Null;
    start["usage"]["output_tokens"] = json!(1);
    let mut events = vec![json!({"type": "message_start", "message": start})];
    for (index, block) in message["content"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let (empty, delta) = parts(block);
        events.extend([
            json!({"type": "content_block_start", "index": index, "content_block": empty}),
            json!({"type": "content_block_delta", "index": index, "delta": delta}),
            json!({"type": "content_block_stop", "index": index}),
        ]);
    }
    let delta = json!({"stop_reason": message["stop_reason"], "stop_sequence": null});
    events.extend([
        json!({"type": "message_delta", "delta": delta, "usage": message["usage"]}),
        json!({"type": "message_stop"}),
    ]);
    let lines = events.iter().map(|event| {
        let name = event["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {event}\n\n")
    });
    lines.collect()
}

/// A block as it starts, and what is then added to it.
fn parts(block: &Value) -> (Value, Value) {
    let mut empty = block.clone();
    match block["type"].as_str() {
        Some("tool_use") => {
            empty["input"] = json!({});
            let input = block["input"].to_string();
            (
                empty,
                json!({"type": "input_json_delta", "partial_json": input}),
            )
        }
        _ => {
            empty["text"] = json!("");
            (empty, json!({"type": "text_delta", "text": block["text"]}))
        }
    }
}

fn hash(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string());
    digest[..10]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
