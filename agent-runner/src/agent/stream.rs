//! Reading Claude Code's stream-json output: what to show of it, and how the run ended. Kinds and
//! fields that are not known are passed over.
//!
//! `subtype` is not the outcome and neither is the exit code: every failure of the service ends with
//! `subtype: success`, and an interrupted run may exit 0.

use serde_json::Value;
use ticket::halt::UsageLimit;
use ticket::usage::ModelUsage;

use super::reset::reset_time;
use super::show::{SHOWN, SUMMARY, json_line, one_line, shown, word};
use super::{Ending, Reader};
use crate::lines::first_bytes;
use crate::process::Exit;
use archive::Archive;
use tally::{SYNTHETIC, Tally};

pub mod archive;
mod tally;

/// What was seen of a run so far.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    resumed: bool,
    session: Option<String>,
    result: Option<Value>,
    /// A usage limit was reported.
    limit: Option<UsageLimit>,
    /// The model answered.
    served: bool,
    /// What the service's last failure was called.
    error: Option<String>,
    tally: Tally,
    archive: Option<Archive>,
}

impl Transcript {
    /// Of a run that resumes a conversation, or starts one.
    pub fn new(resumed: bool) -> Transcript {
        Transcript {
            resumed,
            ..Transcript::default()
        }
    }

    /// With what Claude Code writes down itself, to count by when the stream is cut.
    #[must_use]
    pub fn with_archive(self, archive: Archive) -> Transcript {
        Transcript {
            archive: Some(archive),
            ..self
        }
    }

    fn take(&mut self, message: &Value) -> Vec<String> {
        if let Some(id) = message["session_id"].as_str() {
            self.session = Some(id.to_owned());
        }
        match word(message, "type") {
            "system" => system(message),
            "assistant" => {
                self.tally.assistant(message);
                match message["error"].as_str() {
                    Some(error) => self.error = Some(error.to_owned()),
                    // What the CLI says in the model's place is no answer of the service.
                    None => self.served |= word(&message["message"], "model") != SYNTHETIC,
                }
                assistant(message)
            }
            "user" => tool_failures(message),
            "rate_limit_event" => self.rate_limit(&message["rate_limit_info"]),
            "result" => {
                self.tally.result(message);
                // The last one counts; a run may go on after its first.
                self.result = Some(message.clone());
                vec![result_line(message)]
            }
            _ => Vec::new(),
        }
    }

    /// A throttle says `rejected` too, but only a limit says when it ends.
    fn rate_limit(&mut self, info: &Value) -> Vec<String> {
        match (word(info, "status"), info["resetsAt"].as_i64()) {
            ("rejected", Some(at)) => {
                let which = word(info, "rateLimitType");
                self.limit = Some(UsageLimit {
                    resets_at: Some(at),
                    weekly: which.starts_with("seven_day"),
                });
                vec![format!(
                    "usage limit reached ({which}), resets at Unix time {at}"
                )]
            }
            _ => Vec::new(),
        }
    }
}

impl Reader for Transcript {
    fn line(&mut self, line: &str, cut: bool) -> Vec<String> {
        json_line(line, cut, |message| self.take(message))
    }

    fn is_done(&self) -> bool {
        self.result.is_some()
    }

    fn session(&self) -> Option<String> {
        self.session.clone()
    }

    fn is_served(&self) -> bool {
        self.served
    }

    fn usage(&self) -> Vec<ModelUsage> {
        self.tally.usage()
    }

    fn final_usage(&self) -> Vec<ModelUsage> {
        match &self.archive {
            Some(archive) if self.tally.is_cut() => {
                let mut tally = self.tally.clone();
                archive.correct(&mut tally);
                tally.usage()
            }
            _ => self.tally.usage(),
        }
    }

    fn ending(&self, exit: Exit, stderr: &str) -> Ending {
        match &self.result {
            Some(result) if result["is_error"].as_bool() == Some(false) => {
                let said = result["result"].as_str().map(|t| first_bytes(t, SUMMARY));
                Ending::Completed(said.filter(|t| !t.trim().is_empty()).map(Into::into))
            }
            Some(result) => self.failure(result, exit),
            None => without_result(exit, stderr),
        }
    }
}

impl Transcript {
    fn failure(&self, result: &Value, exit: Exit) -> Ending {
        let said = failure_text(result);
        let status = result["api_error_status"].as_u64();
        let limit_reached = word(result, "api_error") == "usage_limit_reached"
            || self.limit.is_some()
            || says_limit(&said);
        match word(result, "subtype") {
            "error_max_turns" => return Ending::MaxTurns,
            "error_max_budget_usd" => return Ending::Budget,
            "error_during_execution" => return self.broken_off(result, exit, said),
            _ => {}
        }
        if limit_reached {
            let limit = self.limit.unwrap_or_else(|| UsageLimit {
                resets_at: said_reset_time(&said, ticket::moment::now()),
                weekly: says_weekly(&said),
            });
            return Ending::RateLimited { limit, said };
        }
        if word(result, "terminal_reason") == "prompt_too_long" {
            return Ending::Unusable(said);
        }
        match (self.error.as_deref().unwrap_or_default(), status) {
            (
                "authentication_failed"
                | "oauth_org_not_allowed"
                | "account_on_hold"
                | "verification_required"
                | "billing_error"
                | "cloud_credential_error",
                _,
            )
            | (_, Some(401 | 403)) => Ending::Auth(said),
            // A throttle passes by itself within minutes.
            ("rate_limit", _) if said.contains("not your usage limit") => Ending::Service(said),
            ("rate_limit", _) | (_, Some(429)) => Ending::RateLimited {
                limit: UsageLimit::default(),
                said,
            },
            ("model_not_found", _) | (_, Some(404)) => Ending::NoModel(said),
            ("invalid_request", _) | (_, Some(400 | 413)) => Ending::Unusable(said),
            ("overloaded" | "server_error" | "unknown", _) | (_, Some(500..)) => {
                Ending::Service(said)
            }
            _ if word(result, "terminal_reason") == "api_error" => Ending::Service(said),
            _ => Ending::Failed(said),
        }
    }

