//! The hub's handle on the bare repository. Synchronous; [`Bare::call`] crosses from async code.
//!
//! Main moves in [`Repository::advance`] and nowhere else. What an attempt pushed is moved to
//! `refs/attempts/` when the attempt is over and is never deleted here.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use git2::{ConfigLevel, ErrorCode, Oid};

/// Where candidates wait for their verifiers.
const CANDIDATES: &str = "refs/candidates/";
/// Where attempts that go on keep their work.
const ATTEMPT_BRANCHES: &str = "refs/heads/ticket/";
/// Settings that git2 obeys and that git's own configuration file should not hold: recent versions
/// of git warn about this one. It makes git2 sync objects and refs to the disk.
const LIBRARY_SETTINGS: (&str, &str) = ("swarm.config", "[core]\n\tfsyncObjectFiles = true\n");

/// Where the bare repository is and which branch is its base. Cheap to clone; opens handles as
/// they are needed and keeps them.
#[derive(Clone)]
pub struct Bare {
    path: Arc<Path>,
    branch: Arc<str>,
    idle: Arc<Mutex<Vec<Repository>>>,
}

impl Bare {
    /// The repository at `path` with the base branch `branch` (`main`).
    pub fn new(path: impl Into<PathBuf>, branch: &str) -> Bare {
        Bare {
            path: Arc::from(path.into()),
            branch: Arc::from(branch),
            idle: Arc::default(),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The base branch's name.
    pub fn branch(&self) -> &str {
        &self.branch
    }

    /// A handle of one's own.
    pub fn open(&self) -> Result<Repository> {
        let settings = {
            // One writes, others read what is whole.
            let _alone = self.lock_idle();
            library_settings(&self.path)?
        };
        Repository::open(&self.path, &self.branch, &settings)
    }

    /// Runs `work` on a blocking thread with a handle to itself.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repository) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let bare = self.clone();
        tokio::task::spawn_blocking(move || bare.run(work))
            .await
            .context("the hub failed inside the repository")?
    }

    fn run<T>(&self, work: impl FnOnce(&Repository) -> Result<T>) -> Result<T> {
        let idle = self.lock_idle().pop();
        let repository = match idle {
            Some(repository) => repository,
            None => self.open()?,
        };
        let value = work(&repository)?;
        self.lock_idle().push(repository);
        Ok(value)
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Repository>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open handle.
pub struct Repository {
    pub(super) git: git2::Repository,
    base: String,
}

/// What became of an attempt to move main.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// Main is at the commit.
    Done,
    /// Main was not where it was expected, and did not move.
    Raced {
        /// Where it is instead.
        head: Oid,
    },
}

/// A landed commit, as its trailers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LandedCommit {
    /// The commit.
    pub commit: Oid,
    /// The ticket it finished.
    pub ticket: i64,
    /// The attempt that made it.
    pub attempt: i64,
}

impl Repository {
    fn open(path: &Path, branch: &str, settings: &Path) -> Result<Repository> {
        // Otherwise git2 looks up every file of a merged tree before it writes the few changed
        // folders. They all come from trees that are there: receive-pack checked what was pushed.
        git2::opts::strict_object_creation(false);
        let git = git2::Repository::open_bare(path)
            .with_context(|| format!("cannot open the repository {}", path.display()))?;
        git.config()?
            .add_file(settings, ConfigLevel::App, true)
            .context("cannot make git2 sync what it writes")?;
        Ok(Repository {
            git,
            base: format!("refs/heads/{branch}"),
        })
    }

    /// The head of the base branch.
    pub fn head(&self) -> Result<Oid> {
        self.git
            .refname_to_id(&self.base)
            .with_context(|| format!("the repository has no {}", self.base))
    }

    /// The commit that `name` (a full or short id, or a branch) stands for.
    pub fn find_commit(&self, name: &str) -> Option<Oid> {
        let object = self.git.revparse_single(name).ok()?;
        Some(object.peel_to_commit().ok()?.id())
    }

    /// Moves main from `from` to `to`, which must be one commit on top of it. The whole of
    /// `to` is on the disk before.
    pub fn advance(&self, from: Oid, to: Oid) -> Result<Advance> {
        let commit = self.git.find_commit(to)?;
        if commit.parent_ids().ne([from]) {
            bail!("{to} is not one commit on top of {from}: main stays");
        }
        match self
            .git
            .reference_matching(&self.base, to, true, from, "land")
        {
            Ok(_) => Ok(Advance::Done),
            Err(error) if error.code() == ErrorCode::Modified => {
                Ok(Advance::Raced { head: self.head()? })
            }
            Err(error) => Err(error).with_context(|| format!("cannot move {}", self.base)),
        }
    }

