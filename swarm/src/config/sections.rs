//! The sections of `config.json`, one struct each, with their defaults. What stands over a field is
//! what the JSON Schema and docs/configuration.md say of the key; the bounds there are the ones that
//! are checked. `x-restart` marks what a running hub does not take over.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ticket::backend::{Backend, Role};
use ticket::notice::Kind;

use super::size::Size;
use super::{
    DEFAULT_BASE_IMAGE, DEFAULT_CLAUDE_VERSION, DEFAULT_CODEX_VERSION, DEFAULT_GEMINI_VERSION,
    DEFAULT_OPENCODE_VERSION, backend, described,
};

/// What is worked on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectSection {
    /// What the page and messages call the project; empty for the folder's name.
    pub name: String,
    /// The branch that work lands on. It was checked out at 'swarm init'.
    pub branch: String,
}

/// Who works on it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Agents {
    /// How many agents work at once. 'swarm start --agents N' and 'swarm scale N' say otherwise.
    #[schemars(range(min = 1, max = 64), extend("x-restart" = true))]
    pub count: u32,
    /// The model, when the backend has one to choose; left out for the backend's own default.
    pub model: Option<String>,
    /// Variables for the agent CLI's environment. No secrets: everything in the container can read
    /// them.
    pub env: BTreeMap<String, String>,
    /// The longest that one run of the agent CLI may take, in minutes.
    #[schemars(range(min = 1, max = 10_080))]
    pub timeout_minutes: u64,
    /// The longest that an attempt may take with all its runs and the gate, in minutes; the wait for
    /// the landing queue does not count. 0: as long as it likes.
    #[schemars(range(min = 0, max = 10_080))]
    pub attempt_timeout_minutes: u64,
    /// How long an agent may print nothing and use no processor before it is ended and the ticket is
    /// tried again, in minutes. 0: as long as it likes. An agent that has to wait prints
    /// "WAITING-UNTIL: +30m", once.
    #[schemars(range(min = 0, max = 10_080))]
    pub stall_minutes: u64,
    /// How long 'swarm stop' lets agents finish what they have, in minutes; then they give it back. 0:
    /// they give it back at once. 'swarm stop --drain-timeout' says otherwise for once.
    #[schemars(range(min = 0, max = 10_080))]
    pub drain_minutes: u64,
    /// The agent CLI that works on the tickets. 'kind' chooses it, and has defaults for all other
    /// keys.
    #[serde(deserialize_with = "backend::resolved")]
    #[schemars(with = "described::BackendSection", extend("x-restart" = true))]
    pub backend: Backend,
    /// Who does what, where that is not the agent CLI and the model above.
    #[schemars(with = "described::Roles", extend("x-restart" = true))]
    pub roles: BTreeMap<Role, RoleSection>,
}

/// Who has a role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RoleSection {
    /// A kind of agent CLI, or the NAME of one in 'backends'; left out for 'agents.backend'.
    pub backend: Option<String>,
    /// The model; left out for 'agents.model'.
    pub model: Option<String>,
}

/// What one container, an agent or a verifier, may use.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory, without swap; at least "64m".
    pub memory: Size,
    /// Processor cores, in parts of one.
    #[schemars(range(min = 0.1, max = 1024.0))]
    pub cpus: f64,
    /// Processes and threads.
    #[schemars(range(min = 32, max = 4_194_304))]
    pub pids: i64,
    /// The largest file that a process may write, so that one that writes without end does not fill
    /// the host's disk; at least "64m".
    pub file_size: Size,
    /// The most that an agent's work directory may hold, its clone and caches included: an agent that
    /// writes more is ended; at least "64m".
    pub disk: Size,
}

/// Where agents may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// How far agents and verifiers reach.
    pub access: Access,
}

/// How far a container's network reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// The hub and the internet.
    #[default]
    Open,
    /// The hub alone, which an agent CLI that calls a service outside cannot work with.
    HubOnly,
}

/// What the agents' image is made of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Image {
    /// The image that the agents' image is built on: any with apt or apk.
    pub base: String,
    /// The version of 'claude' that is installed, with the claude backend.
    pub claude_version: String,
    /// The version of 'codex' that is installed, with the codex backend.
    pub codex_version: String,
    /// The version of 'opencode' that is installed, with the opencode backend.
    pub opencode_version: String,
    /// The version of 'gemini' that is installed, with the gemini backend.
    pub gemini_version: String,
}

