//! What every format shows alike: calls of tools and what they are given.

use serde_json::Value;

use super::paper::{Cut, Paper};

/// What is shown of what a tool is given.
pub const INPUT: Cut = Cut {
    lines: 60,
    bytes: 8 * 1024,
};
/// What is shown of what a tool answers.
pub const OUTPUT: Cut = Cut {
    lines: 40,
    bytes: 4 * 1024,
};
/// A value of up to so many bytes stands beside the tool's name.
pub const SHORT: usize = 120;

/// What is replaced by what.
const OF_A_CHANGE: [&str; 2] = ["old_string", "new_string"];

/// A tool's name, its short inputs beside it and its long ones below.
pub fn call(name: &str, input: &Value, depth: usize, paper: &mut Paper) {
    if let (true, Some(command)) = (is_shell(name), input["command"].as_str()) {
        return paper.entry(depth, &format!("calls {name}: $"), command, INPUT);
    }
    let (mut beside, mut below) = (String::new(), String::new());
    for (key, value) in input.as_object().into_iter().flatten() {
        if value.is_string() && OF_A_CHANGE.contains(&key.as_str()) {
            continue;
        }
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match value.len() <= SHORT && !value.contains('\n') {
            true => beside += &format!(" {key}={value}"),
            false => below += &format!("{key}:\n{}\n", set_in(&value)),
        }
    }
    let [old, new] = OF_A_CHANGE.map(|key| word(input, key));
    below += &marked('-', old);
    below += &marked('+', new);
    paper.entry(depth, &format!("calls {name}:{beside}"), "", INPUT);
    if !below.is_empty() {
        paper.entry(depth, &format!("  {name} is given"), &below, INPUT);
    }
}

/// Each line of a text behind a mark.
fn marked(mark: char, text: &str) -> String {
    let lines = text.lines().map(|line| format!("{mark} {line}\n"));
    lines.collect()
}

fn set_in(value: &str) -> String {
    let lines: Vec<String> = value.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

/// The tools that run a command.
fn is_shell(name: &str) -> bool {
    matches!(name, "Bash" | "bash" | "shell" | "run_shell_command")
}

/// The string at `key`, or an empty one.
pub fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// `3 in, 4 out` of the numbers that are there and not 0.
pub fn tokens(counts: &[(&Value, &str)]) -> String {
    let counts = counts.iter().filter_map(|(count, what)| {
        let count = count.as_u64().filter(|count| *count > 0)?;
        Some(format!("{count} {what}"))
    });
    let counts: Vec<String> = counts.collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!("; tokens: {}", counts.join(", ")),
    }
}
