//! `.swarm/config.json`: what a human may set about a project. Every key has a default; the JSON
//! Schema beside it (`sections.rs` says it, `schema.rs` makes it) describes them all, and variables of
//! the environment go before the file.
//!
//! A broken file gives one sentence: which file, which key, what was expected.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ticket::backend::{AgentCli, Backend, Role};
use ticket::usage::Budgets;
use ticket::wire::{AgentSettings, GateSettings};

use crate::prices::Price;
use crate::project::Project;

pub mod backend;
mod check;
mod described;
mod document;
pub mod edit;
pub mod environment;
pub mod fit;
pub mod in_force;
pub mod layers;
pub mod manual;
pub mod old;
pub mod path;
pub mod reference;
pub mod schema;
mod sections;
mod size;
pub mod view;

pub use layers::Layers;
pub use sections::{
    Access, Agents, Image, Limits, Mail, Monitor, Network, Notify, ProjectSection, Proposals,
    Queue, RoleSection, Security, Transcripts, Verify,
};
pub use size::Size;

/// The most agents that one swarm may have.
pub const MAX_AGENTS: u32 = 64;
/// The image that agents are built on when the project names none.
pub const DEFAULT_BASE_IMAGE: &str = "debian:bookworm-slim";
/// The `claude` program that was measured.
pub const DEFAULT_CLAUDE_VERSION: &str = "2.1.329";
/// The `codex` program that was tried.
pub const DEFAULT_CODEX_VERSION: &str = "0.169.0";
/// The `opencode` program that was tried.
pub const DEFAULT_OPENCODE_VERSION: &str = "1.18.33";
/// The `gemini` program that was tried.
pub const DEFAULT_GEMINI_VERSION: &str = "0.61.0";

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or written.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
    /// The file is not JSON, or a key is wrong.
    #[error("{place}: {what}")]
    Broken {
        /// The file, or the environment.
        place: String,
        /// Which key and what was expected.
        what: String,
    },
}

impl ConfigError {
    fn broken(file: &Path, what: String) -> ConfigError {
        ConfigError::Broken {
            place: file.display().to_string(),
            what,
        }
    }
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is worked on.
    #[schemars(extend("x-restart" = true))]
    pub project: ProjectSection,
    /// Who works on it.
    pub agents: Agents,
    /// Further agent CLIs by name, with the keys of 'agents.backend', for roles to choose.
    #[serde(deserialize_with = "backend::all_resolved")]
    #[schemars(
        with = "BTreeMap<String, described::BackendSection>",
        extend("x-restart" = true)
    )]
    pub backends: BTreeMap<String, Backend>,
    /// What one container, an agent or a verifier, may use.
    #[schemars(extend("x-restart" = true))]
    pub limits: Limits,
    /// Where agents may connect to.
    #[schemars(extend("x-restart" = true))]
    pub network: Network,
    /// What the agents' image is made of.
    #[schemars(extend("x-restart" = true))]
    pub image: Image,
    /// The gate: verify.sh of the base branch.
    pub verify: Verify,
    /// How tickets are given out.
    pub queue: Queue,
    /// What idle agents do: propose work, which waits for 'ticket approve ID'.
    pub proposals: Proposals,
    /// What is kept of what agents were asked and what they printed: 'swarm logs agent-1 --session'.
    /// The oldest runs go first, those of tickets that are not done last.
    #[schemars(extend("x-restart" = true))]
    pub transcripts: Transcripts,
    /// What agents may spend, in US dollars. Costs are estimates at list prices: docs/costs.md. An
    /// agent that is at work when a budget is used up ends after the model's turn; its work is kept.
    #[schemars(with = "described::Budgets")]
    pub budgets: Budgets,
    /// What models cost per million tokens, by name with * for any text, where neither the agent CLI
    /// nor swarm knows.
    pub prices: BTreeMap<String, Price>,
    /// The page and the API.
    #[schemars(extend("x-restart" = true))]
    pub monitor: Monitor,
    /// Messages for when you are away: docs/notifications.md.
    #[schemars(extend("x-restart" = true))]
    pub notify: Notify,
}

impl Config {
    /// The project's configuration as this process sees it, checked, with the folder's name where
    /// none is given.
    pub fn load(project: &Project) -> Result<Config, ConfigError> {
        Layers::read(project).map(Layers::into_config)
    }

    /// The configuration that `text` alone says; `file` is for the sentence when it is broken.
    pub fn parse(text: &str, file: &Path) -> Result<Config, ConfigError> {
        let layers = Layers::of(text, Vec::new(), Vec::new());
        let layers = layers.map_err(|wrong| ConfigError::all(file, wrong))?;
        Ok(layers.into_config())
    }

    /// Which agent CLI has a role, and with which model. A role that says neither has those of
    /// `agents`; mending a ticket's work is work, where it says nothing itself.
    pub fn cli(&self, role: Role) -> AgentCli {
        let says = |role: Role| self.agents.roles.get(&role);
        let section = says(role).or_else(|| match role {
            Role::Mend => says(Role::Work),
            Role::Work | Role::Propose => None,
        });
        let named = section.and_then(|section| section.backend.as_deref());
        let own = || self.agents.backend.clone();
        let backend = named.and_then(|name| self.backend(name));
        // The model above is one of the backend above.
        let model = section
            .and_then(|section| section.model.clone())
            .or_else(|| {
                let same = named.is_none_or(|name| name == self.agents.backend.name);
                self.agents.model.clone().filter(|_| same)
            });
        backend::with_provider(AgentCli {
            backend: backend.unwrap_or_else(own),
            model,
        })
    }

    /// The backend of this name: of `backends.NAME`, of `agents.backend` by its kind, or the
    /// defaults of a kind.
    pub fn backend(&self, name: &str) -> Option<Backend> {
        let named = self.backends.get(name).cloned();
        named
            .or_else(|| Some(self.agents.backend.clone()).filter(|own| own.name == name))
            .or_else(|| backend::of_kind(name))
    }

    /// The agent CLIs of all roles, each once.
    pub fn clis(&self) -> Vec<AgentCli> {
        let mut clis: Vec<AgentCli> = Vec::new();
        for role in [Role::Work, Role::Mend, Role::Propose] {
            let cli = self.cli(role);
            if !clis.contains(&cli) {
                clis.push(cli);
            }
        }
        clis
    }

    /// How to run the agent CLI in this role, with the credentials and the prompts that override
    /// ours.
    pub fn agent_settings(
        &self,
        role: Role,
        secrets: BTreeMap<String, String>,
        prompts: BTreeMap<String, String>,
    ) -> AgentSettings {
        let cli = self.cli(role);
        let mend = Some(self.cli(Role::Mend)).filter(|mend| role == Role::Work && *mend != cli);
        AgentSettings {
            cli,
            mend,
            env: self.agents.env.clone(),
            secrets,
            timeout_seconds: self.agents.timeout_minutes * 60,
            stall_seconds: self.agents.stall_minutes * 60,
            attempt_timeout_seconds: self.agents.attempt_timeout_minutes * 60,
            transcript_bytes: self.transcripts.max_run_size.0,
            disk_bytes: self.limits.disk.0,
            prompts,
        }
    }

    /// How the gate behaves.
    pub fn gate_settings(&self) -> GateSettings {
        GateSettings {
            retries: self.verify.retries,
            timeout_seconds: self.verify.timeout_minutes * 60,
        }
    }

    /// True when agents need an account.
    pub fn needs_credentials(&self) -> bool {
        self.clis()
            .iter()
            .any(|cli| !cli.backend.secrets.is_empty())
    }
}

#[cfg(test)]
mod tests;
