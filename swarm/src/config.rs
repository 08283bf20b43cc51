//! `.swarm/config.toml`: what a human may set about a project. Every key has a default, and the
//! file that init writes (`templates/project/config.toml`) describes them all.
//!
//! A broken file gives one sentence: which key, what was expected, which file.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use ticket::wire::{AgentSettings, Backend, GateSettings};

use crate::project::Project;

/// The most agents that one swarm may have.
pub const MAX_AGENTS: u32 = 64;
/// The shortest lease: three heartbeats a second apart, and room for a slow network.
pub const MIN_LEASE_SECONDS: i64 = 10;
/// The image that agents are built on when the project names none.
pub const DEFAULT_BASE_IMAGE: &str = "debian:bookworm-slim";
/// The `claude` program that was measured.
pub const DEFAULT_CLAUDE_VERSION: &str = "2.1.329";

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
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What is worked on.
    pub project: ProjectSection,
    /// Who works on it.
    pub agents: Agents,
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
    /// The page and the API.
    pub monitor: Monitor,
}

/// `[project]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectSection {
    /// What the page calls it; the folder's name when the file says nothing.
    pub name: String,
    /// The branch that work lands on.
    pub branch: String,
}

/// `[agents]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agents {
    /// How many work at once.
    pub count: u32,
    /// The model, when the backend has one to choose.
    pub model: Option<String>,
    /// Variables for the agent CLI's environment.
    pub env: BTreeMap<String, String>,
    /// How long one run of the agent CLI may take.
    pub timeout_minutes: u64,
    /// The agent CLI.
    pub backend: Backend,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory, without swap.
    pub memory: Memory,
    /// Processor cores, in parts of one.
    pub cpus: f64,
    /// Processes and threads.
    pub pids: i64,
}

/// `[network]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// How far agents and verifiers reach.
    pub access: Access,
}

/// How far a container's network reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// The hub and the internet.
    #[default]
    Open,
    /// The hub alone.
    HubOnly,
}

/// `[image]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Image {
    /// The image to build on.
    pub base: String,
    /// Which version of `claude` is installed, with the claude backend.
    pub claude_version: String,
}

/// `[verify]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Verify {
    /// How often a red gate, a conflict or a bounce goes back to the agent within one attempt.
    pub retries: u32,
    /// How long verify.sh may take.
    pub timeout_minutes: u64,
    /// How many verifier containers stand ready.
    pub ready: u32,
    /// How many candidates are verified at once, each on top of the one before.
    pub window: u32,
}

/// `[queue]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// After how many failed attempts a ticket goes to the human.
    pub max_attempts: i64,
    /// How long an attempt may go on unheard.
    pub lease_seconds: i64,
}

/// `[proposals]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proposals {
    /// Whether idle agents propose work at all.
    pub enabled: bool,
    /// How many proposals may wait for the human at once.
    pub max_open: i64,
    /// How long to wait after one proposal before the next.
    pub every_minutes: i64,
}

/// `[monitor]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Monitor {
    /// The port on 127.0.0.1; the next free one is taken when it is in use.
    pub port: u16,
}

impl Default for ProjectSection {
    fn default() -> Self {
        ProjectSection {
            name: String::new(),
            branch: "main".into(),
        }
    }
}

impl Default for Agents {
    fn default() -> Self {
        Agents {
            count: 3,
            model: None,
            env: BTreeMap::new(),
            timeout_minutes: 60,
            backend: Backend::Claude {
                program: "claude".into(),
                args: Vec::new(),
            },
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: Memory(4 << 30),
            cpus: 2.0,
            pids: 1024,
        }
    }
}

impl Default for Image {
    fn default() -> Self {
        Image {
            base: DEFAULT_BASE_IMAGE.into(),
            claude_version: DEFAULT_CLAUDE_VERSION.into(),
        }
    }
}

impl Default for Verify {
    fn default() -> Self {
        Verify {
            retries: 3,
            timeout_minutes: 20,
            ready: 1,
            window: 1,
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            max_attempts: 3,
            lease_seconds: 120,
        }
    }
}

impl Default for Proposals {
    fn default() -> Self {
        Proposals {
            enabled: true,
            max_open: 1,
            every_minutes: 30,
        }
    }
}

