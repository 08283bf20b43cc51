//! Finds what is to be hit and hits it: processes from inside their container, so that the engine
//! does not take it for a stop by hand, and the engine by the script that started it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::clock;
use crate::disk::Disk;
use crate::draw::{Draw, Target};
use crate::support::command::{describe, output, within};
use crate::support::swarm::Swarm;

/// How long what is to be hit may be absent before the next draw takes its turn.
const ABSENT: Duration = Duration::from_secs(10);
/// How often it is looked for meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long one hit may take, and the engine's way back.
const DEADLINE: Duration = Duration::from_secs(240);
/// What `scripts/engine` exits with when the engine that runs is not its own.
const NOT_OURS: i32 = 3;
/// Sends a signal to the first process whose arguments match and prints its number. The pattern is
/// written so that this shell's own arguments do not match.
const SIGNAL: &str = r#"
for process in /proc/[0-9]*; do
    if tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -q "$1"; then
        kill -"$2" "${process#/proc/}" && echo "${process#/proc/}" && exit 0
    fi
done
exit 1
"#;

const HUB: &str = "^[^ ]*[m]onitor --project ";
const KEEPER: &str = "^[^ ]*[m]onitor --keep ";
const RUNNER: &str = "^[^ ]*[a]gent-runner";
const AGENT_CLI: &str = "[d]emo-agent";

/// What can be hit of a swarm.
pub struct Victims<'a> {
    hub: String,
    agents: String,
    verifiers: String,
    disk: Option<&'a Disk>,
}

