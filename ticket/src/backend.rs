//! Which agent CLI works, as data: how it is called, how it gets its prompt, what it prints, and
//! what its words mean. The runner knows formats of output; it knows no program by name.
//!
//! The defaults of each kind are in `templates/backends.toml`; a project's configuration changes any
//! of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Stands in [`Backend::call`] for [`Backend::args`].
pub const ARGS: &str = "{args}";
/// Stands in [`Backend::call`] for [`Backend::model_flag`], when there is a model.
pub const MODEL_FLAG: &str = "{model_flag}";
/// Stands in [`Backend::call`] for [`Backend::budget_flag`], when there is a budget.
pub const BUDGET_FLAG: &str = "{budget_flag}";
/// Stands in [`Backend::call`] for [`Backend::new_session`] or [`Backend::resume`].
pub const CONVERSATION: &str = "{conversation}";
/// Stands within an argument for the model.
pub const MODEL: &str = "{model}";
/// Stands within an argument for what the run may cost, in US dollars.
pub const USD: &str = "{usd}";
/// Stands within an argument for the conversation's name.
pub const SESSION: &str = "{session}";
/// Stands within an argument for the prompt.
pub const PROMPT: &str = "{prompt}";
/// Stands within an argument for the name of a file that holds the prompt.
pub const PROMPT_FILE: &str = "{prompt_file}";
/// Parts the variables in [`Backend::secrets`] of which the first one that is there counts.
const OR: char = '|';

/// An agent CLI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// What the configuration calls it; the kind's word for the one of `[agents.backend]`.
    #[serde(default)]
    pub name: String,
    /// Whose defaults it has.
    pub kind: Kind,
    /// The program.
    pub program: String,
    /// All its arguments. A word that is [`ARGS`], [`MODEL_FLAG`], [`BUDGET_FLAG`] or
    /// [`CONVERSATION`] stands for the words of that list.
    pub call: Vec<String>,
    /// Further arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// How the prompt is passed.
    #[serde(default)]
    pub prompt: PromptBy,
    /// Whether it takes a word that begins with `@` for a file to attach.
    #[serde(default)]
    pub attaches_files: bool,
    /// How the model is named; empty when there is none to choose.
    #[serde(default)]
    pub model_flag: Vec<String>,
    /// How it is told what the run may cost; empty when it takes no budget.
    #[serde(default)]
    pub budget_flag: Vec<String>,
    /// How a new conversation is begun; with [`SESSION`] it gets its name from the runner.
    #[serde(default)]
    pub new_session: Vec<String>,
    /// How a conversation goes on; empty when it cannot.
    #[serde(default)]
    pub resume: Vec<String>,
    /// Variables that it needs.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What it prints.
    #[serde(default)]
    pub output: Output,
    /// What its words mean.
    #[serde(default)]
    pub patterns: Patterns,
    /// The variables that hold its credential, each of them needed; alternatives are parted by
    /// `|`.
    #[serde(default)]
    pub secrets: Vec<String>,
}

impl Backend {
    /// Whether it can go on with an earlier conversation.
    pub fn resumes(&self) -> bool {
        !self.resume.is_empty()
    }

    /// Whether a new conversation gets its name from the runner.
    pub fn names_sessions(&self) -> bool {
        self.new_session.iter().any(|word| word.contains(SESSION))
    }

    /// The variables that may hold its credential.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().flat_map(|entry| alternatives(entry))
    }

    /// Whether a variable of this name holds its credential.
    pub fn wants_secret(&self, name: &str) -> bool {
        self.secret_names().any(|one| one == name)
    }
}

