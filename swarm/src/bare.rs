//! The bare repository that holds the base branch: made at init, read at start and at pull.
//!
//! While a hub runs, only the hub writes it. Everything here goes through libgit2, which runs no
//! hooks, no filters and no other program.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use git2::{AutotagOption, FetchOptions, Oid, Repository, RepositoryInitOptions};

use crate::project::Project;

/// What the branch pointed to at init: the first commit that the gate answers for.
const START: &str = "refs/swarm/start";

/// What every such repository is set to, whatever git's own defaults are.
const SETTINGS: [(&str, &str); 10] = [
    // An attempt's branch only ever grows, and only the hub takes it away.
    ("receive.denyNonFastForwards", "true"),
    ("receive.denyDeletes", "true"),
    ("transfer.fsckObjects", "true"),
    // Agents fetch the very commit that they are told.
    ("uploadpack.allowAnySHA1InWant", "true"),
    // Collecting belongs to the hub: a snapshot must not vanish under an attempt.
    ("gc.auto", "0"),
    ("receive.autogc", "false"),
    ("maintenance.auto", "false"),
    // Nothing that lies in the repository is ever run.
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    // Who moved which ref when.
    ("core.logAllRefUpdates", "always"),
];

/// Makes the project's bare repository with `branch` of `source` and nothing else. Appears whole
/// or not at all.
pub fn create(project: &Project, source: &Repository, branch: &str) -> Result<()> {
    let place = project.repository();
    if place.exists() {
        bail!("{} is there already: move it away first", place.display());
    }
    let draft = place.with_extension("git.new");
    remove_tree(&draft)?;
    let mut options = RepositoryInitOptions::new();
    options
        .bare(true)
        .external_template(false)
        .initial_head(branch);
    let bare = Repository::init_opts(&draft, &options)
        .with_context(|| format!("cannot make {}", draft.display()))?;
    configure_open(&bare)?;
    bring(&bare, source, branch, &format!("refs/heads/{branch}"))?;
    bare.reference(START, head(&bare, branch)?, false, "swarm init")?;
    drop(bare);
    fs::rename(&draft, &place).with_context(|| format!("cannot make {}", place.display()))
}

/// Sets what [`create`] sets, on a repository that an earlier version made.
pub fn configure(project: &Project) -> Result<()> {
    configure_open(&open(project)?)
}

/// The settings of [`configure`] that the repository does not have, as `key = value`.
pub fn unset(project: &Project) -> Result<Vec<String>> {
    let bare = open(project)?;
    let config = bare.config()?.open_level(git2::ConfigLevel::Local)?;
    let missing = SETTINGS.iter().filter(|(key, value)| {
        let now = config.get_string(key);
        now.map_or(true, |now| now != *value)
    });
    Ok(missing
        .map(|(key, value)| format!("{key} = {value}"))
        .collect())
}

/// Opens the project's bare repository.
pub fn open(project: &Project) -> Result<Repository> {
    let place = project.repository();
    Repository::open_bare(&place).with_context(|| format!("cannot open {}", place.display()))
}

/// The commit that `branch` points to.
pub fn head(repository: &Repository, branch: &str) -> Result<Oid> {
    let reference = repository
        .find_reference(&format!("refs/heads/{branch}"))
        .with_context(|| {
            let place = repository.path().display();
            format!("{place} has no branch '{branch}'")
        })?;
    Ok(reference.peel_to_commit()?.id())
}

/// Moves the bare repository's branch to the human's, when that is a fast-forward, and returns how
/// many commits came. For the moment before a hub starts, when nobody else moves it.
pub fn take(project: &Project, branch: &str) -> Result<usize> {
    let human = Repository::open(project.root())
        .with_context(|| format!("cannot open the repository in {}", project.root().display()))?;
    let Ok(theirs) = head(&human, branch) else {
        return Ok(0);
    };
    let bare = open(project)?;
    let from = head(&bare, branch)?;
    if from == theirs || !is_ahead(&human, theirs, from) {
        return Ok(0);
    }
    let (new, _) = human.graph_ahead_behind(theirs, from)?;
    bring(&bare, &human, branch, &format!("refs/heads/{branch}"))?;
    Ok(new)
}

/// Fetches a branch of `from` into the ref `to` of `into`. A branch moves by fast-forward only; a
/// remote-tracking ref follows wherever its branch went.
pub fn bring(into: &Repository, from: &Repository, branch: &str, to: &str) -> Result<()> {
    if from.is_shallow() {
        bail!(
            "{} is a shallow clone: run 'git fetch --unshallow' first",
            from.path().display()
        );
    }
    let url = from.commondir().to_str().with_context(|| {
        let place = from.commondir().display();
        format!("{place} is not a path in UTF-8")
    })?;
    let force = if to.starts_with("refs/remotes/") {
        "+"
    } else {
        ""
    };
    let mut options = FetchOptions::new();
    options
        .download_tags(AutotagOption::None)
        .update_fetchhead(false);
    let refspec = format!("{force}refs/heads/{branch}:{to}");
    into.remote_anonymous(url)?
        .fetch(&[refspec], Some(&mut options), Some("swarm"))
        .with_context(|| format!("cannot fetch '{branch}' from {url}"))?;
    // A ref that may not move there is passed over without a word.
    let (wanted, found) = (
        head(from, branch)?,
        into.find_reference(to)?.peel_to_commit()?,
    );
    if found.id() != wanted {
        bail!("'{branch}' moved meanwhile: try again");
    }
    Ok(())
}

/// The commits from init's up to `head`, oldest first.
pub fn since_start(repository: &Repository, head: Oid) -> Result<Vec<Oid>> {
    let start = repository.find_reference(START)?.peel_to_commit()?.id();
    Ok([vec![start], walk(repository, head, Some(start))?].concat())
}

/// Every commit up to `head`, oldest first.
pub fn history(repository: &Repository, head: Oid) -> Result<Vec<Oid>> {
    walk(repository, head, None)
}

fn walk(repository: &Repository, head: Oid, hidden: Option<Oid>) -> Result<Vec<Oid>> {
    let mut walk = repository.revwalk()?;
    walk.set_sorting(git2::Sort::TOPOLOGICAL | git2::Sort::REVERSE)?;
    walk.push(head)?;
    if let Some(hidden) = hidden {
        walk.hide(hidden)?;
    }
    Ok(walk.collect::<Result<_, _>>()?)
}

/// True when `commit` builds on `base`; false also when `base` is not known here.
pub fn is_ahead(repository: &Repository, commit: Oid, base: Oid) -> bool {
    repository
        .graph_descendant_of(commit, base)
        .unwrap_or(false)
}

fn configure_open(bare: &Repository) -> Result<()> {
    let mut config = bare.config()?.open_level(git2::ConfigLevel::Local)?;
    for (key, value) in SETTINGS {
        config.set_str(key, value)?;
    }
    Ok(())
}

fn remove_tree(place: &Path) -> Result<()> {
    match fs::remove_dir_all(place) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", place.display())),
    }
}
