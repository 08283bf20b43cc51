//! The command line of `swarm`. Nothing below knows clap.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};
use swarm::channel::Channel;
use ticket::cost::By;

/// Agents in containers work on tickets and land them on a branch that is always green.
#[derive(Parser)]
#[command(name = "swarm", version, propagate_version = true)]
pub struct Cli {
    /// The project's folder; the nearest one with a .swarm upwards when left out
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Make a folder a project, and tell the agents about it in an interview
    ///
    /// First it makes .swarm/ with the repository that agents work from, and proposes verify.sh,
    /// project-setup.sh and PROJECT.md. Then claude asks you in this terminal what the project is, and
    /// writes them for it; /exit ends that, and what was made before stays. In a project that is
    /// there already only the interview is held again, when you say so.
    Init(Init),
    /// Build the images where needed, start the hub and its agents
    ///
    /// Agents need an account. With the claude backend: ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN
    /// (made by 'claude setup-token'), or a login by 'claude' (which ends after some hours), in this
    /// order. codex: CODEX_API_KEY. gemini: GEMINI_API_KEY. opencode: the variable of the model's
    /// provider, as OPENAI_API_KEY. Where the ntfy server wants a token, it is taken from
    /// SWARM_NTFY_TOKEN and kept for the next start.
    Start {
        /// How many agents; agents.count of the configuration when left out
        #[arg(long, value_name = "N")]
        agents: Option<u32>,
        /// The port on 127.0.0.1, and no other; else monitor.port or the next that is free
        #[arg(long, value_name = "P")]
        port: Option<u16>,
    },
    /// Take over a new login or key; a running swarm uses it at once
    ///
    /// It is looked for as 'swarm start' does. When a refused login had halted the swarm, one agent
    /// tries whether the new one works.
    Login,
    /// End the agents and the hub; what they had not handed in is kept
    Stop,
    /// What happened since the last start, what waits for you, and what everybody does now
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Report from so long ago (8h, 2d), or from a time such as '2030-01-31 08:00:00' (UTC)
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Option<i64>,
        /// Again whenever something happens
        #[arg(short, long)]
        watch: bool,
    },
    /// Print what a service printed (hub, agent-1, verifier-1 …), or what an agent CLI did
    ///
    /// --session shows the newest run of an agent's CLI, or the one that runs now: what it was asked,
    /// what it said, the tools it called. --ticket shows the newest run at a ticket.
    Logs(Logs),
    /// Show what agents cost, in tokens and US dollars
    ///
    /// Costs are what the agent CLI says, else what its tokens cost at list prices: estimates, no
    /// bill. 'at least' stands where a model's price is not known; [prices] in .swarm/config.toml
    /// gives it. Days are those of the clock where the hub runs.
    Cost {
        /// One line for each: ticket, agent, day, model or phase
        #[arg(long, value_name = "WHAT", default_value = "day")]
        by: By,
        /// Only this day and later ones, such as 2030-01-31
        #[arg(long, value_name = "DAY")]
        since: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Have N agents from now on; those that go finish their work first
    Scale {
        #[arg(value_name = "N")]
        agents: u32,
    },
    /// Have agents stand still and take nothing new, until 'swarm resume'
    ///
    /// Their processes are frozen, their tickets stay theirs, and the time does not count. What was
    /// handed in still lands.
    Pause {
        /// Why, on one line
        #[arg(allow_hyphen_values = true)]
        reason: String,
    },
    /// Have agents finish what they have and take nothing new, until 'swarm resume'
    Drain {
        /// Why, on one line
        #[arg(allow_hyphen_values = true)]
        reason: String,
    },
    /// Let agents go on after 'swarm pause' or 'swarm drain', or try again after a limit
    Resume,
    /// Stop or restart one agent
    #[command(subcommand)]
    Agent(Agent),
    /// Bring what landed into your own branch, by fast-forward
    ///
    /// Runs nothing and overwrites nothing of yours. Files that would run by themselves once they are
    /// there (.envrc, .vscode, .claude, git hooks, install scripts …) are listed first, and come only
    /// with --allow. See docs/pull.md.
    Pull {
        /// Bring files that run by themselves, too; of commits up to this one
        #[arg(long, value_name = "COMMIT", num_args = 0..=1, default_missing_value = "")]
        allow: Option<String>,
    },
    /// Pull whenever something lands; what needs 'swarm pull --allow' waits for you
    Watch,
    /// Renew the generated files after an upgrade; never your own
    Regenerate,
    /// Show where the page is and how to log in
    Open,
    /// Messages for when you are away, by the ways that the configuration sets
    #[command(subcommand)]
    Notify(Notify),
    /// Run verify.sh on commits of the base branch, each in a fresh container
    Verify {
        /// Commits, as git names them; the branch's head when left out
        #[arg(value_name = "REV")]
        revisions: Vec<String>,
        /// Every commit since 'swarm init'
        #[arg(long, conflicts_with = "revisions")]
        all: bool,
    },
    /// Show the agent CLIs that are configured, or try one
    #[command(subcommand)]
    Backend(Backend),
    /// Show the whole loop on a sample project with scripted agents; needs no account
    Demo(Demo),
    /// Serve the tools of the interview to the agent CLI, by MCP on standard input and output
    #[command(hide = true)]
    InterviewTools,
}

