//! What `gemini --output-format stream-json` prints: a message comes in pieces and is shown when it is
//! whole. Kinds and fields that are not known are passed over.

use serde_json::Value;

use super::calls::{INPUT, OUTPUT, SHORT, call, tokens, word};
use super::paper::{Cut, Paper};
use crate::text::first_bytes;

/// The most that is held of one message.
const MESSAGE: usize = 1 << 20;

/// What earlier lines said.
#[derive(Debug, Default)]
pub struct Gemini {
    /// The message that is being said.
    message: String,
    /// The newest call.
    tool: String,
}

impl Gemini {
    /// Writes down what one line says.
    pub fn show(&mut self, event: &Value, paper: &mut Paper) {
        if word(event, "type") == "message" && word(event, "role") == "assistant" {
            if event["delta"].as_bool() != Some(true) {
                self.pause(paper);
            }
            let room = MESSAGE.saturating_sub(self.message.len());
            self.message += first_bytes(word(event, "content"), room);
            return;
        }
        self.pause(paper);
        match word(event, "type") {
            "init" => {
                let model = format!("gemini with {}", word(event, "model"));
                paper.entry(0, "note:", &model, INPUT);
            }
            "tool_use" => {
                let name = word(event, "tool_name");
                self.tool = name.chars().take(SHORT).collect();
                call(name, &event["parameters"], 0, paper);
            }
            "tool_result" => self.answer(event, paper),
            "error" => paper.entry(0, "note:", word(event, "message"), INPUT),
            "result" => result(event, paper),
            _ => {}
        }
    }

    /// Shows a message when something else happens.
    pub fn pause(&mut self, paper: &mut Paper) {
        let message = std::mem::take(&mut self.message);
        if !message.trim().is_empty() {
            paper.entry(0, "agent:", &message, Cut::NOT);
        }
    }

    fn answer(&self, event: &Value, paper: &mut Paper) {
        let tool = &self.tool;
        match (word(event, "status"), word(&event["error"], "message")) {
            ("error", "") => {
                paper.entry(0, &format!("{tool} failed:"), word(event, "output"), OUTPUT);
            }
            ("error", said) => paper.entry(0, &format!("{tool} failed:"), said, OUTPUT),
            _ => paper.entry(
                0,
                &format!("{tool} answers:"),
                word(event, "output"),
                OUTPUT,
            ),
        }
    }
}

fn result(event: &Value, paper: &mut Paper) {
    let stats = &event["stats"];
    let used = tokens(&[
        (&stats["input_tokens"], "in"),
        (&stats["output_tokens"], "out"),
        (&stats["cached"], "of those in from cache"),
    ]);
    let ended = match word(event, "status") {
        "success" => "done",
        _ => "failed",
    };
    paper.entry(0, "turn:", &format!("{ended}{used}"), INPUT);
    if ended == "failed" {
        paper.entry(0, "error:", word(&event["error"], "message"), INPUT);
    }
}
