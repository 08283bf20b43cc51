//! Makes a folder a project: `.swarm/` with everything in it, and the few files that the base
//! branch needs. All refusals come before the first write, and what is half made is not a project.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use git2::{ErrorCode, Repository, RepositoryInitOptions, RepositoryOpenFlags, StatusOptions};
use ticket::backend::Backend;
use ticket::ticket::NewTicket;
use ticket::{Actor, Queue, Store};

use crate::bare;
use crate::config::{Config, DEFAULT_BASE_IMAGE, edit, schema};
use crate::place;
use crate::project::{Project, ProjectError};

mod detect;
mod files;
mod reference;
mod templates;

pub use detect::{Detected, detect};
pub use files::{Added, NewFile, Replaced, replace};

use reference::Reference;

/// The branch of a repository that init itself makes.
const FIRST_BRANCH: &str = "main";

/// What a human decides about a new project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The image that agents are built on; the one that fits the project when none is named.
    pub base_image: Option<String>,
    /// The agent CLI.
    pub backend: Backend,
    /// Whether idle agents propose work.
    pub proposals: bool,
    /// Whether the queue begins with a ticket.
    pub seed: bool,
    /// Whether the folder may lie inside another repository, and gets one of its own there.
    pub nested: bool,
}

impl Default for Options {
    fn default() -> Self {
        let config = Config::default();
        Options {
            base_image: None,
            backend: config.agents.backend,
            proposals: config.proposals.enabled,
            seed: true,
            nested: false,
        }
    }
}

/// What init did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The project.
    pub project: Project,
    /// The branch that work lands on.
    pub branch: String,
    /// How many files went into the first commit, when there was no repository.
    pub first_commit: Option<usize>,
    /// What became of the files at the root.
    pub files: Added,
    /// What kind of project was recognised.
    pub detected: Option<Detected>,
    /// How many files of the human's are not committed, so that agents do not see them.
    pub uncommitted: usize,
    /// The number of the first ticket.
    pub seed: Option<i64>,
    /// The image that agents are built on.
    pub base_image: String,
    /// What was taken over from another system, for people.
    pub taken_over: Option<String>,
}

/// Makes `dir` a project.
pub fn init(dir: &Path, options: &Options) -> Result<Done> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let dir = dir.canonicalize()?;
    must_be_new(&dir)?;
    let found = find_repository(&dir, options.nested)?;
    let branch = match &found {
        Some(repository) => base_branch(repository)?,
        None => FIRST_BRANCH.into(),
    };
    let reference = Reference::find(&dir)?;
    if let (Some(reference), Some(repository)) = (&reference, &found) {
        reference.must_be_pulled(repository, &branch)?;
    }
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let detected = detect(&dir);
    match &detected {
        Some(found) => tracing::debug!("this is {}", found.what),
        None => tracing::debug!("no kind of project is recognised"),
    }
    let proposed = detected.as_ref().and_then(|found| found.image.clone());
    let base_image = options.base_image.clone().or(proposed);
    let base_image = base_image.unwrap_or_else(|| DEFAULT_BASE_IMAGE.into());
    let config = templates::config(&name, &branch, &base_image, options);
    let (config, place) = match &reference {
        Some(reference) => (reference.over(&config)?, reference.settings_file()),
        None => (config, PathBuf::from("what was asked for")),
    };
    Config::parse(&config, &place)?;

    let project = Project::create(&dir)?;
    fs::write(project.folder().join(".gitignore"), "*\n")?;
    let leftovers = detected.as_ref().map_or(&[][..], |found| found.leaves);
    let (repository, first_commit) = match found {
        Some(repository) => (repository, None),
        None => new_repository(&dir, leftovers)?,
    };
    let new_files = new_files(&name, detected.as_ref());
    let added = files::add(&repository, &dir, &new_files, leftovers)?;
    let kept = reference.as_ref().map(Reference::keep).transpose()?;
    bare::create(&project, &repository, &branch)?;
    if let Some(reference) = &reference {
        reference.keep_branches(&bare::open(&project)?)?;
    }
    write_own_files(&project)?;
    fs::write(project.config_file(), config)?;
    let has_tickets = reference.as_ref().is_some_and(Reference::has_tickets);
    let seed = make_queue(&project, options.seed && !has_tickets, detected.is_some())?;
    let taken_over = reference.as_ref().zip(kept);
    let taken_over = taken_over
        .map(|(reference, kept)| reference.report(&project.database(), &kept))
        .transpose()?;
    place::note(&project)?;
    project.commit_id()?;
    Ok(Done {
        project,
        branch,
        first_commit,
        files: added,
        detected,
        uncommitted: uncommitted(&repository)?,
        seed,
        base_image,
        taken_over,
    })
}

/// A file in `.swarm/` that is swarm's own and not the human's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    /// Where it is.
    pub place: PathBuf,
    /// What this version writes there; none where it has nothing there any more.
    pub text: Option<String>,
}

/// Every file of our own.
pub fn own_files(project: &Project) -> Vec<OwnFile> {
    let files = [
        (schema::FILE, Some(schema::text())),
        (".gitignore", Some("*\n".to_owned())),
        // Earlier versions listed every key there.
        ("config.reference.toml", None),
    ];
    let files = files.map(|(name, text)| OwnFile {
        place: project.folder().join(name),
        text,
    });
    files.to_vec()
}

