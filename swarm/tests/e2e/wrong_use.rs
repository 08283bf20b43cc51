//! Wrong use where an engine is needed to see it: one sentence, the right exit code, and nothing half
//! done. What needs none is in the tests of the crate.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use crate::support::command::{output, within};
use crate::support::engine::Kind;
use crate::support::puppet::{SOON, puppets, set, swarm_ends};
use crate::support::small_engine::SmallEngine;
use crate::support::swarm::Swarm;

/// How long a refusal may take; none of them builds an image.
const AT_ONCE: Duration = Duration::from_secs(30);
/// A user who owns nothing and is in no group.
const NOBODY: &str = "65534";

#[test]
fn a_taken_port_a_second_start_and_unknown_names_are_refused() {
    let swarm = puppets();
    let somebody = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = somebody.local_addr().expect("its address").port();
    let taken = port.to_string();
    refused(
        &swarm,
        &["start", "--port", &taken],
        &[&taken, "is taken", "--port"],
    );
    nothing_is_there(&swarm);

    swarm.configure(|config| set(config, "monitor", "port", i64::from(port)));
    let said = swarm.start(&["--agents", "1"]);
    assert!(
        said.contains(&format!("Port {port} is taken: using ")),
        "{said}"
    );
    swarm.wait_until("its agent and a verifier wait", SOON, || {
        let agents = swarm.status_json().agents;
        agents.len() == 2 && agents.iter().all(|agent| agent.state == "idle")
    });
    let running = swarm.containers();

    let again = swarm.start(&[]);
    assert!(
        again.contains("runs already, with 1 agent at http://127.0.0.1:"),
        "{again}"
    );
    refused(
        &swarm,
        &["start", "--port", &taken],
        &["the swarm runs at", "swarm stop"],
    );
    refused(
        &swarm,
        &["logs", "agent-9"],
        &["no service 'agent-9'", "agent-1", "hub"],
    );
    refused(
        &swarm,
        &["scale", "0"],
        &["at least one agent", "swarm stop"],
    );
    refused(&swarm, &["scale", "65"], &["at most 64"]);
    refused(&swarm, &["verify", "nonsense"], &["no commit 'nonsense'"]);
    assert_eq!(
        swarm_ends(&swarm, &["scale", "many"]).status.code(),
        Some(2)
    );
    assert_eq!(swarm.containers(), running);
    assert_eq!(swarm.status_json().desired_agents, 1);

    swarm.stop();
    refused(
        &swarm,
        &["logs", "hub"],
        &["no service 'hub'", "not running"],
    );
}

#[test]
fn a_broken_configuration_starts_nothing() {
    let swarm = puppets();
    let file = swarm.folder().join("config.json");
    let good = fs::read_to_string(&file).expect("a configuration");
    for (broken, words) in [
        (
            r#"{"agents": {"colour": 1}}"#,
            ["agents.colour", "there is no such key"],
        ),
        (
            r#"{"agents": {"count": "three"}}"#,
            ["agents.count", "from 1 to 64"],
        ),
        (
            r#"{"limits": {"memory": "1k"}}"#,
            ["limits.memory", "at least \"64m\""],
        ),
        (r#"{"limits": {"pids": 1}}"#, ["limits.pids", "from 32 to"]),
        (
            r#"{"verify": {"window": 0}}"#,
            ["verify.window", "from 1 to 16"],
        ),
        ("{\n\"agents\": }", ["line 2", "not JSON"]),
    ] {
        fs::write(&file, broken).expect("a configuration");
        refused(
            &swarm,
            &["start"],
            &[&words, ["config.json"; 2].as_slice()].concat(),
        );
    }
    fs::write(&file, good).expect("a configuration");
    nothing_is_there(&swarm);
}

#[test]
fn the_engines_socket_is_not_for_everybody() {
    if !nix_is_root() {
        eprintln!("not tried: only root can become a user who may not use the socket");
        return;
    }
    let swarm = puppets();
    let root = swarm.root();
    let everybodys = root.join("swarm-program");
    fs::copy(env!("CARGO_BIN_EXE_swarm"), &everybodys).expect("a copy");
    for folder in root.ancestors().take(2) {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    let mut command = swarm.command(Path::new("setpriv"));
    let nobody = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    let ended = output(command.args(nobody).arg(&everybodys).arg("start"));
    is_refusal(&ended, &["you may not use the Docker socket", "usermod"]);
    nothing_is_there(&swarm);
}

#[test]
fn a_full_disk_is_said_and_leaves_no_image() {
    let Some(engine) = SmallEngine::start() else {
        eprintln!("not tried: an engine with a small disk needs root and dockerd");
        return;
    };
    let mut swarm = puppets();
    let large = vec![0; engine.bytes()];
    fs::write(swarm.folder().join("image/extra/large"), large).expect("a large file");
    swarm.set_env("DOCKER_HOST", &engine.address());
    refused(
        &swarm,
        &["start"],
        &["no disk space left", "docker system prune"],
    );
    for list in [&["image", "ls", "--quiet"][..], &["ps", "--all", "--quiet"]] {
        let mut docker = within(AT_ONCE, "docker");
        let listed = output(docker.arg("--host").arg(engine.address()).args(list));
        assert!(
            listed.status.success() && listed.stdout.is_empty(),
            "{listed:?}"
        );
    }
    assert!(!swarm.folder().join("hub.json").exists());
}

/// It exits with the code of an error and says these words.
#[track_caller]
fn refused(swarm: &Swarm, arguments: &[&str], words: &[&str]) {
    is_refusal(&swarm_ends(swarm, arguments), words);
}

#[track_caller]
fn is_refusal(ended: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&ended.stderr);
    let mut lines = said.lines();
    assert!(matches!(ended.status.code(), Some(1 | 3..=7)), "{said}");
    assert!(lines.any(|line| line.starts_with("error: ")), "{said}");
    for word in words {
        assert!(said.contains(word), "'{word}' is not in: {said}");
    }
}

/// No container, no network, no sign of a hub.
#[track_caller]
fn nothing_is_there(swarm: &Swarm) {
    for kind in [Kind::Container, Kind::Network, Kind::Volume] {
        assert_eq!(swarm.labelled(kind), Vec::<String>::new(), "{kind:?}");
    }
    assert!(!swarm.folder().join("hub.json").exists());
}

fn nix_is_root() -> bool {
    let ended = output(within(AT_ONCE, "id").arg("-u"));
    ended.stdout == b"0\n"
}
