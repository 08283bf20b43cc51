//! Reading what `opencode run --format json` prints: one event a line. Kinds and fields that are not
//! known are passed over.
//!
//! There is no event that ends a run: a step that finished with `stop` is the last one, and it may be
//! missing. An `error` is final; what is tried again is not told.

use serde_json::Value;
use ticket::usage::{ModelUsage, Usage};

use super::patterns::Patterns;
use super::show::{count, json_line, one_line, shown, summary, word};
use super::status::failure;
use super::{Ending, Reader};
use crate::process::Exit;

/// What was seen of a run so far.
#[derive(Debug, Default)]
pub struct Opencode {
    patterns: Patterns,
    /// The model that was asked for; the output does not name one.
    model: String,
    session: Option<String>,
    begun: bool,
    said: Option<String>,
    stopped: bool,
    failed: Option<Failure>,
    used: Option<Usage>,
    /// What was said to be the price, in US dollars.
    cost: f64,
}

/// What an `error` event says.
#[derive(Clone, Debug)]
struct Failure {
    /// For people.
    said: String,
    /// The same with what the service answered.
    whole: String,
}

impl Opencode {
    /// Of a run with this model.
    pub fn new(patterns: Patterns, model: Option<&str>) -> Opencode {
        Opencode {
            patterns,
            model: model.unwrap_or_default().to_owned(),
            ..Opencode::default()
        }
    }

    fn take(&mut self, event: &Value) -> Vec<String> {
        if self.session.is_none() {
            self.session = event["sessionID"].as_str().map(Into::into);
        }
        let part = &event["part"];
        match word(event, "type") {
            "step_start" => {
                self.begun = true;
                self.stopped = false;
                Vec::new()
            }
            "text" => {
                self.said = summary(word(part, "text"));
                vec![shown(word(part, "text"))]
            }
            "tool_use" => tool(part),
            "step_finish" => {
                self.stopped = word(part, "reason") == "stop";
                self.add(part);
                Vec::new()
            }
            "error" => {
                let failure = failure_in(&event["error"]);
                let line = format!("failed: {}", one_line(&failure.said));
                self.failed = Some(failure);
                vec![line]
            }
            _ => Vec::new(),
        }
    }

    fn add(&mut self, part: &Value) {
        let tokens = &part["tokens"];
        let used = self.used.get_or_insert_default();
        used.input_tokens += count(tokens, "input");
        used.output_tokens += count(tokens, "output") + count(tokens, "reasoning");
        used.cache_read_tokens += count(&tokens["cache"], "read");
        used.cache_write_tokens += count(&tokens["cache"], "write");
        self.cost += part["cost"].as_f64().unwrap_or(0.0);
    }
}

fn tool(part: &Value) -> Vec<String> {
    let state = &part["state"];
    let title = match word(state, "title") {
        "" => word(&state["input"], "command"),
        title => title,
    };
    let mut lines = vec![match word(part, "tool") {
        "bash" => format!("$ {}", one_line(title)),
        tool => format!("{tool} {}", one_line(title)),
    }];
    if word(state, "status") == "error" {
        lines.push(format!("  failed: {}", one_line(word(state, "error"))));
    }
    lines
}

/// `APIError 401: Incorrect API key provided`, and the same with the service's own words.
fn failure_in(error: &Value) -> Failure {
    let data = &error["data"];
    let name = match data["statusCode"].as_u64() {
        Some(status) => format!("{} {status}", word(error, "name")),
        None => word(error, "name").to_owned(),
    };
    let said = format!("{name}: {}", word(data, "message"));
    let whole = format!("{said} {}", word(data, "responseBody"));
    Failure { said, whole }
}

impl Reader for Opencode {
    fn line(&mut self, line: &str, cut: bool) -> Vec<String> {
        json_line(line, cut, |event| self.take(event))
    }

    fn is_done(&self) -> bool {
        self.stopped || self.failed.is_some()
    }

    fn session(&self) -> Option<String> {
        self.session.clone()
    }

    /// A step begins with the first words of an answer.
    fn is_served(&self) -> bool {
        self.begun
    }

    fn usage(&self) -> Vec<ModelUsage> {
        let Some(used) = self.used else {
            return Vec::new();
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive price, and it saturates"
        )]
        let cost = (self.cost * 1e6).round() as u64;
        vec![ModelUsage {
            model: self.model.clone(),
            usage: Usage {
                // It says 0 where it knows no price.
                cost_microusd: Some(cost).filter(|cost| *cost > 0),
                ..used
            },
        }]
    }

    fn ending(&self, exit: Exit, stderr: &str) -> Ending {
        let now = ticket::moment::now();
        match &self.failed {
            Some(Failure { said, whole }) => self
                .patterns
                .ending(whole, now)
                .map(|ending| ending.map_text(|_| one_line(said)))
                .unwrap_or_else(|| Ending::Failed(one_line(said))),
            None if self.stopped || exit == Exit::Code(0) => Ending::Completed(self.said.clone()),
            None => failure(exit, stderr, self.begun, &self.patterns, now),
        }
    }
}

#[cfg(test)]
mod tests;
