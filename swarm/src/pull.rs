//! Brings what landed into the human's own tree, by fast-forward and nothing else.
//!
//! What arrives was written by agents, so none of it runs: everything goes through libgit2, which
//! runs no hooks, no fsmonitor, no filter programs and no submodule commands. What the human has
//! changed, staged, or merely lying in the way is never overwritten. Files that would run by themselves
//! once they are there come only when the human said so, of a commit that they could look at.

use anyhow::{Context, Result, bail};
use git2::build::CheckoutBuilder;
use git2::{Commit, DiffOptions, Oid, Repository};

use crate::bare;
use crate::project::Project;

mod changes;
mod own;
mod runs;
mod scripts;

pub use changes::Finding;

/// Where the human's repository keeps what the swarm's branch points to.
const TRACKING: &str = "refs/remotes/swarm";
/// How many paths a refusal names.
const PATHS_NAMED: usize = 5;

/// What stays free on the disk, in bytes.
const SPARE: u64 = 64 << 20;

/// Whether files that run by themselves may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// They are told, and nothing moves.
    Nothing,
    /// They come, as far as the branch goes.
    Everything,
    /// They come, and the branch moves to this commit and no further.
    UpTo(String),
}

/// What a pull did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// There was nothing to bring.
    UpToDate,
    /// The human's branch has commits that the swarm does not have, and nothing is missing in it.
    Ahead(usize),
    /// The branch moved.
    Moved {
        /// From here.
        from: Oid,
        /// To here.
        to: Oid,
        /// By so many commits.
        commits: usize,
        /// False when another branch is checked out, so that no file changed.
        checked_out: bool,
    },
    /// Nothing moved: these would run by themselves once they are there.
    Held {
        /// From here.
        from: Oid,
        /// To here it would go.
        to: Oid,
        /// What a human looks at first; never empty.
        findings: Vec<Finding>,
    },
}

/// Moves the human's `branch` to the swarm's.
pub fn pull(project: &Project, branch: &str, allow: &Allow) -> Result<Pulled> {
    let human = Repository::open(project.root())
        .with_context(|| format!("cannot open the repository in {}", project.root().display()))?;
    let swarm = bare::open(project)?;
    let tracking = format!("{TRACKING}/{branch}");
    bare::bring(&human, &swarm, branch, &tracking)?;
    let newest = human.find_reference(&tracking)?.peel_to_commit()?;
    let to = match allow {
        Allow::UpTo(name) => named(&human, name, &newest)?,
        Allow::Nothing | Allow::Everything => newest,
    };
    let from = human.find_commit(bare::head(&human, branch)?)?;
    let (ours, theirs) = human.graph_ahead_behind(from.id(), to.id())?;
    tracing::debug!(
        "'{branch}' is at {}; up to {} it lacks {theirs} commits and has {ours} of its own",
        from.id(),
        to.id()
    );
    match (ours, theirs) {
        (0, 0) => return Ok(Pulled::UpToDate),
        (ours, 0) => return Ok(Pulled::Ahead(ours)),
        (0, _) => {}
        (ours, theirs) => bail!(diverged(
            &human,
            project,
            branch,
            (ours, theirs),
            &from,
            &to
        )?),
    }
    let changes = changes::read(&human, project, &from, &to)?;
    if *allow == Allow::Nothing && !changes.findings.is_empty() {
        return Ok(Pulled::Held {
            from: from.id(),
            to: to.id(),
            findings: changes.findings,
        });
    }
    let checked_out = is_checked_out(&human, branch)?;
    if checked_out {
        must_have_room(project, changes.bytes)?;
        update_tree(&human, &from, &to, &changes.paths)?;
    }
    human
        .reference_matching(
            &format!("refs/heads/{branch}"),
            to.id(),
            true,
            from.id(),
            "swarm pull: Fast-forward",
        )
        .with_context(|| format!("'{branch}' moved meanwhile: run 'swarm pull' again"))?;
    Ok(Pulled::Moved {
        from: from.id(),
        to: to.id(),
        commits: theirs,
        checked_out,
    })
}

/// The commit of this name, when it has landed.
fn named<'a>(human: &'a Repository, name: &str, newest: &Commit<'a>) -> Result<Commit<'a>> {
    let commit = human.revparse_single(name).and_then(|o| o.peel_to_commit());
    match commit {
        Ok(commit) if commit.id() == newest.id() => Ok(commit),
        Ok(commit) if bare::is_ahead(human, newest.id(), commit.id()) => Ok(commit),
        _ => bail!("'{name}' is no commit that has landed"),
    }
}

