//! What `swarm backend test` asks a container, and what that says: JSON on standard input and on the
//! last line of standard output.

use serde::{Deserialize, Serialize};

use crate::attempt::Outcome;
use crate::usage::ModelUsage;
use crate::wire::AgentSettings;

/// A harmless question for an agent CLI.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProbeRequest {
    /// The agent CLI with its model, environment and credential.
    pub settings: AgentSettings,
}

/// What was seen of an agent CLI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// What it says its version is.
    pub version: Option<String>,
    /// Each run: a new conversation, then the same one again where it can.
    pub runs: Vec<ProbeRun>,
}

/// Whether an address can be reached from a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// `HOST:PORT`.
    pub address: String,
    /// How long the answer took.
    pub ms: u64,
    /// Why it cannot; none when it can.
    pub error: Option<String>,
}

/// One run of an agent CLI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeRun {
    /// The command line; the prompt and the credential are not in it.
    pub command: Vec<String>,
    /// Whether it went on with the conversation of the run before.
    pub resumed: bool,
    /// Whether it ended well.
    pub ok: bool,
    /// What an attempt would end as; none when it ended well.
    pub outcome: Option<Outcome>,
    /// How it ended, in one sentence.
    pub ending: String,
    /// The last thing that it said.
    pub answer: Option<String>,
    /// The conversation's name.
    pub session: Option<String>,
    /// Whether the model's service was seen to answer.
    pub served: bool,
    /// What it used, by model.
    pub usage: Vec<ModelUsage>,
    /// From the start to the first line of output, in milliseconds.
    pub first_line_ms: Option<u64>,
    /// From the start to the end, in milliseconds.
    pub took_ms: u64,
    /// The end of what it printed.
    pub log_tail: String,
}