/// The variables in an entry of [`Backend::secrets`], of which the first one that is there counts.
pub fn alternatives(entry: &str) -> impl Iterator<Item = &str> {
    entry
        .split(OR)
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Whose defaults a backend has, and which program is installed in the image for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Claude Code.
    Claude,
    /// OpenAI's Codex CLI.
    Codex,
    /// opencode.
    Opencode,
    /// Google's Gemini CLI.
    Gemini,
    /// Any program.
    Command,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [
        Kind::Claude,
        Kind::Codex,
        Kind::Opencode,
        Kind::Gemini,
        Kind::Command,
    ];

    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Claude => "claude",
            Kind::Codex => "codex",
            Kind::Opencode => "opencode",
            Kind::Gemini => "gemini",
            Kind::Command => "command",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a program gets its prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PromptBy {
    /// On standard input.
    #[default]
    Stdin,
    /// In place of [`PROMPT`], or as the last argument.
    Argument,
    /// In a file whose name stands for [`PROMPT_FILE`], or is the last argument.
    File,
}

/// What a program prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Lines for people; the exit code and the patterns decide.
    #[default]
    Text,
    /// Claude Code's `--output-format stream-json`.
    ClaudeStreamJson,
    /// `codex exec --json`.
    CodexJson,
    /// `opencode run --format json`.
    OpencodeJson,
    /// Gemini CLI's `--output-format stream-json`.
    GeminiStreamJson,
}

/// What a program's words mean: regular expressions, any of which may match. In the JSON formats they
/// are looked for in what the program says of a failure and on standard error, never in what the model
/// says; in text, in the last lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patterns {
    /// The account's usage limit. A group `reset` holds when it ends, a group `weekly` says that this
    /// is in days and not in hours.
    pub limit: Vec<String>,
    /// The login was refused, or the account cannot pay.
    pub auth: Vec<String>,
    /// The service is overloaded, broken or out of reach.
    pub overloaded: Vec<String>,
    /// The model is not there.
    pub no_model: Vec<String>,
    /// The conversation to resume is not there.
    pub no_session: Vec<String>,
    /// The conversation has become too long.
    pub too_long: Vec<String>,
    /// It failed, whatever its exit code says.
    pub fatal: Vec<String>,
    /// A line is a sign of life only when one of these matches; without any every line is.
    pub activity: Vec<String>,
    /// The conversation's name, in a group `session`.
    pub session: Vec<String>,
    /// The model answered.
    pub served: Vec<String>,
}

impl Patterns {
    /// Each list by its name in the configuration.
    pub fn lists(&self) -> [(&'static str, &[String]); 10] {
        [
            ("limit", &self.limit),
            ("auth", &self.auth),
            ("overloaded", &self.overloaded),
            ("no_model", &self.no_model),
            ("no_session", &self.no_session),
            ("too_long", &self.too_long),
            ("fatal", &self.fatal),
            ("activity", &self.activity),
            ("session", &self.session),
            ("served", &self.served),
        ]
    }
}

/// What an agent is asked for, as far as the configuration chooses who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A ticket.
    Work,
    /// To mend what the gate, a merge or the landing found.
    Mend,
    /// An idea.
    Propose,
}

impl Role {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Work => "work",
            Role::Mend => "mend",
            Role::Propose => "propose",
        }
    }
}

/// Which agent CLI does something, and with which model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCli {
    /// Which one.
    pub backend: Backend,
    /// The model; none for the backend's own default.
    pub model: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_as_they_are_named() {
        for kind in Kind::ALL {
            let word = serde_json::to_value(kind).unwrap();
            assert_eq!(word, kind.as_str());
        }
    }

    #[test]
    fn any_of_several_variables_is_a_credential() {
        let backend = Backend {
            secrets: vec!["A_KEY|B_KEY".into(), "C_KEY".into()],
            ..serde_json::from_str(r#"{"kind":"command","program":"x","call":[]}"#).unwrap()
        };
        for (name, wanted) in [
            ("A_KEY", true),
            ("B_KEY", true),
            ("C_KEY", true),
            ("B", false),
        ] {
            assert_eq!(backend.wants_secret(name), wanted, "{name}");
        }
    }
}
