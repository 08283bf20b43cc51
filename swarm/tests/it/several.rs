//! Several projects side by side, one that was moved, and one that was copied.

use std::fs;
use std::path::Path;

use crate::support::Place;

#[test]
fn projects_side_by_side_share_nothing() {
    let place = Place::new();
    place.swarm("init one --no-interview").ok();
    place.swarm("init two --no-interview").ok();
    let id = |name: &str| place.read(&format!("{name}/.swarm/id"));
    assert_ne!(id("one"), id("two"));
    let tickets = |name: &str| {
        let database = place.root().join(name).join(".swarm/tickets/tickets.db");
        rusqlite::Connection::open(database).unwrap()
    };
    let mine = "UPDATE tickets SET title = 'mine'";
    tickets("one").execute(mine, []).unwrap();
    let title = "SELECT title FROM tickets";
    let title: String = tickets("two")
        .query_row(title, [], |row| row.get(0))
        .unwrap();
    assert_ne!(title, "mine");
    for name in ["one", "two"] {
        let out = place.swarm(&format!("status --json --project {name}")).ok();
        let status: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(status["tickets"]["open"], 1);
    }
    // A project may lie in another one's folder, where that is a repository of its own.
    fs::create_dir(place.root().join("one/inner")).unwrap();
    place.git_in(&place.root().join("one/inner"), "init -q");
    place.swarm("init one/inner --no-interview").ok();
    let out = place.swarm("status --json --project one/inner").ok();
    assert!(out.contains("\"open\""), "{out}");
}

#[test]
fn a_moved_project_goes_on() {
    let place = Place::new();
    place.swarm("init one --no-interview").ok();
    let id = place.read("one/.swarm/id");
    fs::rename(place.root().join("one"), place.root().join("two")).unwrap();
    let said = place.swarm("status --project two");
    assert!(
        said.err.contains("was in") && said.err.contains("/one before"),
        "{said:?}"
    );
    said.ok();
    assert_eq!(place.read("two/.swarm/id"), id);
    let said = place.swarm("status --project two");
    assert_eq!(said.err, "");
    place.swarm("pull --project two").ok();
    assert!(
        place
            .swarm("regenerate --project two")
            .ok()
            .contains("up to date")
    );
}

#[test]
fn a_copy_is_a_project_of_its_own() {
    let place = Place::new();
    place.swarm("init one --no-interview").ok();
    copy(&place.root().join("one"), &place.root().join("two"));
    let said = place.swarm("status --project two");
    assert!(said.err.contains("this is a copy of"), "{said:?}");
    said.ok();
    assert_ne!(place.read("two/.swarm/id"), place.read("one/.swarm/id"));
    assert_eq!(place.swarm("status --project two").err, "");
    assert_eq!(place.swarm("status --project one").err, "");
}

fn copy(from: &Path, to: &Path) {
    let mut cp = std::process::Command::new("cp");
    assert!(cp.arg("-r").arg(from).arg(to).status().unwrap().success());
}
