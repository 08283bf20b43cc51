//! A copy of the database before it is upgraded. The last few stay beside it, in `backups/`.

use std::path::{Path, PathBuf};

use super::backup;
use crate::error::{Error, Result};
use crate::moment;

/// How many copies stay.
const KEPT: usize = 3;
/// The folder of the copies, beside the database.
const FOLDER: &str = "backups";

/// Copies the database, which is at this version; returns where to.
pub fn keep(database: &Path, version: i64) -> Result<PathBuf> {
    let folder = database.with_file_name(FOLDER);
    let cannot = |what: &str, place: &Path| format!("cannot {what} {}", place.display());
    std::fs::create_dir_all(&folder).map_err(|e| Error::Io(cannot("make", &folder), e))?;
    let copy = folder.join(format!("tickets-v{version}-{}.db", moment::now()));
    // One of the same second is what an upgrade left that was cut short.
    match std::fs::remove_file(&copy) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::Io(cannot("replace", &copy), error));
        }
        _ => {}
    }
    backup::copy(database, &copy)?;
    forget_old(&folder);
    Ok(copy)
}

/// Old copies cost disk space and nothing else, so a failure here is not worth a word.
fn forget_old(folder: &Path) {
    let mut copies: Vec<(i64, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let made = name.strip_prefix("tickets-v")?.strip_suffix(".db")?;
            let (_, at) = made.split_once('-')?;
            Some((at.parse().ok()?, entry.path()))
        })
        .collect();
    copies.sort();
    let too_many = copies.len().saturating_sub(KEPT);
    for (_, copy) in copies.drain(..too_many) {
        let _ = std::fs::remove_file(copy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn the_last_copies_stay() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("tickets.db");
        Store::migrate(&database, &mut |_| ()).unwrap();
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        for at in 1..=4 {
            std::fs::write(folder.join(format!("tickets-v3-{at}.db")), "old").unwrap();
        }
        std::fs::write(folder.join("mine.db"), "").unwrap();
        let copy = keep(&database, 7).unwrap();
        assert!(Store::open(&copy).is_ok());
        let entries = std::fs::read_dir(&folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".db"))
            .collect();
        names.sort();
        let newest = copy.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(
            names[..3],
            ["mine.db", "tickets-v3-3.db", "tickets-v3-4.db"]
        );
        assert_eq!(names[3..], [newest]);
    }
}
