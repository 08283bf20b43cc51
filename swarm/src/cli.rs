//! The command line of `swarm`. Nothing below knows clap.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use swarm::channel::Channel;
use ticket::cost::By;

use crate::exit;

/// Agents in containers work on tickets and land them on a branch that is always green.
#[derive(Parser)]
#[command(
    name = "swarm",
    version,
    propagate_version = true,
    after_help = "Start here:\n  swarm init .\n  swarm start\n  ticket create \"Add a --json flag to the list command\"\n  swarm status -w",
    after_long_help = format!("Start here:\n  swarm init .\n  swarm start\n  ticket create \"Add a --json flag to the list command\"\n  swarm status -w\n\n{}", exit::help())
)]
pub struct Cli {
    /// The project's folder; the nearest one with a .swarm upwards when left out
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Print results and errors, and nothing else
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say each step on the way, on standard error
    #[arg(short, long, global = true)]
    pub verbose: bool,
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
    #[command(
        after_help = "Examples:\n  swarm init .\n  swarm init ~/new-project --no-interview\n  swarm init . --backend command --command \"my-agent --file {prompt_file}\""
    )]
    Init(Init),
    /// Build the images where needed, start the hub and its agents
    ///
    /// Agents need an account. With the claude backend: ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN
    /// (made by 'claude setup-token'), or a login by 'claude' (which ends after some hours), in this
    /// order. codex: CODEX_API_KEY. gemini: GEMINI_API_KEY. opencode: the variable of the model's
    /// provider, as OPENAI_API_KEY. Where the ntfy server wants a token, it is taken from
    /// SWARM_NTFY_TOKEN and kept for the next start.
    #[command(
        after_help = "Examples:\n  swarm start\n  swarm start --agents 5\n  ANTHROPIC_API_KEY=… swarm start --port 3100"
    )]
    Start {
        /// How many agents; agents.count of the configuration when left out
        #[arg(long, value_name = "N")]
        agents: Option<u32>,
        /// The port on 127.0.0.1, and no other; else monitor.port or the next that is free
        #[arg(long, value_name = "P")]
        port: Option<u16>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Take over a new login or key; a running swarm uses it at once
    ///
    /// It is looked for as 'swarm start' does. When a refused login had halted the swarm, one agent
    /// tries whether the new one works.
    #[command(after_help = "Examples:\n  claude && swarm login\n  ANTHROPIC_API_KEY=… swarm login")]
    Login,
    /// Let agents finish what they have, then end them and the hub
    ///
    /// They take nothing new. Those that are not done in time (agents.drain_minutes, or --drain-timeout)
    /// give their tickets back, and their trees are kept: half a minute, a minute at most. Ctrl-C while
    /// they finish lets the swarm go on. A hub that does not answer for a minute is ended from outside.
    #[command(
        after_help = "Examples:\n  swarm stop\n  swarm stop --drain-timeout 1h\n  swarm stop --drain-timeout 0\n  swarm stop --now"
    )]
    Stop {
        /// Wait for nobody; tickets are given back at the next start
        #[arg(long, conflicts_with = "drain_timeout")]
        now: bool,
        /// How long they may go on: 90s, 10m, 2h; 0 has them give everything back at once
        #[arg(long, value_name = "SPAN", value_parser = span)]
        drain_timeout: Option<Duration>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// What happened since the last start, what waits for you, and what everybody does now
    #[command(
        after_help = "Examples:\n  swarm status\n  swarm status -w\n  swarm status --since 8h --json"
    )]
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Report from so long ago (8h, 2d), or from a time such as '2030-01-31 08:00:00' (UTC)
        #[arg(long, value_name = "TIME", value_parser = since)]
        since: Option<i64>,
        /// Again whenever something happens; on a terminal every few seconds, too
        #[arg(short, long)]
        watch: bool,
    },
    /// Print what a service printed (hub, agent-1, verifier-1 …), or what an agent CLI did
    ///
    /// --session shows the newest run of an agent's CLI, or the one that runs now: what it was asked,
    /// what it said, the tools it called. --ticket shows the newest run at a ticket. With --since all
    /// runs that went on then or later are shown.
    #[command(
        after_help = "Examples:\n  swarm logs hub -f\n  swarm logs agent-1 --since 10m --tail 100\n  swarm logs agent-1 --session -f\n  swarm logs --ticket 12 --attempt 2\n  swarm logs --landing 7 -f"
    )]
    Logs(Logs),
    /// Show what agents cost, in tokens and US dollars
    ///
    /// Costs are what the agent CLI says, else what its tokens cost at list prices: estimates, no
    /// bill. 'at least' stands where a model's price is not known; prices in .swarm/config.json
    /// gives it. Days are those of the clock where the hub runs.
    #[command(after_help = "Examples:\n  swarm cost\n  swarm cost --by ticket --since 2030-01-31")]
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
    #[command(after_help = "Example:\n  swarm scale 5")]
    Scale {
        #[arg(value_name = "N")]
        agents: u32,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Have agents stand still and take nothing new, until 'swarm resume'
    ///
    /// Their processes are frozen, their tickets stay theirs, and the time does not count. What was
    /// handed in still lands.
    #[command(after_help = "Example:\n  swarm pause \"The office is on fire\"")]
    Pause {
        /// Why, on one line
        #[arg(allow_hyphen_values = true)]
        reason: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Have agents finish what they have and take nothing new, until 'swarm resume'
    #[command(after_help = "Example:\n  swarm drain \"Before the upgrade\"")]
    Drain {
        /// Why, on one line
        #[arg(allow_hyphen_values = true)]
        reason: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let agents go on after 'swarm pause' or 'swarm drain', or try again after a limit
    #[command(after_help = "Example:\n  swarm resume")]
    Resume {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop or restart one agent
    #[command(
        subcommand,
        after_help = "Examples:\n  swarm agent stop agent-2\n  swarm agent restart agent-2"
    )]
    Agent(Agent),
    /// Bring what landed into your own branch, by fast-forward
    ///
    /// Runs nothing and overwrites nothing of yours. Files that would run by themselves once they are
    /// there (.envrc, .vscode, .claude, git hooks, install scripts …) are listed first, and come only
    /// with --allow. See docs/pull.md.
    #[command(after_help = "Examples:\n  swarm pull\n  swarm pull --allow")]
    Pull {
        /// Bring files that run by themselves, too; of commits up to this one
        #[arg(long, value_name = "COMMIT", num_args = 0..=1, default_missing_value = "")]
        allow: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Pull whenever something lands; what needs 'swarm pull --allow' waits for you
    #[command(after_help = "Example:\n  swarm watch")]
    Watch {
        /// As JSON: one line for each pull
        #[arg(long)]
        json: bool,
    },
    /// Renew the generated files after an upgrade; never your own
    #[command(after_help = "Example:\n  swarm regenerate")]
    ///
    /// Shows what would change, and asks. Where nobody can be asked, --yes says it.
    Regenerate {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Open a shell in an agent's container, or run a program there
    ///
    /// Ends with the exit code of the shell. What runs there may draw on your terminal.
    #[command(
        after_help = "Examples:\n  swarm shell agent-1\n  swarm shell agent-1 -- cat /etc/os-release\n  echo 'df -h' | swarm shell verifier-1"
    )]
    Shell {
        /// An agent, as agent-1; a verifier; or hub
        agent: String,
        /// The program and its arguments; a shell when left out
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Show where the page is and how to log in
    #[command(after_help = "Examples:\n  swarm open\n  xdg-open \"$(swarm open)\"")]
    Open {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Messages for when you are away, by the ways that the configuration sets
    #[command(
        subcommand,
        after_help = "Example:\n  swarm notify test --channel ntfy"
    )]
    Notify(Notify),
    /// Run verify.sh on commits of the base branch, each in a fresh container
    #[command(
        after_help = "Examples:\n  swarm verify\n  swarm verify HEAD~3 HEAD\n  swarm verify --all"
    )]
    Verify {
        /// Commits, as git names them; the branch's head when left out
        #[arg(value_name = "REV")]
        revisions: Vec<String>,
        /// Every commit since 'swarm init'
        #[arg(long, conflicts_with = "revisions")]
        all: bool,
        /// As JSON: one line for each commit
        #[arg(long)]
        json: bool,
    },
    /// Show the configuration and where each value comes from, or change it
    ///
    /// It is in .swarm/config.json; every key has a default, and docs/configuration.md has them all. A
    /// variable goes before the file: SWARM_AGENTS_COUNT=5 is agents.count.
    #[command(
        after_help = "Examples:\n  swarm config\n  swarm config get agents.count\n  swarm config set budgets.max_usd_per_day 20\n  swarm config unset agents.model\n  swarm config check --json"
    )]
    Config {
        /// As JSON
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        what: Option<Config>,
    },
    /// Show the agent CLIs that are configured, or try one
    #[command(
        subcommand,
        after_help = "Examples:\n  swarm backend list\n  swarm backend test codex --model gpt-5"
    )]
    Backend(Backend),
    /// Show the whole loop on a sample project with scripted agents; needs no account
    #[command(after_help = "Examples:\n  swarm demo\n  swarm demo --agents 5 --keep-running")]
    Demo(Demo),
    /// Serve the tools of the interview to the agent CLI, by MCP on standard input and output
    #[command(hide = true)]
    InterviewTools,
    /// Say what could keep a swarm from working here, and what mends it
    ///
    /// Looks at the engine, its clock, git, the account, the port, disks, and in a project at its files,
    /// its images, and from a container at the way to the hub and outside. Exits 1 when something is
    /// wrong.
    #[command(after_help = "Examples:\n  swarm doctor\n  swarm doctor --json")]
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the script that completes 'swarm' in a shell
    #[command(
        after_help = "Examples:\n  swarm completions bash > ~/.local/share/bash-completion/completions/swarm\n  swarm completions zsh > \"${fpath[1]}/_swarm\"\n  swarm completions fish > ~/.config/fish/completions/swarm.fish\n\n'ticket completions' does the same for 'ticket'."
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write a manual page for each command into a folder
    #[command(after_help = "Example:\n  swarm man ~/.local/share/man/man1")]
    Man {
        /// The folder; made when it is not there
        dir: PathBuf,
    },
}