/// The gate: verify.sh of the base branch.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Verify {
    /// How often a red gate, a conflict or a bounce goes back to the agent before the attempt fails.
    #[schemars(range(min = 0, max = 100))]
    pub retries: u32,
    /// The longest that verify.sh may take, in minutes; longer is red.
    #[schemars(range(min = 1, max = 10_080), extend("x-restart" = true))]
    pub timeout_minutes: u64,
    /// How many verifier containers stand ready.
    #[schemars(range(min = 0, max = 16), extend("x-restart" = true))]
    pub ready: u32,
    /// How many submissions are verified at once, each on top of the one before.
    #[schemars(range(min = 1, max = 16), extend("x-restart" = true))]
    pub window: u32,
}

/// How tickets are given out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// After this many failed attempts a ticket goes to the human.
    #[schemars(range(min = 1, max = 1000))]
    pub max_attempts: i64,
    /// How long an agent may be silent before its ticket is given to another, in seconds.
    #[schemars(range(min = 10, max = 86_400))]
    pub lease_seconds: i64,
}

/// What idle agents do: propose work, which waits for 'ticket approve ID'.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Proposals {
    /// Whether idle agents propose work at all.
    pub enabled: bool,
    /// How many proposals may be open at once.
    #[schemars(range(min = 1, max = 1000))]
    pub max_open: i64,
    /// How long to wait after one proposal before the next, in minutes. After each run that proposed
    /// nothing the wait is twice as long, up to a day, until something is proposed again.
    #[schemars(range(min = 0, max = 10_080))]
    pub every_minutes: i64,
}

/// What is kept of what agents were asked and what they printed. The oldest runs go first, those of
/// tickets that are not done last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Transcripts {
    /// How long a run is kept after its end, in days.
    #[schemars(range(min = 1, max = 36_500))]
    pub keep_days: i64,
    /// How much is kept in all; at least "1m".
    pub max_size: Size,
    /// How much is kept of one run; at least "1m".
    pub max_run_size: Size,
}

/// The page and the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Monitor {
    /// The port on 127.0.0.1. The next free one is taken when it is in use.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: u16,
}

/// Messages for when you are away: docs/notifications.md.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// A topic of ntfy, on https://ntfy.sh or a server of your own, as "https://ntfy.sh/TOPIC"; left
    /// out: nothing is sent. Whoever knows the topic's name can read it, so take one that nobody
    /// guesses. A token, where the server wants one, is taken from SWARM_NTFY_TOKEN at 'swarm start'.
    pub ntfy: Option<String>,
    /// Where answers from the phone come in, on the same server: "auto" for a topic with a name made
    /// at random, or a name of 16 characters and more that nobody guesses. Left out: messages cannot
    /// be answered.
    pub reply_topic: Option<String>,
    /// How long a message can be answered, in hours.
    #[schemars(range(min = 1, max = 168))]
    pub reply_hours: u64,
    /// Messages go to a channel of Slack; the address of its webhook is taken from
    /// SWARM_SLACK_WEBHOOK at 'swarm start'.
    pub slack: bool,
    /// Messages go to a channel of Discord; the address of its webhook is taken from
    /// SWARM_DISCORD_WEBHOOK at 'swarm start'.
    pub discord: bool,
    /// A server of your own, which gets JSON signed with SWARM_WEBHOOK_SECRET, as
    /// "https://example.org/swarm".
    pub webhook: Option<String>,
    /// E-mail; left out: none is sent.
    pub mail: Option<Mail>,
    /// What is worth a message.
    pub events: Vec<Kind>,
    /// The page's address as your phone reaches it, for a tap on a message, as
    /// "https://swarm.example.org"; left out: its address on this machine.
    pub page: Option<String>,
}

/// E-mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The server, with its port where that is not the usual one, as "mail.example.org:2525".
    pub server: String,
    /// How the way there is protected.
    pub security: Security,
    /// Whom mail is from.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// Who logs in to the server, when somebody has to; the password is taken from
    /// SWARM_SMTP_PASSWORD at 'swarm start'.
    pub user: Option<String>,
}

/// How the way to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
            drain_minutes: 10,
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
            disk: Size(20 << 30),
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