#[derive(Subcommand)]
pub enum Agent {
    /// End an agent; its ticket goes back with what was done, and no attempt is used up
    ///
    /// It stays away until it is restarted, or until 'swarm scale' or 'swarm start'.
    Stop {
        /// Which, such as agent-1
        name: String,
    },
    /// End an agent as 'swarm agent stop' does, where it runs, and make its container anew
    Restart {
        /// Which, such as agent-1
        name: String,
    },
}

#[derive(Subcommand)]
pub enum Backend {
    /// Show each backend: its kind, program and model, what it does, and whether its account is there
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask one a harmless question in a container of the project's image, and say what was seen
    ///
    /// Needs no running swarm, costs a few tokens, changes nothing. Exits 0 when the agent CLI
    /// answered and, where it can, went on with the conversation; 1 when it did not.
    Test {
        /// A kind, or NAME of a [backends.NAME]; the one that works on tickets when left out
        name: Option<String>,
        /// Another model than the configured one
        #[arg(long)]
        model: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("sessions").args(["session", "ticket"]).multiple(true))]
pub struct Logs {
    /// Whose; not needed with --ticket
    #[arg(required_unless_present = "ticket")]
    pub service: Option<String>,
    /// Go on as more is printed, and with the next run
    #[arg(short, long)]
    pub follow: bool,
    /// Only the last N lines
    #[arg(long, value_name = "N")]
    pub tail: Option<u64>,
    /// What the agent's CLI did, instead of what its container printed
    #[arg(long)]
    pub session: bool,
    /// What was done on this ticket
    #[arg(long, value_name = "ID")]
    pub ticket: Option<i64>,
    /// In this attempt; the newest when left out
    #[arg(long, value_name = "N", requires = "ticket")]
    pub attempt: Option<i64>,
    /// In this run of the agent CLI; the newest when left out
    #[arg(long, value_name = "K", requires = "ticket")]
    pub run: Option<i64>,
    /// As JSONL: the lines that the agent CLI printed, each with its time
    #[arg(long, requires = "sessions")]
    pub raw: bool,
}

#[derive(clap::Args)]
pub struct Init {
    /// The folder; made when it is not there
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Do not ask anything
    #[arg(long, conflicts_with = "from_prompt")]
    pub no_interview: bool,
    /// Ask nothing either: claude makes do with what stands in this file, or on standard input (-)
    #[arg(long, value_name = "FILE")]
    pub from_prompt: Option<PathBuf>,
    /// What the agents' image is built on: any image with apt or apk; one that fits when left out
    #[arg(long, value_name = "IMAGE")]
    pub base_image: Option<String>,
    /// Which agent CLI works on the tickets
    #[arg(long, value_enum, default_value_t = BackendKind::Claude)]
    pub backend: BackendKind,
    /// The program and its arguments, for the command backend. {prompt} stands for the prompt,
    /// {prompt_file} for a file that holds it; else it comes on standard input
    #[arg(long, value_name = "PROGRAM", required_if_eq("backend", "command"))]
    pub command: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackendKind {
    Claude,
    Codex,
    Opencode,
    Gemini,
    Command,
}

#[derive(Subcommand)]
pub enum Notify {
    /// Send one message by every way that is set, and say what came of each
    Test {
        /// Only this way
        #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Channel::NAMES))]
        channel: Option<String>,
    },
}

#[derive(clap::Args)]
pub struct Demo {
    /// How many agents
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub agents: u32,
    /// Leave the swarm running at the end
    #[arg(long)]
    pub keep_running: bool,
    /// Print one JSON document at the end
    #[arg(long)]
    pub json: bool,
    /// The new folder; ./swarm-demo-N when left out
    #[arg(long)]
    pub dir: Option<PathBuf>,
    /// The port on 127.0.0.1, and no other; else 3000 or the next that is free
    #[arg(long, value_name = "P")]
    pub port: Option<u16>,
}

/// A moment in the past, in Unix seconds.
fn since(text: &str) -> Result<i64, String> {
    let now = ticket::moment::now();
    let span = ticket::moment::parse(&format!("+{text}"), 0);
    let moment = span.map(|seconds| now - seconds);
    moment
        .or_else(|_| ticket::moment::parse(text, now))
        .map_err(|_| "use 30m, 8h, 2d, or a time such as '2030-01-31 08:00:00' (UTC)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
