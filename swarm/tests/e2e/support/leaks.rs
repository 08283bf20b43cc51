//! Where a secret could get to by mistake, and whether a canary did.

use super::canary::Canary;
use super::engine::{self, Kind};
use super::swarm::Swarm;

/// The one file that may hold it.
const ITS_PLACE: &str = "secrets/credentials.json";

/// What the hub shows to people.
const SHOWN: [&str; 6] = [
    "/",
    "/api/v1/status",
    "/api/v1/shift",
    "/api/v1/tickets?status=open,in_progress,ready,done",
    "/api/v1/log?limit=10000",
    "/api/v1/learnings",
];

/// The places in the engine that hold the canary: what it tells about containers, their logs, the
/// environment of their processes, their volumes, their images; and what the hub shows. Call it while
/// the swarm runs and no agent CLI does: that one has it in its environment.
pub fn while_running(swarm: &Swarm, canary: &Canary) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |place: String, text: &str| {
        if canary.is_in_text(text) {
            found.push(place);
        }
    };
    let containers = swarm.containers();
    for name in &containers {
        look(
            format!("inspection of {name}"),
            &engine::docker_says(&["inspect", name]),
        );
        look(
            format!("log of {name}"),
            &engine::docker_says(&["logs", name]),
        );
    }
    for (container, arguments) in engine::processes(&containers) {
        look(format!("arguments in {container}"), &arguments);
    }
    let mut read = 0;
    for name in &containers {
        if let Some(environments) = engine::environments(name) {
            look(format!("environment of a process in {name}"), &environments);
            read += 1;
        }
    }
    assert!(read > 0, "no environment could be read");
    for path in SHOWN {
        look(format!("page {path}"), &swarm.page(path));
    }
    let images = swarm.images_in_use();
    for name in &images {
        let history = ["history", "--no-trunc", name];
        look(format!("history of {name}"), &engine::docker_says(&history));
        look(
            format!("inspection of {name}"),
            &engine::docker_says(&["inspect", name]),
        );
    }
    if engine::saved(&images, |content| canary.is_in(content)) {
        found.push(format!("layers of {images:?}"));
    }
    for volume in swarm.labelled(Kind::Volume) {
        if engine::volume_content(&volume, |content| canary.is_in(content)) {
            found.push(format!("volume {volume}"));
        }
    }
    found
}

/// The files of the project that hold the canary, save for the one where it belongs: database, logs,
/// transcripts, objects of both repositories. That one file must have it, or the search is blind.
pub fn on_disk(swarm: &Swarm, canary: &Canary) -> Vec<String> {
    let place = swarm.folder().join(ITS_PLACE).display().to_string();
    let (right, mut wrong): (Vec<_>, Vec<_>) = canary
        .files_with_it(&swarm.root())
        .into_iter()
        .partition(|file| *file == place);
    assert_eq!(right, [place]);
    // Objects are compressed, so they are looked at through git.
    let all = ["cat-file", "--batch", "--batch-all-objects", "--unordered"];
    if canary.is_in_text(&swarm.repository(&all)) {
        wrong.push("an object of the bare repository".into());
    }
    if canary.is_in_text(&swarm.git(&all)) {
        wrong.push("an object of the user's repository".into());
    }
    wrong
}
