//! A project on the host: its folder, its id, and the place of every file in `.swarm/`.
//!
//! Whoever needs one of those files asks here. What is in them belongs to other modules.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rand::RngExt;

/// The folder that makes a folder a project.
pub const FOLDER: &str = ".swarm";

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Neither here nor in any folder above.
    #[error("{} is not in a swarm project: {}", .0.display(), init(.0))]
    None(PathBuf),
    /// There is a `.swarm/`, and it cannot be used.
    #[error("{} is damaged: {}", .0.display(), .1)]
    Damaged(PathBuf, String),
    /// A file or folder could not be read or written.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
}

impl ProjectError {
    /// What to do about it, where that is known; the words of the error end in it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            ProjectError::None(folder) => Some(init(folder)),
            ProjectError::Damaged(..) | ProjectError::Io(..) => None,
        }
    }
}

fn init(folder: &Path) -> String {
    format!("run 'swarm init {}' first", folder.display())
}

/// A folder with a `.swarm/` in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Project {
    root: PathBuf,
    id: String,
}

impl Project {
    /// The project of `start`: the nearest folder with a `.swarm/`, upwards.
    pub fn find(start: &Path) -> Result<Project, ProjectError> {
        let start = canonical(start)?;
        start
            .ancestors()
            .find(|folder| folder.join(FOLDER).join("id").is_file())
            .map(Project::open)
            .unwrap_or(Err(ProjectError::None(start)))
    }

    /// The project in exactly this folder.
    pub fn open(root: &Path) -> Result<Project, ProjectError> {
        let root = canonical(root)?;
        let file = root.join(FOLDER).join("id");
        let id = match fs::read_to_string(&file) {
            Ok(text) => text.trim().to_string(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ProjectError::None(root));
            }
            Err(error) => return Err(ProjectError::Io(file, error)),
        };
        if !is_id(&id) {
            let what = format!("'{id}' is not an id of six hex digits");
            return Err(ProjectError::Damaged(file, what));
        }
        Ok(Project { root, id })
    }

    /// A new project in `root` under a new id. Makes the folders, and the id file last of all
    /// only when [`Project::commit_id`] is called: a half-made project is not one.
    pub fn create(root: &Path) -> Result<Project, ProjectError> {
        let root = canonical(root)?;
        let project = Project { root, id: new_id() };
        for folder in [
            project.folder(),
            project.folder().join("tickets"),
            project.folder().join("secrets"),
            project.prompts(),
            project.image_extra(),
            project.logs(),
        ] {
            fs::create_dir_all(&folder).map_err(|e| ProjectError::Io(folder, e))?;
        }
        let secrets = project.folder().join("secrets");
        fs::set_permissions(&secrets, fs::Permissions::from_mode(0o700))
            .map_err(|e| ProjectError::Io(secrets, e))?;
        Ok(project)
    }

    /// Makes a created project findable.
    pub fn commit_id(&self) -> Result<(), ProjectError> {
        let file = self.folder().join("id");
        fs::write(&file, format!("{}\n", self.id)).map_err(|e| ProjectError::Io(file, e))
    }

    /// The same folder as another project: with a new id, and without the hub that it may name.
    pub fn renewed(self) -> Result<Project, ProjectError> {
        let hub = self.hub_file();
        match fs::remove_file(&hub) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ProjectError::Io(hub, error));
            }
            _ => {}
        }
        let project = Project {
            id: new_id(),
            ..self
        };
        project.commit_id()?;
        Ok(project)
    }

    /// Six hex digits that tell this project's containers, networks and images from others'.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The project's folder, absolute, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `.swarm/`.
    pub fn folder(&self) -> PathBuf {
        self.root.join(FOLDER)
    }

    /// `config.json`.
    pub fn config_file(&self) -> PathBuf {
        self.folder().join("config.json")
    }

    /// What the environment said of the configuration when the swarm was started, mode 0600.
    pub fn environment_file(&self) -> PathBuf {
        self.folder().join("environment.json")
    }

    /// The ticket database.
    pub fn database(&self) -> PathBuf {
        self.folder().join("tickets/tickets.db")
    }

    /// The bare repository that holds main.
    pub fn repository(&self) -> PathBuf {
        self.folder().join("repo.git")
    }

    /// Where a running hub says how to speak to it.
    pub fn hub_file(&self) -> PathBuf {
        self.folder().join("hub.json")
    }

    /// What a hub holds locked while it lives.
    pub fn hub_lock(&self) -> PathBuf {
        self.folder().join("hub.lock")
    }

    /// Where the project was when somebody last looked.
    pub fn place_file(&self) -> PathBuf {
        self.folder().join("place")
    }

    /// The credentials that agents get, mode 0600.
    pub fn credentials_file(&self) -> PathBuf {
        self.folder().join("secrets/credentials.json")
    }

    /// A secret of one of the ways to people who are away, mode 0600.
    pub fn secret_file(&self, name: &str) -> PathBuf {
        self.folder().join("secrets").join(name)
    }

    /// Prompt templates that replace the built-in ones, as `<name>.md`.
    pub fn prompts(&self) -> PathBuf {
        self.folder().join("prompts")
    }

    /// Files that go into the agents' image under `/opt/swarm/extra/`.
    pub fn image_extra(&self) -> PathBuf {
        self.folder().join("image/extra")
    }

    /// The names of the images that were last built.
    pub fn images_file(&self) -> PathBuf {
        self.folder().join("image/images.json")
    }

    /// What agent CLIs were asked and printed.
    pub fn transcripts(&self) -> PathBuf {
        self.folder().join("transcripts")
    }

    /// Where the hub keeps its logs.
    pub fn logs(&self) -> PathBuf {
        self.folder().join("logs")
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Project({} in {})", self.id, self.root.display())
    }
}

fn new_id() -> String {
    format!("{:06x}", rand::rng().random_range(0..1 << 24))
}

fn canonical(path: &Path) -> Result<PathBuf, ProjectError> {
    path.canonicalize()
        .map_err(|error| ProjectError::Io(path.to_path_buf(), error))
}

fn is_id(text: &str) -> bool {
    text.len() == 6
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_found_from_any_folder_below() {
        let dir = tempfile::tempdir().unwrap();
        let made = Project::create(dir.path()).unwrap();
        assert!(matches!(
            Project::find(dir.path()),
            Err(ProjectError::None(_))
        ));
        made.commit_id().unwrap();
        let below = dir.path().join("src/deep");
        fs::create_dir_all(&below).unwrap();
        assert_eq!(Project::find(&below).unwrap(), made);
    }

    #[test]
    fn a_damaged_id_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        fs::write(dir.path().join(".swarm/id"), "../../etc\n").unwrap();
        let error = Project::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("'../../etc' is not an id"), "{error}");
    }
}
