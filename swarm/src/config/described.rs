//! What the JSON Schema says of types that are not this crate's. The structs here are never made: they
//! stand in for the types that hold the values, and a test compares their keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sections::RoleSection;

/// An agent CLI, over the defaults of its kind: docs/backends.md.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackendSection {
    /// Whose defaults it has.
    pub kind: Kind,
    /// The program; needed with "command".
    pub program: Option<String>,
    /// All its arguments, of which the words {args}, {model_flag}, {budget_flag} and {conversation}
    /// stand for those lists.
    pub call: Option<Vec<String>>,
    /// Further arguments.
    pub args: Option<Vec<String>>,
    /// How the prompt is passed.
    pub prompt: Option<PromptBy>,
    /// Whether it takes a word that begins with @ for a file to attach.
    pub attaches_files: Option<bool>,
    /// How the model is named, as ["--model", "{model}"].
    pub model_flag: Option<Vec<String>>,
    /// How it is told what the run may cost, as ["--max-budget-usd", "{usd}"].
    pub budget_flag: Option<Vec<String>>,
    /// How a new conversation is begun, where {session} stands for the name that the runner gives it.
    pub new_session: Option<Vec<String>>,
    /// How a conversation goes on, as ["--continue", "{session}"]; empty where it cannot.
    pub resume: Option<Vec<String>>,
    /// Variables that it needs, laid over those of its kind.
    pub env: Option<BTreeMap<String, String>>,
    /// What it prints.
    pub output: Option<Output>,
    /// What its words mean, laid over those of its kind.
    pub patterns: Option<Patterns>,
    /// The variables that hold its credential, which 'swarm start' takes along and only it gets;
    /// alternatives are parted by |.
    pub secrets: Option<Vec<String>>,
}

/// Which agent CLI it is.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Claude Code.
    Claude,
    /// OpenAI's Codex CLI.
    Codex,
    /// opencode; its model is "PROVIDER/MODEL".
    Opencode,
    /// Google's Gemini CLI.
    Gemini,
    /// Any program.
    Command,
}

/// How a program gets its prompt.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PromptBy {
    /// On standard input.
    Stdin,
    /// In place of {prompt} in its arguments, or last.
    Argument,
    /// In a file whose name stands for {prompt_file} in its arguments, or is the last.
    File,
}

/// What a program prints.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Lines for people; the exit code and the patterns decide.
    Text,
    /// As 'claude --output-format stream-json'.
    ClaudeStreamJson,
    /// As 'codex exec --json'.
    CodexJson,
    /// As 'opencode run --format json'.
    OpencodeJson,
    /// As 'gemini --output-format stream-json'.
    GeminiStreamJson,
}

/// Regular expressions for what the program says of itself.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patterns {
    /// The account's usage limit; a group (?P<reset>…) holds when it ends, a group (?P<weekly>…) says
    /// that this is in days and not in hours.
    pub limit: Option<Vec<String>>,
    /// The login was refused, or the account cannot pay.
    pub auth: Option<Vec<String>>,
    /// The service is overloaded, broken or out of reach.
    pub overloaded: Option<Vec<String>>,
    /// The model is not there.
    pub no_model: Option<Vec<String>>,
    /// The conversation to resume is not there.
    pub no_session: Option<Vec<String>>,
    /// The conversation has become too long.
    pub too_long: Option<Vec<String>>,
    /// It failed, whatever its exit code says.
    pub fatal: Option<Vec<String>>,
    /// A line is a sign of life only when one of these matches; without any every line is.
    pub activity: Option<Vec<String>>,
    /// The conversation's name, in a group (?P<session>…).
    pub session: Option<Vec<String>>,
    /// The model answered.
    pub served: Option<Vec<String>>,
}

/// Who has which role.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// Tickets.
    pub work: RoleSection,
    /// What the gate, a merge or the landing found; as 'work' when left out.
    pub mend: RoleSection,
    /// Proposals of idle agents.
    pub propose: RoleSection,
}

/// What may be spent, in US dollars: docs/costs.md. An agent that is at work when a budget is used up
/// ends after the model's turn; its work is kept.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// On one ticket, all attempts together, in US dollars; then the ticket goes to the human. Left
    /// out: any amount. 'ticket create' and 'ticket update --max-budget-usd N' say otherwise for one.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_usd_per_ticket: Option<f64>,
    /// On one day, in US dollars; then nobody claims or proposes anything until midnight where the hub
    /// runs, or until 'ticket resume'. Left out: any amount.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_usd_per_day: Option<f64>,
}