    /// True when `commit` was pushed by this attempt: its branch, or what was kept of it, holds it.
    pub fn was_pushed(&self, ticket: i64, attempt: i64, commit: Oid) -> Result<bool> {
        if self.git.find_commit(commit).is_err() {
            return Ok(false);
        }
        let names = [
            branch_ref(ticket, attempt),
            ticket::attempt::snapshot_ref(ticket, attempt),
        ];
        for name in names {
            let Some(tip) = self.find_ref(&name)? else {
                continue;
            };
            if tip == commit || self.git.graph_descendant_of(tip, commit)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The head of an attempt's branch; none when it never pushed, or after it ended.
    pub fn attempt_head(&self, ticket: i64, attempt: i64) -> Result<Option<Oid>> {
        self.find_ref(&branch_ref(ticket, attempt))
    }

    /// The attempt is over: what its branch holds is kept under `refs/attempts/` and the branch is
    /// deleted. Returns the commit that is kept. May be called any number of times.
    pub fn keep_attempt(&self, ticket: i64, attempt: i64) -> Result<Option<Oid>> {
        let branch = branch_ref(ticket, attempt);
        let kept = ticket::attempt::snapshot_ref(ticket, attempt);
        loop {
            let mut reference = match self.git.find_reference(&branch) {
                Ok(reference) => reference,
                Err(error) if error.code() == ErrorCode::NotFound => return self.find_ref(&kept),
                Err(error) => return Err(error.into()),
            };
            let tip = reference.peel_to_commit()?.id();
            self.git
                .reference(&kept, tip, true, "the attempt is over")?;
            match reference.delete() {
                Ok(()) => return Ok(Some(tip)),
                // A push went in between: look again.
                Err(error) if error.code() == ErrorCode::Modified => continue,
                Err(error) => return Err(error).with_context(|| format!("cannot delete {branch}")),
            }
        }
    }

    /// Every attempt that has a branch, as (ticket, number).
    pub fn attempt_branches(&self) -> Result<Vec<(i64, i64)>> {
        let mut attempts = Vec::new();
        for name in self.ref_names(ATTEMPT_BRANCHES)? {
            if let Some(attempt) = super::receive::attempt_of(&name) {
                attempts.push(attempt);
            }
        }
        Ok(attempts)
    }

    /// Keeps `commit` fetchable while a verifier may ask for it.
    pub fn publish_candidate(&self, landing: i64, commit: Oid) -> Result<()> {
        let name = format!("{CANDIDATES}{landing}");
        self.git.reference(&name, commit, true, "candidate")?;
        Ok(())
    }

    /// The opposite of [`Repository::publish_candidate`]; there may be none.
    pub fn drop_candidate(&self, landing: i64) -> Result<()> {
        self.delete_ref(&format!("{CANDIDATES}{landing}"))
    }

    /// Drops every candidate.
    pub fn drop_candidates(&self) -> Result<()> {
        for name in self.ref_names(CANDIDATES)? {
            self.delete_ref(&name)?;
        }
        Ok(())
    }

    /// What the lander put on main after `known`, oldest first. `None` when `known` is not in this
    /// repository's history.
    pub fn landed_since(&self, known: Oid) -> Result<Option<Vec<LandedCommit>>> {
        let head = self.head()?;
        let is_known = known == head
            || (self.git.find_commit(known).is_ok()
                && self.git.graph_descendant_of(head, known)?);
        if !is_known {
            return Ok(None);
        }
        let mut walk = self.git.revwalk()?;
        walk.push(head)?;
        walk.hide(known)?;
        walk.simplify_first_parent()?;
        let mut landed = Vec::new();
        for id in walk {
            landed.extend(super::trailers::read(&self.git.find_commit(id?)?));
        }
        landed.reverse();
        Ok(Some(landed))
    }

    fn find_ref(&self, name: &str) -> Result<Option<Oid>> {
        match self.git.refname_to_id(name) {
            Ok(id) => Ok(Some(id)),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {name}")),
        }
    }

    fn ref_names(&self, prefix: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for reference in self.git.references_glob(&format!("{prefix}*"))? {
            if let Ok(name) = reference?.name() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn delete_ref(&self, name: &str) -> Result<()> {
        let deleted = match self.git.find_reference(name) {
            Ok(mut reference) => reference.delete(),
            Err(error) => Err(error),
        };
        match deleted {
            Err(error) if error.code() != ErrorCode::NotFound => {
                Err(error).with_context(|| format!("cannot delete {name}"))
            }
            _ => Ok(()),
        }
    }
}

/// The file with [`LIBRARY_SETTINGS`], written if need be.
fn library_settings(repository: &Path) -> Result<PathBuf> {
    let (name, text) = LIBRARY_SETTINGS;
    let path = repository.join(name);
    if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(path)
}

fn branch_ref(ticket: i64, attempt: i64) -> String {
    format!("refs/heads/{}", ticket::attempt::branch(ticket, attempt))
}