/// A merge or rebase by the human's own git checks nothing, so what it would bring is told.
fn diverged(
    human: &Repository,
    project: &Project,
    branch: &str,
    (ours, theirs): (usize, usize),
    from: &Commit<'_>,
    to: &Commit<'_>,
) -> Result<String> {
    let base = human.find_commit(human.merge_base(from.id(), to.id())?)?;
    let findings = changes::read(human, project, &base, to)?.findings;
    let paths: Vec<Vec<u8>> = findings.into_iter().map(|finding| finding.path).collect();
    let warning = match paths.is_empty() {
        true => String::new(),
        false => format!(
            ". These files run by themselves once they are there, look at them before: {}",
            some_of(&paths)
        ),
    };
    Ok(format!(
        "'{branch}' has {ours} commits of yours and the swarm's has {theirs} others: rebase yours first ('git rebase swarm/{branch}'){warning}"
    ))
}

/// A disk that is full in the middle would leave half of the files.
fn must_have_room(project: &Project, bytes: u64) -> Result<()> {
    let root = project.root();
    let disk = nix::sys::statvfs::statvfs(root)
        .with_context(|| format!("cannot tell how much room {} has", root.display()))?;
    #[allow(clippy::unnecessary_cast, reason = "they are narrower on some systems")]
    let free = (disk.blocks_available() as u64).saturating_mul(disk.fragment_size() as u64);
    if free < bytes.saturating_add(SPARE) {
        bail!(
            "{} MiB come and the disk has {} MiB left: make room first",
            bytes >> 20,
            free >> 20
        );
    }
    Ok(())
}

/// Whether the tree follows the branch. One that another work tree of the repository has checked
/// out is refused: its files would no longer match it.
fn is_checked_out(human: &Repository, branch: &str) -> Result<bool> {
    let name = format!("refs/heads/{branch}");
    if human.find_reference("HEAD")?.symbolic_target()? == Some(&name) {
        return Ok(true);
    }
    for other in human.worktrees()?.iter() {
        let Some(other) = other? else { continue };
        let other = human.find_worktree(other)?;
        let Ok(repository) = Repository::open_from_worktree(&other) else {
            continue;
        };
        if repository.find_reference("HEAD")?.symbolic_target()? == Some(&name) {
            bail!(
                "'{branch}' is checked out in {}: check out another one there first",
                other.path().display()
            );
        }
    }
    Ok(false)
}

fn update_tree(
    human: &Repository,
    from: &Commit<'_>,
    to: &Commit<'_>,
    paths: &[Vec<u8>],
) -> Result<()> {
    if human.state() != git2::RepositoryState::Clean {
        bail!("a merge or rebase is under way: finish it first");
    }
    let in_the_way = in_the_way(human, from, paths)?;
    if !in_the_way.is_empty() {
        bail!(
            "these files of yours would be overwritten: {}. Commit or move them first",
            some_of(&in_the_way)
        );
    }
    let mut checkout = CheckoutBuilder::new();
    checkout
        .safe()
        .overwrite_ignored(false)
        .disable_pathspec_match(true);
    for path in paths {
        checkout.path(path.as_slice());
    }
    human
        .checkout_tree(to.as_object(), Some(&mut checkout))
        .context("the files could not be written, and the branch was not moved")
}

/// Those of the paths where the tree or the index is not as `from` has it, ignored files included.
fn in_the_way(human: &Repository, from: &Commit<'_>, paths: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
    let tree = from.tree()?;
    let mut options = DiffOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .include_ignored(true)
        .recurse_ignored_dirs(true)
        .ignore_submodules(false)
        .disable_pathspec_match(true);
    for path in paths {
        options.pathspec(path.as_slice());
    }
    let staged = human.diff_tree_to_index(Some(&tree), None, Some(&mut options))?;
    let lying = human.diff_index_to_workdir(None, Some(&mut options))?;
    let mut found: Vec<Vec<u8>> = staged
        .deltas()
        .chain(lying.deltas())
        .filter_map(|delta| {
            let path = delta.new_file().path_bytes();
            path.or(delta.old_file().path_bytes()).map(<[u8]>::to_vec)
        })
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

fn some_of(paths: &[Vec<u8>]) -> String {
    let named: Vec<String> = paths.iter().take(PATHS_NAMED).map(|p| shown(p)).collect();
    match paths.len().saturating_sub(PATHS_NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// A path for a sentence.
fn shown(path: &[u8]) -> String {
    ticket::text::one_line(&String::from_utf8_lossy(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_a_few_paths_without_control_characters() {
        let paths: Vec<Vec<u8>> = (0..7)
            .map(|n| format!("f{n}\x1b[2J").into_bytes())
            .collect();
        assert!(some_of(&paths).ends_with("f4[2J and 2 more"));
    }
}
