//! A hub that is killed in its container, and a container that the engine does not start again.

use serde_json::{Value, json};

use crate::support::engine::{docker, docker_says};
use crate::support::puppet::{
    SOON, attempts, puppets, swarm_ends, task, until_comment, until_landed,
};
use crate::support::swarm::Swarm;

/// Works until it is told to go on.
const PATIENT: &str = "\
write(f'work-{TICKET}', 'work\\n')
ticket('comment', TICKET, 'working')
wait_for(lambda: 'go on' in comments(TICKET), 110)
";
/// Kills the hub and not its keeper. The pattern is written so that this shell's own arguments do not
/// match.
const KILL_HUB: &str = r#"
for process in /proc/[0-9]*; do
    if tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -q '^[^ ]*[m]onitor --project '; then
        kill -KILL "${process#/proc/}" && echo "${process#/proc/}" && exit 0
    fi
done
exit 1
"#;

#[test]
fn a_killed_hub_comes_back_in_its_container_and_a_lost_container_by_start() {
    let swarm = puppets();
    let started: Value = serde_json::from_str(&swarm.start(&["--agents", "1", "--json"]))
        .expect("what was started, as JSON");
    assert_eq!(started["agents_away"], json!([]));
    let first = task(&swarm, "Work through a crash", PATIENT);
    until_comment(&swarm, first, "working");
    let before = container(&swarm);
    let killed = docker(&["exec", &name(&swarm), "sh", "-c", KILL_HUB]);
    swarm.wait_until("another hub answers", SOON, || {
        hub(&swarm).is_some_and(|process| process != killed.trim()) && answers(&swarm)
    });
    assert_eq!(container(&swarm), before, "its container goes on");
    let log = docker_says(&["logs", &name(&swarm)]);
    assert!(log.contains("the hub was ended by SIGKILL"), "{log}");
    swarm.ticket(&["comment", &first.to_string(), "go on"]);
    until_landed(&swarm, &[first]);
    assert_eq!(attempts(&swarm, first).len(), 1);

    let second = task(&swarm, "Work without a hub", PATIENT);
    until_comment(&swarm, second, "working");
    docker(&["update", "--restart=no", &name(&swarm)]);
    docker(&["kill", &name(&swarm)]);
    let said = swarm.swarm(&["status"]);
    let words = "! the hub did not come back, although nobody stopped it: run 'swarm start'";
    assert!(said.starts_with(words), "{said}");
    swarm.start(&[]);
    assert_ne!(container(&swarm), before, "it is another container");
    let agents = swarm.status_json().agents;
    assert_eq!(agents[0].state, "working", "a start waits for its agents");
    swarm.ticket(&["comment", &second.to_string(), "go on"]);
    until_landed(&swarm, &[second]);
    assert_eq!(attempts(&swarm, second).len(), 1, "its agent went on");
    let report: serde_json::Value =
        serde_json::from_str(&swarm.swarm(&["status", "--json"])).expect("JSON");
    let shift = &report["shift"];
    assert_eq!(
        shift["hub_restart_count"], 2,
        "by the keeper, and by the human: {shift}"
    );
    assert_eq!(shift["landed_count"], 2, "the report goes on: {shift}");
    swarm.stop();
    swarm.start(&["--agents", "1"]);
    let report: serde_json::Value =
        serde_json::from_str(&swarm.swarm(&["status", "--json"])).expect("JSON");
    assert_eq!(
        report["shift"]["hub_restart_count"], 0,
        "a stop and a start begin anew"
    );
    swarm.stop();
}

fn name(swarm: &Swarm) -> String {
    format!("swarm-{}-hub", swarm.id().expect("an id"))
}

/// What tells a run of the hub's container from the next.
fn container(swarm: &Swarm) -> String {
    let run = "{{.Id}} {{.State.StartedAt}} {{.RestartCount}}";
    docker(&["inspect", "--format", run, &name(swarm)])
}

/// The number of the hub's process in its container.
fn hub(swarm: &Swarm) -> Option<String> {
    let script = KILL_HUB.replace("kill -KILL", "kill -0");
    let found = docker(&[
        "exec",
        &name(swarm),
        "sh",
        "-c",
        &format!("({script}) || true"),
    ]);
    Some(found.trim().to_owned()).filter(|process| !process.is_empty())
}

fn answers(swarm: &Swarm) -> bool {
    // Between its end and its next start there is nobody to ask.
    let said = swarm_ends(swarm, &["status", "--json"]).stdout;
    String::from_utf8_lossy(&said).contains(r#""running":true"#)
}
