//! `ticket migrate`.

use std::path::Path;

use ticket::printed::Migrated;
use ticket::{Result, Store};

use super::print::print;
use crate::cli::Format;
use crate::door::database;

pub fn run(db: Option<&Path>, format: Format) -> Result<u8> {
    let path = database(db)?;
    let mut applied = Vec::new();
    let version = Store::migrate(&path, &mut |line| applied.push(line.to_owned()))
        .map_err(|e| e.on(&path))?;
    print(format, &Migrated { version, applied }, |migrated| {
        let last = if migrated.applied.is_empty() {
            format!("Database already at version {version}.")
        } else {
            format!("Database migrated to version {version}.")
        };
        [migrated.applied.as_slice(), &[last]].concat().join("\n")
    })
}
