//! The `git` program, always called the same way: the repository named outright, no configuration
//! but ours, no hooks, no prompts, only the hub's own protocol, a deadline on every call. The token
//! goes in through the environment, never as an argument.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Captured, Exit, capture};

/// For what touches only this machine: `add` of a huge tree is the longest.
const LOCAL_DEADLINE: Duration = Duration::from_secs(120);
/// For what goes to the hub: a first clone is the longest.
pub const REMOTE_DEADLINE: Duration = Duration::from_secs(300);
/// A connection on which nothing moves for so many seconds is given up.
const STALLED_SECONDS: &str = "30";
/// What is read of a call's output.
const OUTPUT_LIMIT: u64 = 64 * 1024 * 1024;
/// The tree without files, which every repository knows: it has no attributes.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Git ran and said no.
    #[error("git {verb} failed: {said}")]
    Said {
        /// Its first argument.
        verb: String,
        /// What it printed, at most a few lines.
        said: String,
        /// Its exit code; none when it was killed.
        code: Option<i32>,
    },
    /// It could not be run, or took too long.
    #[error("git {verb}: {error}")]
    Io {
        /// Its first argument.
        verb: String,
        /// What happened.
        error: std::io::Error,
    },
}

impl Error {
    /// True when it took too long.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Error::Io { error, .. } if error.kind() == std::io::ErrorKind::TimedOut)
    }
}

/// A token for the hub's git endpoint.
#[derive(Clone)]
pub struct Credential(String);

impl Credential {
    /// The token as such.
    pub fn new(token: &str) -> Credential {
        Credential(token.to_owned())
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// One repository with its work tree.
#[derive(Clone, Debug)]
pub struct Git {
    tree: PathBuf,
    protocol: String,
    identity: Identity,
}

/// Who makes commits.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The agent's name.
    pub name: String,
    /// An address that leads nowhere.
    pub email: String,
}

impl Identity {
    /// The agent as git knows it.
    pub fn of(agent: &str) -> Identity {
        Identity {
            name: agent.to_owned(),
            email: format!("{agent}@swarm.invalid"),
        }
    }
}

/// A call in the making.
pub struct Call {
    command: Command,
    verb: String,
    input: Option<Vec<u8>>,
    deadline: Duration,
}

impl Git {
    /// The repository in `tree/.git`, which may talk to `remote` by its protocol and no other.
    pub fn new(tree: &Path, remote: &str, identity: Identity) -> Git {
        let protocol = remote
            .split_once("://")
            .map_or("file", |(scheme, _)| scheme);
        Git {
            tree: tree.to_owned(),
            protocol: protocol.to_owned(),
            identity,
        }
    }

    /// The repository itself.
    pub fn dir(&self) -> PathBuf {
        self.tree.join(".git")
    }

    /// Prepares `git verb arguments…` in the work tree.
    pub fn call(&self, arguments: &[&str]) -> Call {
        self.prepare(&self.tree, &["core.bare=false"], arguments)
            .env("GIT_WORK_TREE", &self.tree)
    }

    /// Prepares a call that sees no work tree, and so obeys no attributes of what agents wrote.
    pub fn bare(&self, arguments: &[&str]) -> Call {
        let no_attributes = format!("attr.tree={EMPTY_TREE}");
        self.prepare(&self.dir(), &["core.bare=true", &no_attributes], arguments)
    }

    /// Runs `git verb arguments…` in the work tree and returns what it prints, trimmed.
    pub fn run(&self, arguments: &[&str]) -> Result<String, Error> {
        self.call(arguments).text()
    }

    fn prepare(&self, folder: &Path, settings: &[&str], arguments: &[&str]) -> Call {
        let mut command = Command::new("git");
        command.current_dir(folder).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("LC_ALL", "C")
            .env("HOME", self.dir())
            .env("GIT_DIR", self.dir())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", &self.identity.name)
            .env("GIT_AUTHOR_EMAIL", &self.identity.email)
            .env("GIT_COMMITTER_NAME", &self.identity.name)
            .env("GIT_COMMITTER_EMAIL", &self.identity.email);
        let protocol = format!("protocol.{}.allow=always", self.protocol);
        let stalled = format!("http.lowSpeedTime={STALLED_SECONDS}");
        let fixed = [
            "core.hooksPath=/dev/null",
            "core.fsmonitor=",
            "core.attributesFile=/dev/null",
            "core.excludesFile=/dev/null",
            "core.quotePath=false",
            "core.askPass=",
            "credential.helper=",
            "commit.gpgSign=false",
            "gc.auto=0",
            "maintenance.auto=false",
            "submodule.recurse=false",
            "fetch.recurseSubmodules=false",
            "push.recurseSubmodules=no",
            "advice.addEmbeddedRepo=false",
            "http.followRedirects=false",
            "http.lowSpeedLimit=1",
            "protocol.allow=never",
            &stalled,
            &protocol,
        ];
        for setting in fixed.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        command.args(arguments);
        Call {
            command,
            verb: arguments.first().copied().unwrap_or_default().to_owned(),
            input: None,
            deadline: LOCAL_DEADLINE,
        }
    }
}

impl Call {
    /// Sets a variable for this call.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Speaks to the hub with this token.
    pub fn with(self, credential: &Credential) -> Self {
        let header = format!("Authorization: Bearer {}", credential.0);
        self.env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", header)
    }

    /// Gives it something to read.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Gives up after this long.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs it, whatever its exit code.
    pub fn output(mut self) -> Result<Captured, Error> {
        capture(&mut self.command, self.input, OUTPUT_LIMIT, self.deadline).map_err(|error| {
            Error::Io {
                verb: self.verb,
                error,
            }
        })
    }

    /// Runs it; any exit code but 0 is an error.
    pub fn bytes(self) -> Result<Vec<u8>, Error> {
        let verb = self.verb.clone();
        let captured = self.output()?;
        match captured.exit {
            Exit::Code(0) => Ok(captured.stdout),
            _ => Err(refusal(verb, &captured)),
        }
    }

    /// As [`Call::bytes`], as trimmed text.
    pub fn text(self) -> Result<String, Error> {
        let bytes = self.bytes()?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// Runs a question: 0 is yes, 1 is no.
    pub fn yes(self) -> Result<bool, Error> {
        let verb = self.verb.clone();
        let captured = self.output()?;
        match captured.exit {
            Exit::Code(0) => Ok(true),
            Exit::Code(1) => Ok(false),
            _ => Err(refusal(verb, &captured)),
        }
    }
}

/// What git said, as an error.
pub fn refusal(verb: String, captured: &Captured) -> Error {
    let said = String::from_utf8_lossy(&captured.stderr);
    let said: Vec<&str> = said.trim().lines().rev().take(6).collect();
    let said: Vec<&str> = said.into_iter().rev().collect();
    Error::Said {
        verb,
        said: said.join("; "),
        code: match captured.exit {
            Exit::Code(code) => Some(code),
            Exit::Signal(_) => None,
        },
    }
}
