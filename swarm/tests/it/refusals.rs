//! Wrong use gives one sentence and the right exit code.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use crate::support::Place;

#[test]
fn init_refuses_what_it_cannot_build_on() {
    let detached = Place::with_repository(&[("a", "")]);
    detached.git("checkout --detach");
    detached
        .swarm("init .")
        .refused(&["HEAD is detached", "check out the branch"]);
    assert!(!detached.root().join(".swarm").exists());

    let inner = Place::with_repository(&[("sub/a", "")]);
    inner
        .swarm("init sub")
        .refused(&["is inside the repository", "swarm init"]);
    assert!(!inner.root().join("sub/.swarm").exists());

    let bare = Place::new();
    bare.git("init --bare .");
    bare.swarm("init .").refused(&["bare repository"]);

    let merging = Place::with_repository(&[("a", "1")]);
    merging.git("checkout -q -b other");
    merging.write(&[("b", "")]);
    merging.git("add b");
    merging.git("commit -m Other");
    merging.git("checkout -q trunk");
    merging.git("merge --no-ff --no-commit other");
    merging
        .swarm("init .")
        .refused(&["merge or rebase is under way"]);

    let twice = Place::with_project(&[("a", "")]);
    twice
        .swarm("init .")
        .refused(&["is a swarm project already", "regenerate"]);

    let shallow = Place::with_repository(&[("a", "")]);
    shallow.git("commit --allow-empty -m Second");
    let source = format!("clone --depth 1 file://{} clone", shallow.root().display());
    shallow.git(&source);
    shallow
        .swarm("init clone")
        .refused(&["shallow clone", "unshallow"]);
}

#[test]
fn init_refuses_options_that_do_not_fit() {
    let place = Place::with_repository(&[("a", "")]);
    let said = place.swarm("init . --backend command");
    assert_eq!(said.code, 2, "{said:?}");
    place
        .swarm("init . --command x")
        .refused(&["--backend command"]);
    place
        .swarm("init . --backend command --command '")
        .refused(&["--command has a quote"]);
    assert!(!place.root().join(".swarm").exists());
}

#[test]
fn no_project_is_said_by_every_command() {
    let place = Place::with_repository(&[("a", "")]);
    for command in [
        "start",
        "stop",
        "status",
        "logs hub",
        "scale 2",
        "pause lunch",
        "drain lunch",
        "resume",
        "agent stop agent-1",
        "agent restart agent-1",
        "pull",
        "watch",
        "regenerate",
        "shell agent-1",
        "open",
        "verify",
    ] {
        place.swarm(command).ended_with(
            3,
            &["is not in a swarm project", "\nhelp: run 'swarm init "],
        );
    }
}

#[test]
fn usage_errors_have_their_own_exit_code() {
    let place = Place::new();
    for arguments in [
        "",
        "fly",
        "scale",
        "scale many",
        "start --agents",
        "logs",
        "verify --all HEAD",
    ] {
        let said = place.swarm(arguments);
        assert_eq!(said.code, 2, "{arguments}: {said:?}");
        assert!(!said.err.is_empty());
    }
    place.swarm("--help").ok();
    place.swarm("--version").ok();
}