#[derive(Subcommand)]
pub enum Agent {
    /// End an agent; its ticket goes back with what was done, and no attempt is used up
    ///
    /// It stays away until it is restarted, or until 'swarm scale' or 'swarm start'.
    Stop {
        /// Which, such as agent-1
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End an agent as 'swarm agent stop' does, where it runs, and make its container anew
    Restart {
        /// Which, such as agent-1
        name: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub enum Config {
    /// Print the value of a key, or of a whole section as JSON
    Get {
        /// As agents.count
        key: String,
    },
    /// Set a key in .swarm/config.json, and say when it counts
    Set {
        /// As agents.count, or prices."my-model-*".input
        key: String,
        /// A word, a number, true or false; a list or an object as JSON
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Take a key out of .swarm/config.json, so that its default counts
    Unset {
        /// As agents.count
        key: String,
    },
    /// Say everything that is wrong with the file and the environment
    Check,
    /// Print the JSON Schema of the file; needs no project
    Schema {
        /// The keys as a page of Markdown
        #[arg(long)]
        markdown: bool,
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
        /// A kind, or NAME of one in backends; the one that works on tickets when left out
        name: Option<String>,
        /// Another model than the configured one
        #[arg(long)]
        model: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Default, clap::Args)]
#[command(group = clap::ArgGroup::new("sessions").args(["session", "ticket"]).multiple(true))]
pub struct Logs {
    /// Whose; not needed with --ticket
    #[arg(required_unless_present_any = ["ticket", "landing"])]
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
    /// Of one landing: where it stands, what verify.sh prints for it, and the log that decided it
    #[arg(long, value_name = "ID", conflicts_with_all = ["service", "sessions"])]
    pub landing: Option<i64>,
    /// Since so long ago (10m, 8h, 2d), or since a time such as '2030-01-31 08:00:00' (UTC)
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<i64>,
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
    /// As JSON, and nothing is asked
    #[arg(long)]
    pub json: bool,
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
        /// As JSON
        #[arg(long)]
        json: bool,
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

/// A length of time.
fn span(text: &str) -> Result<Duration, String> {
    let span = match text {
        "0" => Some(0),
        span => ticket::moment::parse(&format!("+{span}"), 0).ok(),
    };
    let seconds = span.and_then(|seconds| u64::try_from(seconds).ok());
    let seconds = seconds.ok_or("use 90s, 10m, 2h, or 0")?;
    Ok(Duration::from_secs(seconds))
}

/// A moment in the past, in Unix seconds.
fn since(text: &str) -> Result<i64, String> {
    let now = ticket::moment::now();
    let span = ticket::moment::parse(&format!("+{text}"), 0).map(|seconds| now - seconds);
    let moment = match (span, text) {
        (Ok(moment), _) => Some(moment),
        (Err(_), "now") => Some(now),
        (Err(_), ahead) if ahead.trim_start().starts_with('+') => None,
        (Err(_), time) => ticket::moment::parse(time, now).ok(),
    };
    moment
        .ok_or_else(|| "use 30m, 8h, 2d, or a time such as '2030-01-31 08:00:00' (UTC)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_moment_of_the_past_is_a_span_or_a_time() {
        let now = ticket::moment::now();
        for (text, expected) in [
            ("8h", Some(now - 8 * 3600)),
            ("now", Some(now)),
            ("2030-01-31 08:00:00", Some(1_896_076_800)),
            ("+8h", None),
            ("-8h", None),
            ("", None),
            ("yesterday", None),
        ] {
            let found = since(text).ok();
            let is_near = found.zip(expected).map(|(a, b)| (a - b).abs() < 60);
            assert_eq!(is_near, expected.map(|_| true), "{text}: {found:?}");
        }
    }

    #[test]
    fn every_command_has_an_example() {
        use clap::CommandFactory;
        for command in Cli::command()
            .get_subcommands()
            .filter(|one| !one.is_hide_set())
        {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string);
            let example = format!("\n  swarm {name}");
            let has = help.is_some_and(|help| {
                help.starts_with("Example") && (help.contains(&example) || help.contains("swarm "))
            });
            assert!(has, "swarm {name} --help shows no example");
        }
    }
}
