//! `agent-runner [--work DIR]`: reads `SWARM_HUB` and the one-time `SWARM_CODE`, enrols, and works or
//! verifies, as the hub says. `agent-runner probe` asks the agent CLI that standard input describes
//! one harmless question, `agent-runner reach` tries addresses, both without a hub. Exit codes are in
//! [`agent_runner::exit`].

use std::process::ExitCode;
use std::time::Duration;

use agent_runner::console::Console;
use agent_runner::layout::Layout;
use agent_runner::patience::patiently_for;
use agent_runner::runner::{Runner, repository};
use agent_runner::stop::Stop;
use agent_runner::worktree::WorkTree;
use agent_runner::{exit, guard, probe, reach, verifier, worker};
use anyhow::Context;
use ticket::Error;
use ticket::client::Client;
use ticket::wire::{Enrolled, Role};

/// Where the hub is.
const HUB: &str = "SWARM_HUB";
/// What is traded for a token.
const CODE: &str = "SWARM_CODE";
/// A folder that is this container's alone, such as a /tmp in its memory.
const SCRATCH: &str = "SWARM_SCRATCH";
/// Where the work is done, unless told otherwise.
const WORK: &str = "/work";
/// The argument that asks for a probe.
const PROBE: &str = "probe";
/// The argument that asks what can be reached.
const REACH: &str = "reach";
/// What is wrong when standard input cannot be read.
const NO_REQUEST: &str = "standard input does not say what to try";
/// How long to wait for a hub that does not answer at the start.
const ENROL_BUDGET: Duration = Duration::from_secs(180);

struct Start {
    url: String,
    code: String,
    work: String,
}

fn main() -> ExitCode {
    if let Err(e) = guard::close_to_others() {
        return fail(exit::FAILED, &format!("{e:#}"));
    }
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(why) => return fail(exit::USAGE, &why),
    };
    let without_hub = match arguments.first().map(String::as_str) {
        Some(PROBE) => Some(probe_here()),
        Some(REACH) => Some(reach_from_here()),
        _ => None,
    };
    if let Some(ended) = without_hub {
        return match ended {
            Ok(()) => ExitCode::from(exit::OK),
            Err(e) => fail(exit::FAILED, &format!("{e:#}")),
        };
    }
    let code = guard::take_variable(CODE);
    let start = match read_start(code, arguments.into_iter()) {
        Ok(start) => start,
        Err(why) => return fail(exit::USAGE, &why),
    };
    match begin(&start) {
        Ok(()) => ExitCode::from(exit::OK),
        Err(Failure::Hub(error)) => fail(code_of(&error), &error.to_string()),
        Err(Failure::Other(error)) => fail(exit::FAILED, &format!("{error:#}")),
    }
}

fn arguments() -> Result<Vec<String>, String> {
    let all = std::env::args_os().skip(1);
    let all = all.map(|argument| argument.into_string());
    all.collect::<Result<_, _>>()
        .map_err(|argument| format!("the argument {argument:?} is no text"))
}

/// What came of it is the last line of standard output.
fn reach_from_here() -> anyhow::Result<()> {
    let addresses = serde_json::from_reader(std::io::stdin().lock()).context(NO_REQUEST)?;
    println!("{}", serde_json::to_string(&reach::run(addresses))?);
    Ok(())
}

/// The report is the last line of standard output.
fn probe_here() -> anyhow::Result<()> {
    let request = serde_json::from_reader(std::io::stdin().lock()).context(NO_REQUEST)?;
    let report = probe::run(&request, &Layout::new(WORK), &Console::default())?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

enum Failure {
    Hub(Error),
    Other(anyhow::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Hub(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Other(error)
    }
}

fn begin(start: &Start) -> Result<(), Failure> {
    let stop = Stop::on_signals().map_err(anyhow::Error::from)?;
    let console = Console::default();
    console.hide(&start.code);
    let door = Client::new(&start.url, "")?;
    let enrolled = patiently_for(ENROL_BUDGET, &stop, &console, || door.enroll(&start.code))?;
    console.hide(&enrolled.token);
    let Enrolled {
        name,
        role,
        token,
        unfinished,
    } = enrolled;
    console.say("runner", &format!("enrolled as {name}"));
    let layout = Layout::new(&start.work).with_scratch(std::env::var_os(SCRATCH));
    let runner = Runner {
        tree: WorkTree::new(layout.repo(), &repository(&start.url), &name),
        hub: door.with_token(&token),
        url: start.url.clone(),
        name,
        layout,
        console,
        stop,
    };
    match role {
        Role::Worker => worker::run(&runner, &token, unfinished.as_ref())?,
        Role::Verifier => verifier::run(&runner, &token)?,
    }
    // A signal that came meanwhile ends the process in its own way.
    runner.stop.checkpoint();
    Ok(())
}

fn read_start(
    code: Option<String>,
    mut args: impl Iterator<Item = String>,
) -> Result<Start, String> {
    let mut work = WORK.to_owned();
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next()) {
            ("--work", Some(dir)) => work = dir,
            ("--work", None) => return Err("--work needs a folder".into()),
            _ => {
                let arg = ticket::text::one_line(&arg);
                return Err(format!(
                    "unknown argument '{arg}': only --work DIR is known"
                ));
            }
        }
    }
    let missing = |name: &str| format!("{name} is not set: the hub starts this program");
    Ok(Start {
        url: std::env::var(HUB).map_err(|_| missing(HUB))?,
        code: code.ok_or_else(|| missing(CODE))?,
        work,
    })
}

fn code_of(error: &Error) -> u8 {
    match error {
        Error::Unauthorized(_) | Error::Forbidden(_) => exit::REFUSED,
        Error::Unavailable(_) => exit::NO_HUB,
        _ => exit::FAILED,
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("agent-runner: {why}");
    ExitCode::from(code)
}
