//! Refuses file systems on which a WAL database corrupts silently: the network ones, and those
//! shared with a virtual machine.

use std::path::Path;

use nix::sys::statfs::statfs;

use crate::error::{Error, Result};

/// Magic numbers of statfs(2) and the name to say.
const REFUSED: [(i64, &str); 7] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE or virtiofs"),
    (0x5346_414F, "AFS"),
];

/// Looks at the mount that `path` (or its folder, while it does not exist) is on.
pub fn must_be_local(path: &Path) -> Result<()> {
    let place = match path.parent() {
        _ if path.exists() => path,
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let stat = statfs(place)
        .map_err(|e| Error::Io(format!("cannot look at {}", place.display()), e.into()))?;
    #[allow(clippy::unnecessary_cast)]
    let magic = stat.filesystem_type().0 as i64 & 0xFFFF_FFFF;
    match name_of(magic) {
        None => Ok(()),
        Some(name) => Err(Error::Refused(format!(
            "{} is on {name}, where a SQLite database in WAL mode gets corrupted: put it on a local disk",
            path.display()
        ))),
    }
}

fn name_of(magic: i64) -> Option<&'static str> {
    REFUSED
        .iter()
        .find(|(number, _)| *number == magic)
        .map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_number() {
        assert_eq!(name_of(0x6969), Some("NFS"));
        assert_eq!(name_of(0xEF53), None);
    }

    #[test]
    fn the_temporary_folder_is_local() {
        assert!(must_be_local(&std::env::temp_dir().join("tickets.db")).is_ok());
    }
}