    /// Interrupted, or the conversation to resume was not found: then no turn was taken.
    fn broken_off(&self, result: &Value, exit: Exit, said: String) -> Ending {
        let nothing_done = result["num_turns"].as_u64().unwrap_or(0) == 0;
        match exit {
            Exit::Code(1) if self.resumed && nothing_done => Ending::NoConversation(said),
            Exit::Code(0) => Ending::Killed(SIGINT),
            Exit::Signal(signal) => Ending::Killed(signal),
            Exit::Code(_) => Ending::Failed(said),
        }
    }
}

/// An interrupted run exits 0.
const SIGINT: i32 = 2;
/// What is added to a signal's number when a program reports it as an exit code.
const SIGNALLED: i32 = 128;

/// Without a result the run was ended, or never began.
fn without_result(exit: Exit, stderr: &str) -> Ending {
    match exit {
        Exit::Signal(signal) => Ending::Killed(signal),
        Exit::Code(0) => Ending::Killed(SIGINT),
        Exit::Code(code @ (129 | 130 | 137 | 143)) => Ending::Killed(code - SIGNALLED),
        Exit::Code(code) => {
            let said: Vec<&str> = stderr.trim().lines().rev().take(3).collect();
            let said: Vec<&str> = said.into_iter().rev().collect();
            Ending::NotStarted(match said.is_empty() {
                true => format!("the agent CLI exited {code} without a word"),
                false => format!("the agent CLI exited {code}: {}", said.join(" ")),
            })
        }
    }
}

fn failure_text(result: &Value) -> String {
    let errors: Vec<&str> = result["errors"]
        .as_array()
        .map(|errors| errors.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let said = match result["result"].as_str() {
        Some(text) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => errors.join("; "),
    };
    match said.is_empty() {
        true => "the agent CLI failed without a word".into(),
        false => first_bytes(&said, SHOWN).to_owned(),
    }
}

/// The words of versions that do not say it in a field.
fn says_limit(said: &str) -> bool {
    let hit = said
        .strip_prefix("You've hit your ")
        .or(said.strip_prefix("You’ve hit your "));
    hit.is_some_and(|rest| rest.contains("limit"))
        || said.starts_with("You're out of usage")
        || said.starts_with("Claude AI usage limit reached")
}

/// A weekly limit, by the words of versions that do not say it in a field.
fn says_weekly(said: &str) -> bool {
    said.contains("weekly limit")
}

/// `Claude AI usage limit reached|1755615600`, as version 1 put it; `resets 10am (UTC)` later on.
fn said_reset_time(said: &str, now: i64) -> Option<i64> {
    let said = said.lines().next()?;
    let (_, at) = said
        .split_once("limit reached|")
        .or_else(|| said.split_once("resets "))?;
    reset_time(at, now)
}

fn system(message: &Value) -> Vec<String> {
    match word(message, "subtype") {
        "init" => {
            let (version, model) = (word(message, "claude_code_version"), word(message, "model"));
            vec![format!("claude {version} with {model}")]
        }
        "api_retry" => {
            let (attempt, error) = (&message["attempt"], word(message, "error"));
            vec![format!("the service failed ({error}), try {attempt}")]
        }
        "permission_denied" => vec![format!("denied: {}", word(message, "tool_name"))],
        _ => Vec::new(),
    }
}

fn assistant(message: &Value) -> Vec<String> {
    blocks(message)
        .filter_map(|block| match word(block, "type") {
            "text" => Some(shown(word(block, "text"))),
            "tool_use" => Some(tool(word(block, "name"), &block["input"])),
            _ => None,
        })
        .filter(|line| !line.is_empty())
        .collect()
}

fn tool(name: &str, input: &Value) -> String {
    let key = [
        "command",
        "file_path",
        "pattern",
        "path",
        "url",
        "query",
        "description",
    ]
    .into_iter()
    .find(|key| input[*key].is_string());
    match (name, key) {
        ("Bash", _) => format!("$ {}", one_line(word(input, "command"))),
        (_, Some(key)) => format!("{name} {}", one_line(word(input, key))),
        (_, None) => name.to_owned(),
    }
}

fn tool_failures(message: &Value) -> Vec<String> {
    blocks(message)
        .filter(|b| word(b, "type") == "tool_result" && b["is_error"].as_bool() == Some(true))
        .map(|block| {
            let text = match &block["content"] {
                Value::String(text) => text.as_str(),
                content => word(&content[0], "text"),
            };
            format!("  failed: {}", one_line(text))
        })
        .collect()
}

fn result_line(result: &Value) -> String {
    let (turns, cost) = (&result["num_turns"], result["total_cost_usd"].as_f64());
    match result["is_error"].as_bool() {
        Some(false) => format!(
            "done after {turns} turns, ${:.4} in all",
            cost.unwrap_or(0.0)
        ),
        _ => format!("failed: {}", one_line(&failure_text(result))),
    }
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message["message"]["content"]
        .as_array()
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests;
