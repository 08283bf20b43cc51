//! The project that is worked on: the sample of the demo with its tickets and its scripted agent.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::disk::Disk;
use crate::support::swarm::Swarm;

const AGENT: &str = "demo-agent";
/// Goes wrong in many ways, or becomes the one above.
const WILD_AGENT: &str = "wild-agent";
/// Where the image has what lies in `image/extra`.
const EXTRA: &str = "/opt/swarm/extra";
/// What is killed is missed sooner than usual.
const LEASE_SECONDS: i64 = 15;
/// A ticket whose agent is killed time and again must not become the human's.
const MAX_ATTEMPTS: i64 = 100;
/// Some agents write to one file until they are stopped.
const FILE_SIZE: &str = "256m";

/// A ticket of the sample, with the keys of those it waits for.
#[derive(Deserialize)]
struct SampleTicket {
    key: String,
    title: String,
    description: String,
    blocked_by: Vec<String>,
}

/// The sample as a project with its tickets; nothing runs yet.
pub fn swarm() -> Swarm {
    let swarm = Swarm::on(|folder| copy(&templates().join("project"), folder));
    prepare(&swarm, AGENT);
    fill(&swarm);
    swarm
}

/// The same on a disk of its own, where that can be had, and with agents that go wrong by themselves.
pub fn night() -> (Swarm, Option<Disk>) {
    let mut disk = None;
    let swarm = Swarm::on(|folder| {
        disk = Disk::on(folder);
        copy(&templates().join("project"), folder);
    });
    prepare(&swarm, &format!("{EXTRA}/{WILD_AGENT}"));
    fill(&swarm);
    (swarm, disk)
}

fn prepare(swarm: &Swarm, agent: &str) {
    swarm.init(&["--backend", "command", "--command", agent]);
    let extra = swarm.folder().join("image/extra");
    fs::create_dir_all(&extra).expect("a folder for the image");
    copy_file(&templates().join(AGENT), &extra.join(AGENT));
    let wild = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos");
    copy_file(&wild.join(WILD_AGENT), &extra.join(WILD_AGENT));
    swarm.configure(|config| {
        set(config, "queue", "lease_seconds", LEASE_SECONDS);
        set(config, "queue", "max_attempts", MAX_ATTEMPTS);
        set(config, "agents", "stall_minutes", 1);
        set(config, "proposals", "enabled", false);
        set(config, "limits", "file_size", FILE_SIZE);
    });
}

/// All tickets, before anybody works; each names only such as come before it.
fn fill(swarm: &Swarm) {
    let text = fs::read(templates().join("tickets.json")).expect("the sample's tickets");
    let tickets: Vec<SampleTicket> = serde_json::from_slice(&text).expect("tickets");
    let mut ids: HashMap<String, String> = HashMap::new();
    for sample in tickets {
        let mut more = vec!["--description", &sample.description];
        for key in &sample.blocked_by {
            more.extend(["--blocked-by", &ids[key]]);
        }
        let id = swarm.create(&sample.title, &more);
        ids.insert(sample.key, id.to_string());
    }
}

fn set(config: &mut Value, section: &str, key: &str, value: impl Into<Value>) {
    config[section][key] = value.into();
}

fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/demo")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the sample") {
        let entry = entry.expect("the sample");
        let place = to.join(entry.file_name());
        match entry.file_type().expect("a file").is_dir() {
            true => copy(&entry.path(), &place),
            false => copy_file(&entry.path(), &place),
        }
    }
}

/// With its mode, which says whether it is a program.
fn copy_file(from: &Path, to: &Path) {
    fs::copy(from, to).expect("a copy");
    let mode = fs::metadata(from).expect("a file").permissions().mode();
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).expect("a mode");
}
