//! `hub.json`, by which the CLIs find a running hub, and the human's token that is in it. The token
//! outlives the hub, so that a page stays logged in over a restart.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use swarm::Project;
use ticket::secret;
use ticket::wire::HubFile;

/// The human's token: the one of the last hub, else a new one.
pub fn token(project: &Project) -> Result<String> {
    let file = token_file(project);
    match fs::read_to_string(&file) {
        Ok(token) if !token.trim().is_empty() => Ok(token.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot read {}", file.display()))
        }
        _ => {
            let token = secret::new_token();
            write_private(&file, token.as_bytes())?;
            Ok(token)
        }
    }
}

/// Tells where the hub is.
pub fn write(project: &Project, hub: &HubFile) -> Result<()> {
    write_private(&project.hub_file(), &serde_json::to_vec(hub)?)
}

/// The hub is no more.
pub fn remove(project: &Project) -> Result<()> {
    let file = project.hub_file();
    match fs::remove_file(&file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

fn token_file(project: &Project) -> PathBuf {
    project.folder().join("secrets/human-token")
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(file: &Path, bytes: &[u8]) -> Result<()> {
    let draft = file.with_extension("new");
    let written = (|| {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        // One that was left over may have another mode.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => (),
        }
        let mut open = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        open.write_all(bytes)?;
        open.sync_all()?;
        fs::rename(&draft, file)
    })();
    written.with_context(|| format!("cannot write {}", file.display()))
}
