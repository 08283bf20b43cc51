//! Where a project was when somebody last looked: tells a folder that was moved from a copy of one, which
//! must not share its containers and its hub with the original.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::project::{Project, ProjectError};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is where it was, or nobody had looked yet.
    Same,
    /// It came from here.
    Moved(PathBuf),
    /// It is a copy of this one, and has an id of its own now.
    Copied(PathBuf),
}

/// Looks where the project was, and notes where it is. A copy becomes a project of its own: it gets
/// a new id and forgets the hub of the original.
pub fn settle(project: Project) -> Result<(Project, Place), ProjectError> {
    let file = project.place_file();
    let before = match fs::read(&file) {
        Ok(bytes) => Some(PathBuf::from(std::ffi::OsString::from_vec(bytes))),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(ProjectError::Io(file, error)),
    };
    let place = match before {
        Some(before) if before == project.root() => return Ok((project, Place::Same)),
        Some(before) if is_the_original(&before, &project) => Place::Copied(before),
        Some(before) => Place::Moved(before),
        None => Place::Same,
    };
    let project = match place {
        Place::Copied(_) => project.renewed()?,
        Place::Same | Place::Moved(_) => project,
    };
    note(&project)?;
    Ok((project, place))
}

/// Notes where the project is.
pub fn note(project: &Project) -> Result<(), ProjectError> {
    let file = project.place_file();
    let root = project.root().as_os_str().as_bytes();
    fs::write(&file, root).map_err(|error| ProjectError::Io(file, error))
}

/// Whether another folder there has the same id. The same folder under another name has not.
fn is_the_original(there: &Path, project: &Project) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|m| (m.dev(), m.ino())).ok();
    let same_id = Project::open(there).is_ok_and(|other| other.id() == project.id());
    same_id && identity(there) != identity(project.root())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_folder_is_told_from_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let (first, second) = (base.join("first"), base.join("second"));
        fs::create_dir(&first).unwrap();
        let made = Project::create(&first).unwrap();
        made.commit_id().unwrap();
        let (made, place) = settle(made).unwrap();
        assert_eq!(place, Place::Same);

        fs::rename(&first, &second).unwrap();
        let moved = Project::open(&second).unwrap();
        let (moved, place) = settle(moved).unwrap();
        assert_eq!(place, Place::Moved(first.clone()));
        assert_eq!(moved.id(), made.id());
        assert_eq!(settle(moved.clone()).unwrap().1, Place::Same);

        // A copy, with what the original's hub had written down.
        fs::create_dir_all(first.join(".swarm")).unwrap();
        for name in ["id", "place"] {
            fs::copy(
                second.join(".swarm").join(name),
                first.join(".swarm").join(name),
            )
            .unwrap();
        }
        fs::write(first.join(".swarm/hub.json"), "{}").unwrap();
        let (copy, place) = settle(Project::open(&first).unwrap()).unwrap();
        assert_eq!(place, Place::Copied(second.clone()));
        assert_ne!(copy.id(), moved.id());
        assert!(!copy.hub_file().exists());
        assert_eq!(Project::open(&first).unwrap(), copy);
        assert_eq!(Project::open(&second).unwrap(), moved);
    }
}
