//! Finds what is to be killed and kills it with SIGKILL: processes from inside their container, so
//! that the engine does not take it for a stop by hand, and the engine by the script that started it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::draw::{Draw, Target};
use crate::support::command::{describe, output, within};
use crate::support::swarm::Swarm;

/// How long what is to be killed may be absent before the next draw takes its turn.
const ABSENT: Duration = Duration::from_secs(10);
/// How often it is looked for meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long one kill may take, and the engine's way back.
const DEADLINE: Duration = Duration::from_secs(90);
/// What `scripts/engine` exits with when the engine that runs is not its own.
const NOT_OURS: i32 = 3;
/// Kills the first process whose arguments match. The pattern is written so that this shell's own
/// arguments do not.
const KILL: &str = r#"
for process in /proc/[0-9]*; do
    if tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -q "$1"; then
        kill -KILL "${process#/proc/}" && exit 0
    fi
done
exit 1
"#;

/// What can be killed of a swarm.
pub struct Victims {
    hub: String,
    agents: String,
    verifiers: String,
}

impl Victims {
    /// Those of this swarm.
    pub fn new(swarm: &Swarm) -> Victims {
        let id = swarm.id().expect("a project");
        Victims {
            hub: format!("swarm-{id}-hub"),
            agents: format!("swarm-{id}-agent-"),
            verifiers: format!("swarm-{id}-verifier-"),
        }
    }

    /// Kills what was drawn, as soon as it is there; says what, or why not.
    pub fn kill(&self, draw: &Draw) -> Result<String, String> {
        match draw.target {
            Target::Hub => self.kill_process(draw, &self.hub, "^[^ ]*[m]onitor "),
            Target::Runner => self.kill_process(draw, &self.agents, "^[^ ]*[a]gent-runner"),
            Target::AgentCli => self.kill_process(draw, &self.agents, "[d]emo-agent"),
            Target::Verifier => self.kill_process(draw, &self.verifiers, "^[^ ]*[a]gent-runner"),
            Target::Engine => kill_engine(draw),
        }
    }

    fn kill_process(&self, draw: &Draw, prefix: &str, pattern: &str) -> Result<String, String> {
        let give_up = Instant::now() + ABSENT;
        while Instant::now() < give_up {
            let mut containers = running(prefix);
            if !containers.is_empty() {
                let first = draw.pick % containers.len();
                containers.rotate_left(first);
            }
            if let Some(hit) = containers.iter().find(|name| kill_in(name, pattern)) {
                return Ok(format!("{} of {hit}", draw.target));
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(format!("there was no {} to kill", draw.target))
    }
}

/// The containers whose names begin so, in their order.
fn running(prefix: &str) -> Vec<String> {
    let filter = format!("name=^{prefix}");
    let words = ["ps", "--filter", &filter, "--format", "{{.Names}}"];
    let listed = output(within(DEADLINE, "docker").args(words));
    let names = String::from_utf8_lossy(&listed.stdout);
    let mut names: Vec<String> = names.lines().map(String::from).collect();
    names.sort();
    names
}

fn kill_in(container: &str, pattern: &str) -> bool {
    let words = ["exec", container, "sh", "-c", KILL, "sh", pattern];
    output(within(DEADLINE, "docker").args(words))
        .status
        .success()
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