#[test]
fn start_refuses_before_anything_starts() {
    let mut place = Place::with_project(&[("a", "")]);
    place
        .swarm("start")
        .ended_with(5, &["no credentials", "ANTHROPIC_API_KEY"]);
    place
        .swarm("start --agents 0")
        .refused(&["at least one agent", "swarm stop"]);
    place.swarm("start --agents 65").refused(&["at most 64"]);
    place.swarm("scale 0").refused(&["swarm stop"]);

    place.write(&[(".swarm/config.json", r#"{"agents": {"count": "three"}}"#)]);
    place.swarm("start").ended_with(
        7,
        &[
            "agents.count",
            "expected a whole number from 1 to 64",
            "config.json",
        ],
    );
    place.write(&[(
        ".swarm/config.json",
        r#"{"agents": {"backend": {"kind": "command", "program": "x"}}}"#,
    )]);

    place.write(&[(".swarm/prompts/work.md", "Do\n{{ ticket.titel }}\n")]);
    place.swarm("start").refused(&[
        ".swarm/prompts/work.md, line 2: there is no variable ticket.titel",
        "did you mean ticket.title?",
    ]);
    place.write(&[(".swarm/prompts/work.md", "Do {{ ticket.title | data }}\n")]);

    place.set("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    for command in ["start", "stop", "stop --now", "logs hub", "shell agent-1"] {
        place.swarm(command).ended_with(
            4,
            &[
                "no Docker engine answers at /nonexistent/docker.sock",
                "\nhelp: install Docker",
            ],
        );
    }
    place.set("DOCKER_HOST", "tcp://127.0.0.1:1");
    place
        .swarm("start")
        .ended_with(4, &["DOCKER_HOST is tcp://127.0.0.1:1"]);
    assert!(
        !place
            .root()
            .join(".swarm/secrets/credentials.json")
            .exists()
    );
}

#[test]
fn a_socket_that_may_not_be_used_is_told_from_a_missing_one() {
    if nix::unistd::geteuid().is_root() {
        // To root no permission is ever denied; another user can be had from there.
        return as_nobody();
    }
    let mut place = Place::with_project(&[("a", "")]);
    let socket = place.root().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o000)).unwrap();
    place.set("DOCKER_HOST", &format!("unix://{}", socket.display()));
    place
        .swarm("stop")
        .ended_with(4, &["you may not use the Docker socket", "usermod"]);
}

fn as_nobody() {
    let place = Place::with_project(&[("a", "")]);
    let socket = place.root().join("docker.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).unwrap();
    for folder in place.root().ancestors().take(2) {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program_for_everyone(&place))
        .args(["stop", "--project"])
        .arg(place.root())
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(err.contains("you may not use the Docker socket"), "{err}");
}

/// The built program may lie where only its owner gets to.
fn program_for_everyone(place: &Place) -> std::path::PathBuf {
    let program = place.root().join("swarm-program");
    std::fs::copy(env!("CARGO_BIN_EXE_swarm"), &program).unwrap();
    program
}

#[test]
fn doctor_works_anywhere_and_says_what_mends_what_it_finds() {
    let mut place = Place::with_repository(&[("a", "")]);
    place.set("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let looked = |place: &Place| {
        let said = place.swarm("doctor --json");
        assert_eq!(said.code, 1, "{said:?}");
        let found: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(found["ok"], false);
        found["findings"].as_array().unwrap().clone()
    };
    let outside = looked(&place);
    let engine = &outside[0];
    assert_eq!(
        (&engine["check"], &engine["level"]),
        (&"engine".into(), &"wrong".into())
    );
    assert!(engine["mend"].as_str().unwrap().contains("install Docker"));
    place.swarm("init . --no-interview").ok();
    place.write(&[(".swarm/config.json", r#"{"agents": {"cuont": 3}}"#)]);
    let inside = looked(&place);
    assert!(inside.len() > outside.len());
    let config = inside.iter().find(|one| one["check"] == "config").unwrap();
    assert_eq!(config["mend"], "swarm config check");
    let hub = inside.iter().find(|one| one["check"] == "hub").unwrap();
    assert_eq!(hub["level"], "skipped");
}

#[test]
fn what_needs_a_hub_says_so() {
    let place = Place::with_project(&[("a", "")]);
    for command in ["scale 2", "open", "watch", "verify"] {
        place
            .swarm(command)
            .ended_with(6, &["no hub is running", "\nhelp: run 'swarm start'"]);
    }
    place
        .swarm("verify nonsense")
        .refused(&["no commit 'nonsense'"]);
}

#[test]
fn programs_for_containers_that_are_missing_or_for_another_system_are_named() {
    let place = Place::with_repository(&[("a", "")]);
    place
        .swarm("init . --no-interview --backend command --command x")
        .ok();
    let bin = place.home().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let swarm = bin.join("swarm");
    std::fs::copy(env!("CARGO_BIN_EXE_swarm"), &swarm).unwrap();
    let start = || place.say(std::process::Command::new(&swarm).arg("start"));
    start().refused(&[
        "'agent-runner' must lie beside",
        "make install",
        "cargo install --path swarm",
    ]);
    std::fs::write(bin.join("agent-runner"), "\u{cffa}\u{edfe}").unwrap();
    start().refused(&["agent-runner is no program for Linux"]);
}
