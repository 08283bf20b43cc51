//! The tables of `config.toml`, one struct each, with their defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ticket::backend::{Backend, Role};
use ticket::notice::Kind;

use super::size::Size;
use super::{
    DEFAULT_BASE_IMAGE, DEFAULT_CLAUDE_VERSION, DEFAULT_CODEX_VERSION, DEFAULT_GEMINI_VERSION,
    DEFAULT_OPENCODE_VERSION, backend,
};

/// `[project]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectSection {
    /// What the page calls it; the folder's name when the file says nothing.
    pub name: String,
    /// The branch that work lands on.
    pub branch: String,
}

/// `[agents]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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
    /// How long an attempt may take with all its runs, the wait for the landing queue left out; 0
    /// for as long as it likes.
    pub attempt_timeout_minutes: u64,
    /// How long it may print nothing and use no processor; 0 for as long as it likes.
    pub stall_minutes: u64,
    /// The agent CLI.
    #[serde(deserialize_with = "backend::resolved")]
    pub backend: Backend,
    /// Who does what, where that is not the agent CLI and the model above.
    pub roles: BTreeMap<Role, RoleSection>,
}

/// `[agents.roles.work]` and the like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoleSection {
    /// The name of a backend.
    pub backend: Option<String>,
    /// The model.
    pub model: Option<String>,
}

/// `[limits]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory, without swap.
    pub memory: Size,
    /// Processor cores, in parts of one.
    pub cpus: f64,
    /// Processes and threads.
    pub pids: i64,
    /// The largest file that a process may write, so that one that writes without end does not fill
    /// the host's disk.
    pub file_size: Size,
}

/// `[network]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// How far agents and verifiers reach.
    pub access: Access,
}

/// How far a container's network reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// The hub and the internet.
    #[default]
    Open,
    /// The hub alone.
    HubOnly,
}

/// `[image]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Image {
    /// The image to build on.
    pub base: String,
    /// Which version of `claude` is installed, with the claude backend.
    pub claude_version: String,
    /// Which version of `codex` is installed, with the codex backend.
    pub codex_version: String,
    /// Which version of `opencode` is installed, with the opencode backend.
    pub opencode_version: String,
    /// Which version of `gemini` is installed, with the gemini backend.
    pub gemini_version: String,
}

/// `[verify]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// After how many failed attempts a ticket goes to the human.
    pub max_attempts: i64,
    /// How long an attempt may go on unheard.
    pub lease_seconds: i64,
}

/// `[proposals]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proposals {
    /// Whether idle agents propose work at all.
    pub enabled: bool,
    /// How many proposals may wait for the human at once.
    pub max_open: i64,
    /// How long to wait after one proposal before the next.
    pub every_minutes: i64,
}

/// `[transcripts]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Transcripts {
    /// How long after its end a run's transcript is kept.
    pub keep_days: i64,
    /// How much is kept of all runs.
    pub max_size: Size,
    /// How much is kept of one run.
    pub max_run_size: Size,
}

/// `[monitor]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Monitor {
    /// The port on 127.0.0.1; the next free one is taken when it is in use.
    pub port: u16,
}

/// `[notify]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// The topic that messages go to, such as `https://ntfy.sh/TOPIC`; none: nothing is sent.
    pub ntfy: Option<String>,
    /// The topic on the same server where answers come in, `auto` for one that is made at random;
    /// none: messages cannot be answered.
    pub reply_topic: Option<String>,
    /// For how long a message can be answered.
    pub reply_hours: u64,
    /// Whether messages go to a channel of Slack.
    pub slack: bool,
    /// Whether messages go to a channel of Discord.
    pub discord: bool,
    /// The server of one's own that messages go to.
    pub webhook: Option<String>,
    /// Mail.
    pub mail: Option<Mail>,
    /// What is worth a message.
    pub events: Vec<Kind>,
    /// The page's address as a phone reaches it; its address on this machine when left out.
    pub page: Option<String>,
}

/// `[notify.mail]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The server, with its port where that is not the usual one.
    pub server: String,
    /// How the way there is protected.
    pub security: Security,
    /// Whom mail is from.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// Who logs in to the server, when somebody has to.
    pub user: Option<String>,
}

/// How the way to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Encrypted from the start; port 465.
    Tls,
    /// Encrypted before anything is said; port 587.
    #[default]
    Starttls,
    /// In the open, to this machine alone; port 25.
    None,
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
            attempt_timeout_minutes: 240,
            stall_minutes: 15,
            backend: backend::defaults(ticket::backend::Kind::Claude),
            roles: BTreeMap::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: Size(4 << 30),
            cpus: 2.0,
            pids: 1024,
            file_size: Size(16 << 30),
        }
    }
}

impl Default for Image {
    fn default() -> Self {
        Image {
            base: DEFAULT_BASE_IMAGE.into(),
            claude_version: DEFAULT_CLAUDE_VERSION.into(),
            codex_version: DEFAULT_CODEX_VERSION.into(),
            opencode_version: DEFAULT_OPENCODE_VERSION.into(),
            gemini_version: DEFAULT_GEMINI_VERSION.into(),
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

impl Default for Transcripts {
    fn default() -> Self {
        Transcripts {
            keep_days: 30,
            max_size: Size(2 << 30),
            max_run_size: Size(ticket::transcript::MOST),
        }
    }
}

impl Default for Monitor {
    fn default() -> Self {
        Monitor { port: 3000 }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Notify {
            ntfy: None,
            reply_topic: None,
            reply_hours: 24,
            slack: false,
            discord: false,
            webhook: None,
            mail: None,
            events: Kind::ALL.to_vec(),
            page: None,
        }
    }
}
