//! Several projects at once on one engine, and one that is moved, at rest and at work.

use std::fs;

use crate::orders::HALF_DONE;
use crate::support::engine::docker;
use crate::support::puppet::{
    SOON, attempts, landed_subjects, puppets, swarm_ends, task, until_comment, until_landed,
};
use crate::support::swarm::Swarm;

const QUICK: &str = "write(f'work-{TICKET}', 'work\\n')";

#[test]
fn projects_run_side_by_side_and_move() {
    let (mut one, two) = (puppets(), puppets());
    let half = task(&one, "Half done", HALF_DONE);
    let whole = task(&two, "In the other project", QUICK);
    let first = one.start(&["--agents", "1"]);
    let second = two.start(&["--agents", "1"]);
    assert_ne!(url(&one), url(&two), "{first}{second}");
    until_landed(&two, &[whole]);
    until_comment(&one, half, "working");
    assert_eq!(landed_subjects(&one), Vec::<String>::new());
    assert_eq!(landed_subjects(&two), ["In the other project"]);

    // One stops, the other goes on.
    one.stop();
    let other = task(&two, "Still here", QUICK);
    until_landed(&two, &[other]);

    // Moved at rest: it goes on where it was, with what its agents had done.
    one.move_to("moved");
    let said = swarm_ends(&one, &["start", "--agents", "1"]);
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{words}");
    assert!(words.contains("this project was in"), "{words}");
    until_landed(&one, &[half]);
    assert_eq!(attempts(&one, half).len(), 2);

    // Moved at work: that is said, nothing breaks, and after a stop and a start it works from there.
    let before = mounted(&one);
    one.move_to("again");
    let said = swarm_ends(&one, &["status"]);
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{words}");
    assert!(
        words.contains("'swarm stop' and 'swarm start' make it work from here"),
        "{words}"
    );
    let last = task(&one, "After the move", QUICK);
    until_landed(&one, &[last]);
    one.stop();
    one.start(&["--agents", "1"]);
    assert_ne!(mounted(&one), before);
    assert!(mounted(&one).contains("/again"), "{}", mounted(&one));
    one.swarm(&["pull"]);
    assert!(fs::exists(one.root().join(format!("work-{last}"))).expect("a tree"));
    one.wait_until("the other still runs", SOON, || {
        two.status_json().agents.iter().any(|a| a.state == "idle")
    });
    one.stop();
    two.stop();
}

fn url(swarm: &Swarm) -> String {
    let open = swarm.swarm(&["open", "--json"]);
    let open: serde_json::Value = serde_json::from_str(&open).expect("JSON");
    open["url"].as_str().expect("an address").to_owned()
}

/// The folders of the host that the hub has.
fn mounted(swarm: &Swarm) -> String {
    let hub = format!("swarm-{}-hub", swarm.id().expect("an id"));
    docker(&["inspect", "--format", "{{json .Mounts}}", &hub])
}