impl<'a> Victims<'a> {
    /// Those of this swarm; `disk` is the one that it is on, where that is its own.
    pub fn new(swarm: &Swarm, disk: Option<&'a Disk>) -> Victims<'a> {
        let id = swarm.id().expect("a project");
        Victims {
            hub: format!("swarm-{id}-hub"),
            agents: format!("swarm-{id}-agent-"),
            verifiers: format!("swarm-{id}-verifier-"),
            disk,
        }
    }

    /// Hits what was drawn, as soon as it is there, and returns when that is over; says what, or why
    /// not.
    pub fn hit(&self, draw: &Draw) -> Result<String, String> {
        match draw.target {
            Target::Hub => self.kill(draw, &self.hub, HUB),
            Target::Keeper => self.kill(draw, &self.hub, KEEPER),
            Target::Runner => self.kill(draw, &self.agents, RUNNER),
            Target::AgentCli => self.kill(draw, &self.agents, AGENT_CLI),
            Target::Verifier => self.kill(draw, &self.verifiers, RUNNER),
            Target::Engine => kill_engine(draw),
            Target::FrozenHub => self.freeze(draw, &self.hub, HUB),
            Target::FrozenRunner => self.freeze(draw, &self.agents, RUNNER),
            Target::FrozenAgentCli => self.freeze(draw, &self.agents, AGENT_CLI),
            Target::FrozenVerifier => self.freeze(draw, &self.verifiers, RUNNER),
            Target::Network => self.cut_off(draw),
            Target::Disk => self.fill_disk(draw),
            Target::Clock => clock::wrong_for(draw.length, draw.pick.is_multiple_of(2)),
        }
    }

    fn kill(&self, draw: &Draw, prefix: &str, pattern: &str) -> Result<String, String> {
        let (container, _) = signal(draw, prefix, pattern, "KILL")?;
        Ok(format!("{} of {container}", draw.target))
    }

    fn freeze(&self, draw: &Draw, prefix: &str, pattern: &str) -> Result<String, String> {
        let (container, process) = signal(draw, prefix, pattern, "STOP")?;
        thread::sleep(draw.length);
        // The engine may be away at this moment, and a container that ended needs nothing.
        let give_up = Instant::now() + DEADLINE;
        while is_running(&container) != Some(false) && Instant::now() < give_up {
            let go_on = format!("kill -CONT {process} || ! test -d /proc/{process}");
            let words = ["exec", &container, "sh", "-c", &go_on];
            if output(within(DEADLINE, "docker").args(words))
                .status
                .success()
            {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(format!("{} of {container}{}", draw.target, lasting(draw)))
    }

    fn cut_off(&self, draw: &Draw) -> Result<String, String> {
        let containers = running(&self.agents);
        let Some(name) = containers.get(draw.pick % containers.len().max(1)) else {
            return Err("there was no agent to cut off".into());
        };
        let format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
        let found = output(within(DEADLINE, "docker").args(["inspect", "-f", format, name]));
        let networks = String::from_utf8_lossy(&found.stdout).into_owned();
        let each = |words: &[&str]| {
            for network in networks.split_whitespace() {
                let words = [&["network"], words, &[network, name]].concat();
                output(within(DEADLINE, "docker").args(words));
            }
        };
        each(&["disconnect", "--force"]);
        thread::sleep(draw.length);
        // A container that was replaced meanwhile has networks of its own.
        each(&["connect"]);
        Ok(format!("network of {name}{}", lasting(draw)))
    }

    fn fill_disk(&self, draw: &Draw) -> Result<String, String> {
        let disk = self.disk.ok_or("the disk is not the swarm's own")?;
        disk.full_for(draw.length);
        Ok(format!("disk{}", lasting(draw)))
    }
}

fn lasting(draw: &Draw) -> String {
    format!(" for {:.1} s", draw.length.as_secs_f64())
}

/// The container that had such a process, and the process's number there.
fn signal(
    draw: &Draw,
    prefix: &str,
    pattern: &str,
    signal: &str,
) -> Result<(String, String), String> {
    let give_up = Instant::now() + ABSENT;
    while Instant::now() < give_up {
        let mut containers = running(prefix);
        if !containers.is_empty() {
            let first = draw.pick % containers.len();
            containers.rotate_left(first);
        }
        for container in containers {
            let words = [
                "exec", &container, "sh", "-c", SIGNAL, "sh", pattern, signal,
            ];
            let sent = output(within(DEADLINE, "docker").args(words));
            if sent.status.success() {
                let process = String::from_utf8_lossy(&sent.stdout).trim().to_owned();
                return Ok((container, process));
            }
        }
        thread::sleep(LOOK_EVERY);
    }
    Err(format!("there was no {} to hit", draw.target))
}

/// The containers whose names begin so, in their order.
pub fn running(prefix: &str) -> Vec<String> {
    let filter = format!("name=^{prefix}");
    let words = ["ps", "--filter", &filter, "--format", "{{.Names}}"];
    let listed = output(within(DEADLINE, "docker").args(words));
    let names = String::from_utf8_lossy(&listed.stdout);
    let mut names: Vec<String> = names.lines().map(String::from).collect();
    names.sort();
    names
}

/// `None` when the engine does not say.
fn is_running(container: &str) -> Option<bool> {
    let words = ["inspect", "-f", "{{.State.Running}}", container];
    let said = output(within(DEADLINE, "docker").args(words));
    match String::from_utf8_lossy(&said.stdout).trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => String::from_utf8_lossy(&said.stderr)
            .contains("No such")
            .then_some(false),
    }
}

/// Kills the engine, leaves it dead for the length of the draw's pause, starts it again.
fn kill_engine(draw: &Draw) -> Result<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/engine");
    let mut kill = within(DEADLINE, &script);
    let killed = output(kill.arg("kill"));
    if killed.status.code() == Some(NOT_OURS) {
        return Err("the engine was not started by scripts/engine and is spared".into());
    }
    assert!(killed.status.success(), "{}", describe(&kill, &killed));
    thread::sleep(draw.pause);
    let mut start = within(DEADLINE, &script);
    let started = output(start.arg("start"));
    assert!(started.status.success(), "{}", describe(&start, &started));
    Ok(draw.target.to_string())
}
