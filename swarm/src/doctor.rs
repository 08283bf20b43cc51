//! What could keep a swarm from working on this machine: facts, gathered each within a time limit
//! (`gather`), and what follows from each (`checks`, pure).

use std::path::PathBuf;

use serde::Serialize;
use ticket::probe::Reached;

use crate::hub::Down;

mod checks;
mod gather;

pub use checks::findings;
pub use gather::gather;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `engine`, `disk` …
    pub check: &'static str,
    /// How it is.
    pub level: Level,
    /// What was seen.
    pub what: String,
    /// The command that mends it, or what else to do.
    pub mend: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Fine,
    /// It could not be looked at, or there is nothing to look at.
    Skipped,
    /// It works, and may not for long.
    Warning,
    /// A swarm cannot work like this.
    Wrong,
}

/// What was seen; where something was not, why.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The Docker engine, or why there is none.
    pub engine: Result<Engine, Trouble>,
    /// What `git --version` prints; none when there is no git.
    pub git: Option<String>,
    /// The account of the agent CLIs: where from, and when it ends in Unix seconds; none when none is
    /// needed.
    pub account: Result<Option<Account>, Trouble>,
    /// Unix seconds now.
    pub now: i64,
    /// The page's port.
    pub port: Port,
    /// Disks, by what they are for.
    pub disks: Vec<Disk>,
    /// The project; none outside of one.
    pub project: Option<InProject>,
}

/// What the engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Engine {
    /// Its version.
    pub version: String,
    /// Its operating system.
    pub system: String,
    /// Memory in bytes.
    pub memory: u64,
    /// Processor cores.
    pub cores: u64,
    /// How far its clock is ahead of ours, in seconds; none when it does not say.
    pub ahead: Option<i64>,
    /// Where it keeps its data.
    pub data: Option<PathBuf>,
}

/// What went wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What went wrong.
    pub what: String,
    /// What to do, where that is known.
    pub mend: Option<String>,
}

/// Where the account comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// In words.
    pub source: String,
    /// When it ends, in Unix seconds, where that is known.
    pub ends: Option<i64>,
}

/// The page's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// The configured one.
    pub number: u16,
    /// Whether nobody listens there.
    pub is_free: bool,
    /// Whether our own hub does.
    pub is_ours: bool,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What lies there.
    pub what: &'static str,
    /// Where.
    pub place: PathBuf,
    /// Free bytes.
    pub free: u64,
}

/// What there is in a project alone.
#[derive(Clone, Debug)]
pub struct InProject {
    /// Its folder.
    pub root: PathBuf,
    /// What is wrong with the configuration.
    pub config: Result<(), String>,
    /// What is wrong with who may read and write its files, with the command that mends it.
    pub modes: Vec<Trouble>,
    /// Whether the database may lie where it lies.
    pub filesystem: Result<(), String>,
    /// The images.
    pub images: Result<Images, String>,
    /// The database: whether what is in it is sound.
    pub database: Result<(), String>,
    /// Addresses outside that agents need, from a container; why it was not tried.
    pub outside: Result<Vec<Reached>, Untried>,
    /// The hub, from a container.
    pub hub: Result<Reached, Untried>,
    /// What has become of the hub, where it ended and nobody stopped it.
    pub down: Option<Down>,
}

/// The images of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Images {
    /// Whether the engine has those of the last start.
    pub are_there: bool,
    /// Whether a start would make the same ones.
    pub are_current: bool,
    /// Whether a hub runs.
    pub run: bool,
}

/// Why something was not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Untried {
    /// There is no need, or no way as things are.
    Because(String),
    /// It went wrong.
    Failed(String),
}