impl Default for Monitor {
    fn default() -> Self {
        Monitor { port: 3000 }
    }
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
        match config.fault() {
            Some(what) => Err(broken(what)),
            None => Ok(config),
        }
    }

    /// How to run the agent CLI, with the credential and the prompts that override ours.
    pub fn agent_settings(
        &self,
        secrets: BTreeMap<String, String>,
        prompts: BTreeMap<String, String>,
    ) -> AgentSettings {
        AgentSettings {
            backend: self.agents.backend.clone(),
            model: self.agents.model.clone(),
            env: self.agents.env.clone(),
            secrets,
            timeout_seconds: self.agents.timeout_minutes * 60,
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
        matches!(self.agents.backend, Backend::Claude { .. })
    }

    /// The first value that is of the right type and still makes no sense.
    fn fault(&self) -> Option<String> {
        let Config {
            project,
            agents,
            limits,
            network: _,
            image,
            verify,
            queue,
            proposals,
            monitor,
        } = self;
        let program = match &agents.backend {
            Backend::Claude { program, .. } | Backend::Command { program, .. } => program,
        };
        let checks: [(&str, bool, &str); 19] = [
            (
                "project.branch",
                is_branch(&project.branch),
                "a branch name",
            ),
            (
                "agents.count",
                (1..=MAX_AGENTS).contains(&agents.count),
                "a number from 1 to 64",
            ),
            (
                "agents.timeout_minutes",
                minutes(agents.timeout_minutes),
                "a number of minutes from 1 to 10080",
            ),
            (
                "agents.backend.program",
                !program.trim().is_empty(),
                "the name of a program",
            ),
            (
                "limits.memory",
                limits.memory.0 >= 64 << 20,
                "at least \"64m\"",
            ),
            (
                "limits.cpus",
                limits.cpus.is_finite() && (0.1..=1024.0).contains(&limits.cpus),
                "a number of cores, at least 0.1",
            ),
            (
                "limits.pids",
                (32..=1 << 22).contains(&limits.pids),
                "a number of processes, at least 32",
            ),
            ("image.base", is_word(&image.base), "the name of an image"),
            (
                "image.claude_version",
                is_word(&image.claude_version),
                "a version such as \"2.1.329\"",
            ),
            (
                "verify.retries",
                verify.retries <= 100,
                "a number up to 100",
            ),
            (
                "verify.timeout_minutes",
                minutes(verify.timeout_minutes),
                "a number of minutes from 1 to 10080",
            ),
            ("verify.ready", verify.ready <= 16, "a number up to 16"),
            (
                "verify.window",
                (1..=16).contains(&verify.window),
                "a number from 1 to 16",
            ),
            (
                "queue.max_attempts",
                (1..=1000).contains(&queue.max_attempts),
                "a number from 1 to 1000",
            ),
            (
                "queue.lease_seconds",
                (MIN_LEASE_SECONDS..=86_400).contains(&queue.lease_seconds),
                "a number of seconds from 10 to 86400",
            ),
            (
                "proposals.max_open",
                (1..=1000).contains(&proposals.max_open),
                "a number from 1 to 1000",
            ),
            (
                "proposals.every_minutes",
                (0..=10_080).contains(&proposals.every_minutes),
                "a number of minutes up to 10080",
            ),
            ("monitor.port", monitor.port != 0, "a port from 1 to 65535"),
            (
                "project.name",
                !project.name.chars().any(char::is_control),
                "one line of text",
            ),
        ];
        let wrong = checks.iter().find(|(_, fine, _)| !fine);
        wrong
            .map(|(key, _, expected)| format!("{key}: expected {expected}"))
            .or_else(|| agents.env.keys().find_map(|key| bad_variable(key)))
    }
}

/// A number of bytes, written as `"4g"`, `"512m"` or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(pub u64);

impl Memory {
    fn parse(text: &str) -> Option<Memory> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim() {
            "" | "b" => 1,
            "k" | "kb" | "kib" => 1 << 10,
            "m" | "mb" | "mib" => 1 << 20,
            "g" | "gb" | "gib" => 1 << 30,
            "t" | "tb" | "tib" => 1 << 40,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).map(Memory)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Memory;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"4g\" or \"512m\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Memory, E> {
                Memory::parse(text)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<Memory, E> {
                u64::try_from(bytes)
                    .map(Memory)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(bytes), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
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

fn minutes(number: u64) -> bool {
    (1..=10_080).contains(&number)
}

fn is_branch(name: &str) -> bool {
    git2::Branch::name_is_valid(name).unwrap_or(false)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn bad_variable(name: &str) -> Option<String> {
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !starts || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Some(format!(
            "agents.env: expected the name of a variable, not '{name}'"
        ));
    }
    ["TICKET_", "SWARM_", "AGENT_ID"]
        .iter()
        .any(|taken| name.starts_with(taken))
        .then(|| format!("agents.env.{name}: this name is set by the runner, choose another"))
}

#[cfg(test)]
mod tests;
