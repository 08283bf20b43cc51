//! `swarm regenerate`: renews what swarm itself wrote, and says what it left alone.

use anyhow::Result;
use swarm::{Project, bare, init};
use ticket::Store;
use ticket::store::lock::HubLock;

/// Files that belong to the human once init has written them.
const YOURS: [&str; 6] = [
    ".swarm/config.json",
    ".swarm/prompts/",
    ".swarm/image/extra/",
    "verify.sh",
    "project-setup.sh",
    "PROJECT.md",
];

pub fn run(project: &Project) -> Result<()> {
    for file in init::write_own_files(project)? {
        let shown = file.strip_prefix(project.root()).unwrap_or(&file);
        println!("Rewrote {}", shown.display());
    }
    bare::configure(project)?;
    println!("Set the settings of .swarm/repo.git");
    match HubLock::shared(&project.hub_lock())? {
        Some(_lock) => {
            Store::migrate(&project.database(), &mut |line| println!("{line}"))?;
            println!("The ticket database is up to date");
        }
        None => println!("The hub runs and keeps the ticket database up to date"),
    }
    let left = YOURS
        .iter()
        .filter(|name| project.root().join(name).exists());
    let left: Vec<&str> = left.copied().collect();
    println!("Left alone, as they are yours: {}", left.join(", "));
    Ok(())
}
