//! `swarm backend`: an agent CLI is tried in a container, without a hub.

use serde_json::Value;
use ticket::probe::ProbeReport;

use crate::support::canary::Canary;
use crate::support::engine::Kind;
use crate::support::puppet::{puppets, swarm_ends};
use crate::support::swarm::Swarm;

/// Says what it was asked, a conversation's name, and its key.
const GOOD: &str = "cat; echo conversation c1; echo key: $PROBE_KEY";

fn with_backend(swarm: &Swarm, script: &str) {
    swarm.configure(|config| {
        config["agents"]["backend"] = serde_json::json!({
            "kind": "command",
            "program": "sh",
            "args": ["-c", script, "sh"],
            "resume": ["--continue", "{session}"],
            "secrets": ["PROBE_KEY"],
            "patterns": { "session": ["^conversation (?P<session>.+)"] },
        });
    });
}

#[test]
fn a_backend_is_tried_in_a_container_and_its_key_stays_there() {
    let mut swarm = puppets();
    let canary = Canary::new();
    with_backend(&swarm, GOOD);
    let missing = swarm_ends(&swarm, &["backend", "test"]);
    assert_eq!(missing.status.code(), Some(5));
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(said.contains("set PROBE_KEY"), "{said}");

    swarm.set_env("PROBE_KEY", &canary.key());
    let listed: Value =
        serde_json::from_str(&swarm.swarm(&["backend", "list", "--json"])).expect("JSON");
    assert_eq!(listed[0]["account"], true);
    let roles = serde_json::json!(["work", "mend", "propose"]);
    assert_eq!(listed[0]["roles"], roles);
    let tried = swarm_ends(&swarm, &["backend", "test", "--json"]);
    assert_eq!(tried.status.code(), Some(0), "{tried:?}");
    let printed = String::from_utf8_lossy(&tried.stdout).into_owned();
    let report: ProbeReport = serde_json::from_str(&printed).expect("a report");
    let [first, second] = report.runs.as_slice() else {
        panic!("not two runs: {report:?}");
    };
    assert!(first.ok && second.ok && second.resumed, "{report:?}");
    let resumed = ["--continue".to_owned(), "c1".to_owned()];
    assert!(second.command.ends_with(&resumed), "{report:?}");
    assert!(first.log_tail.contains("swarm: probe"), "{report:?}");
    assert!(first.log_tail.contains("key: [secret]"), "{report:?}");
    assert!(!canary.is_in_text(&printed));

    with_backend(&swarm, "echo no model here >&2; exit 4");
    let failed = swarm_ends(&swarm, &["backend", "test"]);
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8_lossy(&failed.stdout).into_owned();
    let ending = "agent-failed: the agent exited 4: no model here";
    assert!(said.contains(ending), "{said}");
    for kind in [Kind::Container, Kind::Network] {
        assert!(swarm.labelled(kind).is_empty());
    }
    let files = canary.files_with_it(&swarm.folder());
    assert!(files.is_empty(), "{files:?}");

    // What was kept is good enough for a later try from elsewhere.
    with_backend(&swarm, GOOD);
    swarm.swarm(&["login"]);
    swarm.set_env("PROBE_KEY", "");
    let report: ProbeReport =
        serde_json::from_str(&swarm.swarm(&["backend", "test", "--json"])).expect("a report");
    let first = &report.runs[0];
    assert!(
        first.ok && first.log_tail.contains("key: [secret]"),
        "{report:?}"
    );
}
