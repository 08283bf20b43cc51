//! What `opencode run --format json` prints. Kinds and fields that are not known are passed over.

use serde_json::Value;

use super::calls::{INPUT, OUTPUT, call, tokens, word};
use super::paper::{Cut, Paper};

/// Writes down what one line says.
pub fn show(event: &Value, paper: &mut Paper) {
    let part = &event["part"];
    match word(event, "type") {
        "text" => paper.entry(0, "agent:", word(part, "text"), Cut::NOT),
        "reasoning" => paper.entry(0, "thinks:", word(part, "text"), INPUT),
        "tool_use" => {
            let (name, state) = (word(part, "tool"), &part["state"]);
            call(name, &state["input"], 0, paper);
            match word(state, "status") {
                "error" => {
                    let mark = format!("{name} failed:");
                    paper.entry(0, &mark, word(state, "error"), OUTPUT);
                }
                _ => {
                    let mark = format!("{name} answers:");
                    paper.entry(0, &mark, word(state, "output"), OUTPUT);
                }
            }
        }
        "step_finish" => {
            let counts = &part["tokens"];
            let mut words = word(part, "reason").to_owned();
            words += &tokens(&[
                (&counts["input"], "in"),
                (&counts["output"], "out"),
                (&counts["cache"]["read"], "from cache"),
                (&counts["cache"]["write"], "to cache"),
            ]);
            if let Some(cost) = part["cost"].as_f64().filter(|cost| *cost > 0.0) {
                words += &format!("; ${cost:.4}");
            }
            paper.entry(0, "turn:", &words, INPUT);
        }
        "error" => {
            let (error, data) = (&event["error"], &event["error"]["data"]);
            let said = format!("{}: {}", word(error, "name"), word(data, "message"));
            paper.entry(0, "error:", &said, INPUT);
        }
        _ => {}
    }
}
