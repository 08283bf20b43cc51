//! What can be told of the database from outside: where it lies, who may write it, how long its log is.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::diagnosis::Finding;
use crate::store::filesystem;

const CHECK: &str = "file";
/// A log that was written this far waits for somebody who does not stop to read.
const LONG_LOG: u64 = 64 << 20;

/// Looks at the file, its folder and its log.
pub fn findings(path: &Path) -> Vec<Finding> {
    [
        on_this_machine(path),
        writable(path),
        private(path),
        short_log(path),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn on_this_machine(path: &Path) -> Option<Finding> {
    let error = filesystem::must_be_local(path).err()?;
    Some(Finding::fault(
        CHECK,
        error.to_string(),
        "Move it to a local disk.",
    ))
}

/// SQLite needs to write the folder, too: its log lies beside the file.
fn writable(path: &Path) -> Option<Finding> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let places = [path, folder.unwrap_or(Path::new("."))];
    let locked = places
        .iter()
        .find(|place| access(**place, AccessFlags::W_OK).is_err())?;
    Some(Finding::fault(
        CHECK,
        format!("{} cannot be written by you", locked.display()),
        "Give yourself the right to write, or run this as its owner.",
    ))
}

fn private(path: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & 0o002 != 0).then(|| {
        Finding::fault(
            CHECK,
            format!(
                "everybody on this machine may write {} (mode {:o})",
                path.display(),
                mode & 0o777
            ),
            "'chmod o-w' takes that away.",
        )
    })
}

fn short_log(path: &Path) -> Option<Finding> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let size = std::fs::metadata(&log).ok()?.len();
    (size > LONG_LOG).then(|| {
        Finding::note(
            CHECK,
            format!("the write-ahead log has grown to {} MB", size >> 20),
        )
        .remedy("Some process reads one state for a long time: end it.")
    })
}