fn write_own_files(project: &Project) -> Result<()> {
    for OwnFile { place, text } in own_files(project) {
        if let Some(text) = text {
            fs::write(&place, text).with_context(|| format!("cannot write {}", place.display()))?;
        }
    }
    Ok(())
}

/// Refuses when another branch than the project's is checked out.
pub fn must_be_on(project: &Project, branch: &str) -> Result<()> {
    files::must_be_on(&Repository::open(project.root())?, branch)
}

/// Has agents work in an image built on another one.
pub fn set_base_image(project: &Project, image: &str) -> Result<()> {
    let file = project.config_file();
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let path = ["image", "base"].map(String::from);
    let changed = edit::changed(&text, &path, Some(&image.into()));
    let changed = changed.map_err(|fault| anyhow!("{fault}"))?;
    Config::parse(&changed, &file)?;
    edit::write(&file, &changed).with_context(|| format!("cannot write {}", file.display()))
}

/// That a folder is a project already.
pub fn already(dir: &Path) -> anyhow::Error {
    anyhow!(
        "{} is a swarm project already: 'swarm start' starts it, 'swarm regenerate' renews its generated files, 'swarm init' in a terminal holds the interview again",
        dir.display()
    )
}

fn must_be_new(dir: &Path) -> Result<()> {
    match Project::open(dir) {
        Ok(_) => return Err(already(dir)),
        Err(ProjectError::None(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The repository in exactly this folder; none when there is none. One that is elsewhere, or has
/// no work tree, is refused; where `nested`, one around the folder is not looked for.
fn find_repository(dir: &Path, nested: bool) -> Result<Option<Repository>> {
    let none: [&Path; 0] = [];
    match Repository::open_ext(dir, RepositoryOpenFlags::NO_SEARCH, none) {
        Ok(repository) if repository.is_bare() => {
            bail!("{} is a bare repository: init a clone of it", dir.display())
        }
        Ok(repository) => Ok(Some(repository)),
        Err(error) if error.code() == ErrorCode::NotFound && nested => Ok(None),
        Err(error) if error.code() == ErrorCode::NotFound => match Repository::discover(dir) {
            Ok(outer) => {
                let root = outer
                    .workdir()
                    .unwrap_or(outer.path())
                    .display()
                    .to_string();
                bail!(
                    "{} is inside the repository {root}: run 'swarm init {root}'",
                    dir.display()
                )
            }
            Err(_) => Ok(None),
        },
        Err(error) => {
            Err(error).with_context(|| format!("cannot open the repository in {}", dir.display()))
        }
    }
}

/// The branch that is checked out, even when it has no commit yet.
fn base_branch(repository: &Repository) -> Result<String> {
    if repository.state() != git2::RepositoryState::Clean {
        bail!("a merge or rebase is under way: finish it first");
    }
    let head = repository.find_reference("HEAD")?;
    let branch = head
        .symbolic_target()?
        .and_then(|name| name.strip_prefix("refs/heads/"));
    match branch {
        Some(branch) => Ok(branch.into()),
        None => bail!("HEAD is detached: check out the branch that work is to land on"),
    }
}

/// Without what builds and tests leave, which `.gitignore` will name.
fn new_repository(dir: &Path, leftovers: &[&str]) -> Result<(Repository, Option<usize>)> {
    let mut options = RepositoryInitOptions::new();
    options.initial_head(FIRST_BRANCH).no_reinit(true);
    let repository = Repository::init_opts(dir, &options)
        .with_context(|| format!("cannot make a repository in {}", dir.display()))?;
    repository.add_ignore_rule(&leftovers.join("\n"))?;
    let committed = files::commit_all(&repository)?;
    repository.clear_ignore_rules()?;
    Ok((repository, Some(committed)))
}

fn new_files(name: &str, detected: Option<&Detected>) -> [NewFile; 3] {
    let file = |name, text, executable| NewFile {
        name,
        text,
        executable,
    };
    [
        file("verify.sh", templates::verify(detected), true),
        file("project-setup.sh", templates::setup(detected), true),
        file("PROJECT.md", templates::description(name), false),
    ]
}

fn make_queue(project: &Project, seed: bool, testable: bool) -> Result<Option<i64>> {
    Store::migrate(&project.database(), &mut |_| ())?;
    if !seed {
        return Ok(None);
    }
    let (title, text) = templates::seed_ticket();
    let mut text = text.to_string();
    if !testable {
        text.push_str(
            "\n\nverify.sh does not know yet how this project is tested: write that, too. It waits for the human's approval.",
        );
    }
    let mut store = Store::open(&project.database())?;
    let ticket = NewTicket {
        title: title.into(),
        description: Some(text),
        ..NewTicket::default()
    };
    Ok(Some(store.session(&Actor::Human).create(&ticket)?))
}

fn uncommitted(repository: &Repository) -> Result<usize> {
    let mut options = StatusOptions::new();
    options.include_untracked(true).exclude_submodules(true);
    Ok(repository.statuses(Some(&mut options))?.len())
}
