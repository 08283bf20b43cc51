//! A folder with a human in it: their home, their git, and the `swarm` program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A human's place in the world; gone when the test is over.
pub struct Place {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

/// What a program said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let config = "[user]\nname = Ada\nemail = ada@example.org\n[init]\ndefaultBranch = trunk\n";
        fs::write(home.join(".gitconfig"), config).unwrap();
        fs::create_dir(dir.path().join("p")).unwrap();
        Place {
            dir,
            variables: Vec::new(),
        }
    }

    /// A repository with these files in one commit on `trunk`.
    pub fn with_repository(files: &[(&str, &str)]) -> Place {
        let place = Place::new();
        place.git("init");
        place.write(files);
        place.git("add .");
        place.git("commit -m First");
        place
    }

    /// The same, inited.
    pub fn with_project(files: &[(&str, &str)]) -> Place {
        let place = Place::with_repository(files);
        place.swarm("init . --no-interview").ok();
        place
    }

    /// From now on every program has this variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.into(), value.into()));
    }

    /// The folder that is or becomes the project.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("p")
    }

    /// The human's own folder.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let file = self.root().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root().join(name)).unwrap()
    }

    /// Fails unless everybody may run this file.
    pub fn assert_executable(&self, name: &str) {
        let file = fs::metadata(self.root().join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o111, 0o111, "{name}");
    }

    /// Fails unless agents work from what is checked out.
    pub fn assert_in_step(&self) {
        let bare = self.root().join(".swarm/repo.git");
        assert_eq!(
            self.git_in(&bare, "rev-parse trunk"),
            self.git("rev-parse trunk")
        );
    }

    /// Runs `swarm` with arguments that are separated by spaces.
    pub fn swarm(&self, arguments: &str) -> Said {
        let program = Path::new(env!("CARGO_BIN_EXE_swarm"));
        self.run(program, &self.root(), arguments.split_whitespace())
    }

    /// Runs git in the project's folder; it must succeed. Returns what it printed.
    pub fn git(&self, arguments: &str) -> String {
        self.git_in(&self.root(), arguments)
    }

    pub fn git_in(&self, folder: &Path, arguments: &str) -> String {
        let said = self.run(Path::new("git"), folder, arguments.split_whitespace());
        assert_eq!(said.code, 0, "git {arguments}: {said:?}");
        said.out
    }

    /// Lands a commit as the hub does: in the bare repository, without a work tree. A text of none
    /// removes the file; a name that ends in `@` is a link.
    pub fn land(&self, files: &[(&str, Option<&str>)]) -> String {
        let bare = git2::Repository::open_bare(self.root().join(".swarm/repo.git")).unwrap();
        let mut head = bare.find_reference("refs/heads/trunk").unwrap();
        let parent = head.peel_to_commit().unwrap();
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (name, text) in files {
            let link = name.strip_suffix('@');
            let mode = match link {
                Some(_) => git2::FileMode::Link,
                None => git2::FileMode::Blob,
            };
            match text {
                Some(text) => {
                    let blob = bare.blob(text.as_bytes()).unwrap();
                    update.upsert(link.unwrap_or(name), blob, mode);
                }
                None => {
                    update.remove(*name);
                }
            }
        }
        let tree = update
            .create_updated(&bare, &parent.tree().unwrap())
            .unwrap();
        let tree = bare.find_tree(tree).unwrap();
        let agent = git2::Signature::now("agent-1", "agent-1@swarm").unwrap();
        let commit = bare
            .commit(None, &agent, &agent, "Land", &tree, &[&parent])
            .unwrap();
        head.set_target(commit, "land").unwrap();
        commit.to_string()
    }

    fn run<'a>(
        &self,
        program: &Path,
        folder: &Path,
        arguments: impl Iterator<Item = &'a str>,
    ) -> Said {
        let mut command = Command::new(program);
        self.say_in(command.args(arguments), folder)
    }

    /// Runs a command in the project's folder.
    pub fn say(&self, command: &mut Command) -> Said {
        self.say_in(command, &self.root())
    }

    fn say_in(&self, command: &mut Command, folder: &Path) -> Said {
        let path = std::env::var("PATH").unwrap();
        let output = command
            .current_dir(folder)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.dir.path().join("home"))
            .env("LC_ALL", "C")
            .envs(self.variables.iter().cloned())
            .output()
            .unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// It succeeded; what it printed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// It refused with exit code 1 and one sentence that has these words.
    #[track_caller]
    pub fn refused(self, words: &[&str]) {
        self.ended_with(1, words);
    }

    /// The same, with more than one line.
    #[track_caller]
    pub fn refused_at_length(self, words: &[&str]) {
        assert_eq!(self.code, 1, "{self:?}");
        assert!(self.err.starts_with("error: "), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {:?}", self.err);
        }
    }

    /// It ended with this exit code, one error and at most one line on what to do; these words are in
    /// them.
    #[track_caller]
    pub fn ended_with(self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        let mut lines = self
            .err
            .lines()
            .skip_while(|line| line.starts_with("note: "));
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with("error: "), "{self:?}");
        let rest: Vec<&str> = lines.collect();
        let known = |line: &&str| line.starts_with("cause: ") || line.starts_with("help: ");
        assert!(rest.iter().all(known), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {:?}", self.err);
        }
    }
}
