//! `.swarm/config.toml`: what a human may set about a project. Every key has a default, and the
//! file that init writes (`templates/project/config.toml`) describes them all.
//!
//! A broken file gives one sentence: which key, what was expected, which file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ticket::backend::{AgentCli, Backend, Role};
use ticket::usage::Budgets;
use ticket::wire::{AgentSettings, GateSettings};

use crate::prices::Price;
use crate::project::Project;

pub mod backend;
mod check;
mod sections;
mod size;
pub mod view;

pub use sections::{
    Access, Agents, Image, Limits, Mail, Monitor, Network, Notify, ProjectSection, Proposals,
    Queue, RoleSection, Security, Transcripts, Verify,
};
pub use size::Size;

/// The most agents that one swarm may have.
pub const MAX_AGENTS: u32 = 64;
/// The shortest lease: three heartbeats a second apart, and room for a slow network.
pub const MIN_LEASE_SECONDS: i64 = 10;
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
    /// The file cannot be read.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
    /// The file is not TOML, or a key is wrong.
    #[error("{what} in {}", .file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// Which key and what was expected.
        what: String,
    },
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is worked on.
    pub project: ProjectSection,
    /// Who works on it.
    pub agents: Agents,
    /// Further agent CLIs, for roles to choose.
    #[serde(deserialize_with = "backend::all_resolved")]
    pub backends: BTreeMap<String, Backend>,
    /// What one container may use.
    pub limits: Limits,
    /// Where agents may connect to.
    pub network: Network,
    /// What the agents' image is made of.
    pub image: Image,
    /// The gate.
    pub verify: Verify,
    /// How tickets are given out.
    pub queue: Queue,
    /// What idle agents may propose.
    pub proposals: Proposals,
    /// What is kept of what agents did.
    pub transcripts: Transcripts,
    /// What may be spent.
    pub budgets: Budgets,
    /// What models cost that the agent CLI does not say, by name.
    pub prices: BTreeMap<String, Price>,
    /// The page and the API.
    pub monitor: Monitor,
    /// Whom to tell what, and how.
    pub notify: Notify,
}

impl Config {
    /// The project's configuration, checked, with the folder's name where none is given.
    pub fn load(project: &Project) -> Result<Config, ConfigError> {
        let file = project.config_file();
        let text = fs::read_to_string(&file).map_err(|e| ConfigError::Io(file.clone(), e))?;
        let mut config = Config::parse(&text, &file)?;
        if config.project.name.is_empty() {
            let folder = project.root().file_name().unwrap_or_default();
            config.project.name = folder.to_string_lossy().into_owned();
        }
        Ok(config)
    }

    /// The configuration that `text` says; `file` is for the sentence when it is broken.
    pub fn parse(text: &str, file: &Path) -> Result<Config, ConfigError> {
        let broken = |what: String| ConfigError::Broken {
            file: file.to_path_buf(),
            what,
        };
        let table = toml::Deserializer::parse(text).map_err(|e| broken(not_toml(text, &e)))?;
        let config: Config = serde_path_to_error::deserialize(table)
            .map_err(|e| broken(wrong_key(&e.path().to_string(), e.inner().message())))?;
        match check::fault(&config) {
            Some(what) => Err(broken(what)),
            None => Ok(config),
        }
    }

    /// Which agent CLI has a role, and with which model. A role that says neither has those of
    /// `[agents]`; mending a ticket's work is work, where it says nothing itself.
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

    /// The backend of this name: of `[backends.NAME]`, of `[agents.backend]` by its kind, or the
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

fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let line = error
        .span()
        .map(|span| text[..span.start.min(text.len())].lines().count().max(1));
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    match line {
        Some(line) => format!("line {line} is not TOML: {message}"),
        None => format!("this is not TOML: {message}"),
    }
}

fn wrong_key(path: &str, message: &str) -> String {
    let message = message.lines().collect::<Vec<_>>().join(" ");
    match path {
        "." | "" => message,
        path => format!("{path}: {message}"),
    }
}

#[cfg(test)]
mod tests;
