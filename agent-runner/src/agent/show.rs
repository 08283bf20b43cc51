//! What readers show of an agent CLI's output: short, one thing a line.

use serde_json::Value;

use crate::lines::first_bytes;

/// What is shown of one text or command.
pub const SHOWN: usize = 500;
/// What is kept of the last text, for the commit's body.
pub const SUMMARY: usize = 8 * 1024;

/// One line of JSON output; what is none is shown as it is.
pub fn json_line(line: &str, cut: bool, take: impl FnOnce(&Value) -> Vec<String>) -> Vec<String> {
    if cut {
        return vec!["(a line too long to read)".into()];
    }
    match serde_json::from_str::<Value>(line) {
        Ok(value) => take(&value),
        Err(_) => vec![line.to_owned()],
    }
}

/// The string at `key`, or an empty one.
pub fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The number at `key`, or 0.
pub fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or(0)
}

/// The beginning of a text.
pub fn shown(text: &str) -> String {
    let text = text.trim();
    let short = first_bytes(text, SHOWN);
    match short.len() < text.len() {
        true => format!("{short} …"),
        false => short.to_owned(),
    }
}

/// The beginning of a text, its lines joined.
pub fn one_line(text: &str) -> String {
    shown(text).replace('\n', " ⏎ ")
}

/// What an agent said last, for the commit's body; none when it is empty.
pub fn summary(text: &str) -> Option<String> {
    Some(first_bytes(text, SUMMARY).trim().to_owned()).filter(|text| !text.is_empty())
}
