//! `ticket migrate`.

use std::path::Path;

use ticket::{Result, Store};

use super::say;
use crate::door::database;

pub fn run(db: Option<&Path>) -> Result<u8> {
    let path = database(db);
    let mut applied = Vec::new();
    let version = Store::migrate(&path, &mut |line| applied.push(line.to_owned()))?;
    for line in &applied {
        say(line)?;
    }
    if applied.is_empty() {
        say(&format!("Database already at version {version}."))
    } else {
        say(&format!("Database migrated to version {version}."))
    }
}
