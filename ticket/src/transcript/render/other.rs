//! Any JSON object: what kind it is, and the texts in it under the names that agent CLIs use.

use serde_json::Value;

use super::paper::{Cut, Paper};

/// What is shown of one text.
const SHOWN: Cut = Cut {
    lines: 40,
    bytes: 4 * 1024,
};
/// Parts that hold what a message is about.
const WITHIN: [&str; 6] = ["item", "part", "state", "data", "error", "message"];
/// What a text may be called, the most telling first.
const TEXTS: [&str; 12] = [
    "command",
    "text",
    "content",
    "message",
    "tool_name",
    "tool",
    "input",
    "parameters",
    "output",
    "aggregated_output",
    "result",
    "error",
];

/// Writes down what one line says.
pub fn show(message: &Value, paper: &mut Paper) {
    let (mut kind, mut texts) = (String::new(), Vec::new());
    gather(message, 0, &mut kind, &mut texts);
    let mark = match kind.is_empty() {
        true => "message:".to_owned(),
        false => format!("{kind}:"),
    };
    paper.entry(0, &mark, &texts.join("\n"), SHOWN);
}

fn gather(value: &Value, depth: usize, kind: &mut String, texts: &mut Vec<String>) {
    for key in ["type", "role", "status"] {
        if let Some(word) = value[key].as_str() {
            *kind += if kind.is_empty() { "" } else { " " };
            *kind += word;
        }
    }
    for key in TEXTS {
        match &value[key] {
            Value::String(text) if !text.trim().is_empty() => texts.push(text.clone()),
            Value::Object(fields) if !WITHIN.contains(&key) && !fields.is_empty() => {
                texts.push(value[key].to_string());
            }
            _ => {}
        }
    }
    if depth < 2 {
        for key in WITHIN {
            if value[key].is_object() {
                gather(&value[key], depth + 1, kind, texts);
            }
        }
    }
}
