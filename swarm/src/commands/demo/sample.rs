//! The sample project: files, agent and tickets, as they lie in `templates/demo/`.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use include_dir::{Dir, DirEntry, include_dir};
use serde::Deserialize;
use swarm::Project;
use swarm::config::DEFAULT_BASE_IMAGE;
use swarm::config::backend::defaults;
use swarm::init::{self, Options};
use ticket::backend::{Backend, Kind};
use ticket::ticket::NewTicket;
use ticket::{Actor, Queue, Store};

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../templates/demo/project");
const AGENT: &str = include_str!("../../../../templates/demo/demo-agent");
const TICKETS: &str = include_str!("../../../../templates/demo/tickets.json");

/// The program that stands in for an agent CLI; project-setup.sh installs it.
const AGENT_NAME: &str = "demo-agent";
/// What a folder made here is called, with a number.
const FOLDER: &str = "swarm-demo";

/// A ticket of the sample, with the keys of those it waits for.
#[derive(Deserialize)]
struct SampleTicket {
    key: String,
    title: String,
    description: String,
    priority: i64,
    blocked_by: Vec<String>,
}

/// Where the sample goes: the named folder, which must be empty or new, or the next free name here.
pub fn folder(named: Option<PathBuf>) -> Result<PathBuf> {
    let Some(dir) = named else {
        let free = (1..).map(|number| PathBuf::from(format!("{FOLDER}-{number}")));
        return free
            .into_iter()
            .find(|dir| !dir.exists())
            .context("there is no free name for a folder");
    };
    let is_empty = fs::read_dir(&dir).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty {
        bail!("{} is not empty: name a new folder", dir.display());
    }
    Ok(dir)
}

/// Makes the sample project with its tickets in the queue.
pub fn make(dir: &Path) -> Result<Project> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    write_all(&FILES, dir)?;
    let options = Options {
        backend: Backend {
            program: AGENT_NAME.into(),
            ..defaults(Kind::Command)
        },
        proposals: false,
        seed: false,
        base_image: Some(DEFAULT_BASE_IMAGE.into()),
        // `make demo` runs in swarm's own repository.
        nested: true,
    };
    let project = init::init(dir, &options)?.project;
    write(
        &project.image_extra().join(AGENT_NAME),
        AGENT.as_bytes(),
        true,
    )?;
    fill(&project)?;
    Ok(project)
}

fn write_all(folder: &Dir<'_>, to: &Path) -> Result<()> {
    for entry in folder.entries() {
        let place = to.join(entry.path());
        match entry {
            DirEntry::Dir(inner) => {
                fs::create_dir_all(&place)
                    .with_context(|| format!("cannot make {}", place.display()))?;
                write_all(inner, to)?;
            }
            // What is embedded has no mode; the programs of the sample are its scripts.
            DirEntry::File(file) => {
                let script = place.extension().is_some_and(|extension| extension == "sh");
                write(&place, file.contents(), script)?;
            }
        }
    }
    Ok(())
}

fn write(file: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    let mode = if executable { 0o755 } else { 0o644 };
    fs::write(file, bytes)
        .and_then(|()| fs::set_permissions(file, fs::Permissions::from_mode(mode)))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// All tickets, before anybody works; each names only such as come before it.
fn fill(project: &Project) -> Result<()> {
    let tickets: Vec<SampleTicket> = serde_json::from_str(TICKETS)?;
    let mut store = Store::open(&project.database())?;
    let mut session = store.session(&Actor::Human);
    let mut ids: HashMap<String, i64> = HashMap::new();
    for sample in tickets {
        let blocked_by = sample
            .blocked_by
            .iter()
            .map(|key| {
                ids.get(key)
                    .copied()
                    .with_context(|| format!("no ticket '{key}' yet"))
            })
            .collect::<Result<_>>()?;
        let id = session.create(&NewTicket {
            title: sample.title,
            description: Some(sample.description),
            priority: Some(sample.priority),
            blocked_by,
            ..NewTicket::default()
        })?;
        ids.insert(sample.key, id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ticket::filter::Filter;

    use super::*;

    #[test]
    fn the_sample_may_lie_inside_another_repository() {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let project = make(&dir.path().join("inner")).unwrap();
        assert!(project.root().join(".git").is_dir());
    }

    #[test]
    fn the_sample_becomes_a_project_with_its_tickets() {
        let dir = tempfile::tempdir().unwrap();
        let project = make(&dir.path().join("new")).unwrap();
        let config = swarm::Config::load(&project).unwrap();
        assert!(!config.needs_credentials() && !config.proposals.enabled);
        let mut store = Store::open(&project.database()).unwrap();
        let tickets = store
            .session(&Actor::Human)
            .count(&Filter::default())
            .unwrap();
        assert!(tickets >= 8, "{tickets}");
        for program in [
            "verify.sh",
            "project-setup.sh",
            ".swarm/image/extra/demo-agent",
        ] {
            let mode = fs::metadata(project.root().join(program))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o111, 0o111, "{program}");
        }
        let full = folder(Some(project.root().into())).unwrap_err();
        assert!(full.to_string().contains("is not empty"), "{full}");
    }
}
