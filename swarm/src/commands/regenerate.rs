//! `swarm regenerate`: renews what swarm itself wrote, after it has shown what changes. What belongs to
//! the human is never touched.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};
use git2::Patch;
use serde_json::json;
use swarm::init::OwnFile;
use swarm::{Project, bare, init};
use ticket::Store;
use ticket::store::lock::HubLock;
use ticket::text::plain;

use super::print_json;
use super::talk::say;

/// Files that belong to the human once init has written them.
const YOURS: [&str; 6] = [
    ".swarm/config.json",
    ".swarm/prompts/",
    ".swarm/image/extra/",
    "verify.sh",
    "project-setup.sh",
    "PROJECT.md",
];

pub fn run(project: &Project, yes: bool, json: bool) -> Result<()> {
    let files = changed(project)?;
    let settings = bare::unset(project)?;
    if !json {
        show(project, &files, &settings)?;
    }
    if !files.is_empty() && !yes {
        agreed()?;
    }
    for OwnFile { place, text } in &files {
        match text {
            Some(text) => fs::write(place, text),
            None => fs::remove_file(place),
        }
        .with_context(|| format!("cannot write {}", place.display()))?;
    }
    bare::configure(project)?;
    let upgraded = upgrade(project)?;
    let left = YOURS
        .iter()
        .filter(|name| project.root().join(name).exists());
    let left: Vec<&str> = left.copied().collect();
    if json {
        let files: Vec<_> = files.iter().map(|file| &file.place).collect();
        return print_json(&json!({ "files": files, "settings": settings, "left": left }));
    }
    say(upgraded);
    say(format!(
        "Left alone, as they are yours: {}",
        left.join(", ")
    ));
    Ok(())
}

/// The files of ours that are not as this version writes them.
fn changed(project: &Project) -> Result<Vec<OwnFile>> {
    let mut files = init::own_files(project);
    files.retain(|file| {
        let now = fs::read_to_string(&file.place).ok();
        now != file.text
    });
    Ok(files)
}

fn show(project: &Project, files: &[OwnFile], settings: &[String]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for OwnFile { place, text } in files {
        let name = place.strip_prefix(project.root()).unwrap_or(place);
        let now = fs::read(place).unwrap_or_default();
        let new = text.clone().unwrap_or_default();
        let patch = Patch::from_buffers(&now, Some(name), new.as_bytes(), Some(name), None);
        let text = patch.and_then(|mut patch| patch.to_buf().map(|text| text.to_vec()));
        let text = text.with_context(|| format!("cannot compare {}", place.display()))?;
        write!(out, "{}", plain(&String::from_utf8_lossy(&text)))?;
    }
    for setting in settings {
        writeln!(out, "set {setting} in .swarm/repo.git")?;
    }
    if files.is_empty() && settings.is_empty() {
        writeln!(out, "The generated files are up to date.")?;
    }
    Ok(())
}

/// Asks; without somebody to ask it is a no.
fn agreed() -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody is here to say yes to this: look at it, then add --yes");
    }
    eprint!("Write this? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!("nothing was written"),
    }
}

fn upgrade(project: &Project) -> Result<&'static str> {
    Ok(match HubLock::shared(&project.hub_lock())? {
        Some(_lock) => {
            Store::migrate(&project.database(), &mut |line| say(line))?;
            "The ticket database is up to date"
        }
        None => "The hub runs and keeps the ticket database up to date",
    })
}
