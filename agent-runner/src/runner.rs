//! What every part of the runner shares: who it is, where its hub is, its work directory.

use ticket::client::Client;
use ticket::transcript::{Begin, Key};

use crate::console::Console;
use crate::layout::Layout;
use crate::recorder::{Recorder, Studio};
use crate::stop::Stop;
use crate::worktree::WorkTree;

/// Where the hub serves the repository, below its address.
const REPOSITORY: &str = "git";

/// One enrolled runner.
#[derive(Clone)]
pub struct Runner {
    /// The agent's name.
    pub name: String,
    /// The hub, with the runner's own token.
    pub hub: Client,
    /// The hub's address, for the agent CLI.
    pub url: String,
    /// The work directory.
    pub layout: Layout,
    /// The clone in it.
    pub tree: WorkTree,
    /// Where it says what it does.
    pub console: Console,
    /// Whether it was told to stop.
    pub stop: Stop,
}

impl Runner {
    /// Begins to record a run of the agent CLI, and its prompt: at most so many bytes.
    pub fn record(&self, run: Key, begin: &Begin, prompt: &str, most: u64) -> Recorder {
        let studio = Studio {
            hub: &self.hub,
            tmp: &self.layout.tmp(),
            console: &self.console,
            most,
        };
        Recorder::start(&studio, run, begin, prompt)
    }
}

/// The repository's address at the hub.
pub fn repository(hub: &str) -> String {
    format!("{}/{REPOSITORY}", hub.trim_end_matches('/'))
}
