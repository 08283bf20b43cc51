//! Swarms whose agents are puppets: the description of a ticket is a Python program, and its agent
//! runs it in the real container. What it puts into `seen` lands with it and is read here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ticket::Status;
use ticket::attempt::Attempt;
use ticket::ticket::Resolution;

use super::command::output;
use super::swarm::Swarm;

const PUPPET: &str = include_str!("puppet/puppet");
/// Where the image has it.
const COMMAND: &str = "python3 /opt/swarm/extra/puppet";
/// Python is all that a puppet needs.
const SETUP: &str = "\
#!/bin/sh
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends python3
rm -rf /var/lib/apt/lists/*
";
/// Red while there is a file `red`; then whatever the tree's own `check` says.
const VERIFY: &str = "\
#!/bin/sh
set -eu
if [ -e red ]; then
    echo 'there is a file called red'
    exit 1
fi
[ ! -e check ] || sh ./check
";
/// How long one ticket of a puppet may take, on a busy machine.
pub const SOON: Duration = Duration::from_secs(120);

/// A program's end: its exit code and what it printed, as puppets note it.
pub type Ran = (i32, String);

/// An inited project with an empty queue, whose agents are puppets that propose nothing.
pub fn puppets() -> Swarm {
    let swarm = Swarm::on(|folder| {
        program(&folder.join("project-setup.sh"), SETUP);
        program(&folder.join("verify.sh"), VERIFY);
        fs::write(folder.join("README"), "A project.\n").expect("a file");
    });
    swarm.init(&["--backend", "command", "--command", COMMAND]);
    let extra = swarm.folder().join("image/extra");
    fs::create_dir_all(&extra).expect("a folder");
    program(&extra.join("puppet"), PUPPET);
    swarm.configure(|config| {
        set(config, "proposals", "enabled", false);
    });
    // The ticket that init makes is for agents that can write.
    swarm.ticket(&["mark-done", "1"]);
    swarm
}

/// Sets one key of the configuration.
pub fn set(
    config: &mut serde_json::Value,
    section: &str,
    key: &str,
    value: impl Into<serde_json::Value>,
) {
    config[section][key] = value.into();
}

/// A ticket whose agent does what `program` says.
pub fn task(swarm: &Swarm, title: &str, program: &str) -> i64 {
    swarm.create(title, &["--description", program])
}

/// Waits until all of these are on main.
pub fn until_landed(swarm: &Swarm, tickets: &[i64]) {
    swarm.wait_until(&format!("{tickets:?} landed"), SOON, || {
        tickets.iter().all(|id| is_landed(swarm, *id))
    });
}

/// Whether it is done because its commit is on main.
pub fn is_landed(swarm: &Swarm, ticket: i64) -> bool {
    let ticket = swarm.show(ticket).ticket;
    ticket.status == Status::Done && ticket.resolution == Some(Resolution::Landed)
}

/// What the agent of a landed ticket put into `seen`.
pub fn seen<T: DeserializeOwned>(swarm: &Swarm, ticket: i64) -> T {
    let text = swarm.repository(&["show", &format!("main:seen/{ticket}.json")]);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} in {text}"))
}

/// Waits until somebody commented so on the ticket.
pub fn until_comment(swarm: &Swarm, ticket: i64, body: &str) {
    swarm.wait_until(&format!("'{body}' on ticket {ticket}"), SOON, || {
        swarm.show(ticket).comments.iter().any(|c| c.body == body)
    });
}

/// The attempts of a ticket, oldest first.
pub fn attempts(swarm: &Swarm, ticket: i64) -> Vec<Attempt> {
    swarm.show(ticket).attempts
}

/// The full names of all refs but main's.
pub fn other_refs(swarm: &Swarm) -> Vec<String> {
    let refs = swarm.repository(&["for-each-ref", "--format=%(refname)"]);
    let others = refs.lines().filter(|name| *name != "refs/heads/main");
    others.map(String::from).collect()
}

/// What [`other_refs`] are when each of these tickets landed at its first attempt. Ids of one digit.
pub fn kept(tickets: &[i64]) -> Vec<String> {
    let kept = tickets.iter().map(|id| format!("refs/attempts/{id}/1"));
    kept.chain(["refs/swarm/start".into()]).collect()
}

/// The subjects of what landed, oldest first.
pub fn landed_subjects(swarm: &Swarm) -> Vec<String> {
    let format = "--format=%(trailers:key=Swarm-Ticket,valueonly,separator=%x2C)|%s";
    let log = swarm.repository(&["log", "--reverse", format, "main"]);
    log.lines()
        .filter_map(|line| line.split_once('|'))
        .filter(|(ticket, _)| !ticket.is_empty())
        .map(|(_, subject)| subject.into())
        .collect()
}

/// Runs `swarm`, whatever comes of it.
pub fn swarm_ends(swarm: &Swarm, arguments: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_swarm"));
    output(swarm.command(program).args(arguments))
}

/// Writes a file that can be run.
pub fn program(file: &Path, text: &str) {
    fs::write(file, text).expect("a file");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("its mode");
}
