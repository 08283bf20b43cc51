//! What a killed process leaves in a repository: lock files, and objects that never arrived whole.
//! Removed at start, while the hub's lock says that nobody else writes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Names of the folders that receive-pack collects objects in before it takes them.
const QUARANTINE_PREFIXES: [&str; 2] = ["tmp_objdir-", "incoming-"];

/// Removes stale lock files and quarantines; returns what was removed. Call it only while holding
/// the hub's lock.
pub fn remove(repository: &Path) -> Result<Vec<PathBuf>> {
    let mut removed = Vec::new();
    remove_locks(repository, false, &mut removed)?;
    remove_locks(&repository.join("refs"), true, &mut removed)?;
    for entry in entries(&repository.join("objects"))? {
        let is_quarantine = QUARANTINE_PREFIXES.iter().any(|p| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(p.as_bytes())
        });
        if is_quarantine {
            std::fs::remove_dir_all(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
            removed.push(entry.path());
        }
    }
    Ok(removed)
}

fn remove_locks(folder: &Path, recursive: bool, removed: &mut Vec<PathBuf>) -> Result<()> {
    for entry in entries(folder)? {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if recursive {
                remove_locks(&path, true, removed)?;
            }
        } else if path.extension().is_some_and(|e| e == "lock") {
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
            removed.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<std::fs::DirEntry>> {
    std::fs::read_dir(folder)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_and_quarantines_go_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let repo = git2::Repository::init_bare(dir.path()).unwrap();
        let path = repo.path();
        std::fs::create_dir_all(path.join("refs/heads/ticket/1")).unwrap();
        std::fs::create_dir_all(path.join("objects/tmp_objdir-incoming-x/pack")).unwrap();
        for name in [
            "packed-refs.lock",
            "refs/heads/main.lock",
            "refs/heads/ticket/1/1.lock",
        ] {
            std::fs::write(path.join(name), "").unwrap();
        }
        assert_eq!(remove(path).unwrap().len(), 4);
        assert_eq!(remove(path).unwrap(), Vec::<PathBuf>::new());
        assert!(path.join("HEAD").exists());
    }
}
