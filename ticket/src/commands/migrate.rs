//! `ticket migrate`: on the file; a hub brings its database up to date when it starts.

use std::path::Path;

use ticket::client::Client;
use ticket::printed::Migrated;
use ticket::{Queue, Result, Store};

use super::print::print;
use crate::cli::Format;
use crate::door::Way;

pub fn run(db: Option<&Path>, format: Format) -> Result<u8> {
    match Way::find(db)? {
        Way::File(path, _lock) => on_file(&path, format),
        Way::Hub(hub) => of_hub(hub, format),
    }
}

fn on_file(path: &Path, format: Format) -> Result<u8> {
    let mut applied = Vec::new();
    let version =
        Store::migrate(path, &mut |line| applied.push(line.to_owned())).map_err(|e| e.on(path))?;
    let done = Migrated {
        version: Some(version),
        applied,
    };
    print(format, &done, |migrated| {
        let last = if migrated.applied.is_empty() {
            format!("Database already at version {version}.")
        } else {
            format!("Database migrated to version {version}.")
        };
        [migrated.applied.as_slice(), &[last]].concat().join("\n")
    })
}

/// A hub that answers has done it.
fn of_hub(mut hub: Client, format: Format) -> Result<u8> {
    hub.paused()?;
    let kept = Migrated {
        version: None,
        applied: Vec::new(),
    };
    print(format, &kept, |_| {
        "The hub keeps its database at the newest version.".into()
    })
}
