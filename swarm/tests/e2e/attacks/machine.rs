//! The container itself: the runner's memory, the machine around it, what an agent leaves running.

use std::collections::BTreeMap;

use serde::Deserialize;
use ticket::wire::HubFile;

use crate::support::engine::docker;
use crate::support::puppet::{Ran, SOON, puppets, seen, set, task, until_landed};
use crate::support::swarm::Swarm;

/// How many processes and threads one container may have here.
const PIDS: i64 = 150;
/// A port that the hub's human listener has in its container.
const HUMAN_PORT: u16 = 3000;

#[derive(Deserialize)]
struct Machine {
    runner: BTreeMap<String, String>,
    code: Code,
    arguments: Vec<String>,
    #[serde(rename = "own environment")]
    own_environment: Vec<String>,
    status: BTreeMap<String, String>,
    mounts: Vec<String>,
    written: BTreeMap<String, String>,
    mount: i32,
    #[serde(rename = "user namespace")]
    user_namespace: i32,
    device: String,
    found: Vec<String>,
    host: BTreeMap<String, bool>,
    ports: BTreeMap<String, String>,
    hub: String,
}

#[derive(Deserialize)]
struct Code {
    length: usize,
    again: Ran,
}

#[derive(Deserialize)]
struct Leftovers {
    forks: String,
    children: i64,
    alive: bool,
}

#[derive(Deserialize)]
struct Remains {
    grew: i64,
    processes: Vec<String>,
    red: bool,
}

#[test]
fn a_container_holds_its_agent() {
    let swarm = puppets();
    swarm.configure(|config| set(config, "limits", "pids", PIDS));
    // One agent, so that what the second ticket leaves meets the third.
    swarm.start(&["--agents", "1"]);
    let names = format!(
        "CLOSED = {}\nHOST_PATHS = {}\n",
        python(&closed_ports(&swarm)),
        python(&[swarm.root(), swarm.folder()]),
    );
    let machine = task(&swarm, "Look around", &(names + include_str!("machine.py")));
    let leftovers = task(&swarm, "Stay", include_str!("leftovers.py"));
    let remains = task(&swarm, "Look who stayed", include_str!("remains.py"));
    until_landed(&swarm, &[machine, leftovers, remains]);

    nothing_leads_out(&seen(&swarm, machine));
    secrets_stay_secret(&seen(&swarm, machine));
    let left: Leftovers = seen(&swarm, leftovers);
    assert_eq!(left.forks, "BlockingIOError");
    assert!(left.children < PIDS, "{} children", left.children);
    assert!(left.alive);
    let remains: Remains = seen(&swarm, remains);
    assert_eq!((remains.grew, remains.red), (0, false));
    assert_eq!(remains.processes, ["agent-runner", "docker-init"]);
    swarm.stop();
}

fn nothing_leads_out(machine: &Machine) {
    for (place, came) in &machine.written {
        assert!(!came.starts_with("done"), "{place}: {came}");
    }
    let none = "0000000000000000";
    for (field, expected) in [
        ("CapPrm", none),
        ("CapEff", none),
        ("CapBnd", none),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("Uid", "1000\t1000\t1000\t1000"),
    ] {
        assert_eq!(machine.status[field], expected, "{field}");
    }
    assert_ne!(machine.mount, 0);
    assert_ne!(machine.user_namespace, 0);
    assert!(
        machine.device.starts_with("PermissionError"),
        "{}",
        machine.device
    );
    assert_eq!(machine.found, Vec::<String>::new());
    assert!(machine.host.len() == 2 && machine.host.values().all(|there| !there));
    let on_disk: Vec<_> = machine.mounts.iter().filter(|m| !is_virtual(m)).collect();
    assert!(on_disk.iter().all(|m| is_known(m)), "{on_disk:?}");
    assert_eq!(machine.hub, "done: connected");
    assert!(machine.ports.len() >= 8);
    for (address, came) in &machine.ports {
        assert!(!came.starts_with("done"), "{address}: {came}");
    }
}

fn secrets_stay_secret(machine: &Machine) {
    for (what, came) in &machine.runner {
        let refused = came.contains("Permission denied") || came.contains("not permitted");
        assert!(refused, "{what}: {came}");
    }
    assert!(machine.code.length > 16);
    assert_eq!(machine.code.again.0, 401, "{:?}", machine.code.again);
    assert_eq!(
        machine.arguments,
        [
            "/sbin/docker-init -- /usr/local/bin/agent-runner ",
            "/usr/local/bin/agent-runner "
        ]
    );
    let hidden = ["SWARM_CODE", "SWARM_HUB"];
    let shown = hidden
        .iter()
        .filter(|name| machine.own_environment.contains(&name.to_string()));
    assert_eq!(shown.count(), 0, "{:?}", machine.own_environment);
}

fn is_virtual(mount: &str) -> bool {
    let kinds = ["proc ", "tmpfs ", "devpts ", "sysfs ", "cgroup", "mqueue "];
    kinds.iter().any(|kind| mount.starts_with(kind))
}

/// The read-only root, the work volume, and the files that the engine writes for names.
fn is_known(mount: &str) -> bool {
    let (_, place) = mount.split_once(' ').unwrap_or_default();
    let known = [
        "/",
        "/work",
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/usr/sbin/docker-init",
        "/sbin/docker-init",
    ];
    known.contains(&place)
}

/// Addresses and ports where an agent might meet the human's listener, the engine, or somebody else.
fn closed_ports(swarm: &Swarm) -> Vec<(String, u16)> {
    let published = published_port(swarm);
    let mut closed = vec![("hub".into(), HUMAN_PORT), ("127.0.0.1".into(), published)];
    let hub = addresses(swarm, "hub", "IPAddress");
    let this_machine = addresses(swarm, "agent-1", "Gateway");
    for address in hub.into_iter().chain(this_machine) {
        closed.extend([HUMAN_PORT, published, 2375, 2376].map(|port| (address.clone(), port)));
    }
    swarm.wait_until("a verifier is ready", SOON, || {
        !addresses(swarm, "verifier-1", "IPAddress").is_empty()
    });
    for address in addresses(swarm, "verifier-1", "IPAddress") {
        closed.extend([22, 80, HUMAN_PORT, 7777, 8080].map(|port| (address.clone(), port)));
    }
    closed
}

/// What the engine says of a container in each of its networks; nothing while there is none.
fn addresses(swarm: &Swarm, name: &str, field: &str) -> Vec<String> {
    let container = format!("swarm-{}-{name}", swarm.id().expect("an id"));
    let template = format!("{{{{range .NetworkSettings.Networks}}}}{{{{.{field}}}}} {{{{end}}}}");
    if !swarm.containers().contains(&container) {
        return Vec::new();
    }
    let words = docker(&["inspect", "--format", &template, &container]);
    words.split_whitespace().map(String::from).collect()
}

fn published_port(swarm: &Swarm) -> u16 {
    let text = std::fs::read_to_string(swarm.folder().join("hub.json")).expect("a running hub");
    let file: HubFile = serde_json::from_str(&text).expect("its file");
    let port = file
        .url
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    port.expect("a port")
}

/// A value as Python writes it: lists and strings are JSON's.
fn python<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("JSON")
}
