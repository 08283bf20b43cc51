//! Brings what landed into the human's own tree, by fast-forward and nothing else.
//!
//! What arrives was written by agents, so none of it runs: everything goes through libgit2, which
//! runs no hooks, no fsmonitor, no filter programs and no submodule commands. What the human has
//! changed, staged, or merely lying in the way is never overwritten.

use anyhow::{Context, Result, bail};
use git2::build::CheckoutBuilder;
use git2::{Commit, Delta, DiffOptions, FileMode, Oid, Repository};

use crate::bare;
use crate::project::Project;

/// Where the human's repository keeps what the swarm's branch points to.
const TRACKING: &str = "refs/remotes/swarm";
/// How many paths a refusal names.
const PATHS_NAMED: usize = 5;

/// What a pull did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// Moves the human's `branch` to the swarm's.
pub fn pull(project: &Project, branch: &str) -> Result<Pulled> {
    let human = Repository::open(project.root())
        .with_context(|| format!("cannot open the repository in {}", project.root().display()))?;
    let swarm = bare::open(project)?;
    let tracking = format!("{TRACKING}/{branch}");
    bare::bring(&human, &swarm, branch, &tracking)?;
    let to = human.find_reference(&tracking)?.peel_to_commit()?;
    let from = human.find_commit(bare::head(&human, branch)?)?;
    let (ours, theirs) = human.graph_ahead_behind(from.id(), to.id())?;
    match (ours, theirs) {
        (0, 0) => return Ok(Pulled::UpToDate),
        (ours, 0) => return Ok(Pulled::Ahead(ours)),
        (0, _) => {}
        (ours, theirs) => bail!(
            "'{branch}' has {ours} commits of yours and the swarm's has {theirs} others: rebase yours first ('git rebase swarm/{branch}')"
        ),
    }
    let checked_out = is_checked_out(&human, branch)?;
    if checked_out {
        update_tree(&human, &from, &to)?;
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

fn update_tree(human: &Repository, from: &Commit<'_>, to: &Commit<'_>) -> Result<()> {
    if human.state() != git2::RepositoryState::Clean {
        bail!("a merge or rebase is under way: finish it first");
    }
    let paths = changed_paths(human, from, to)?;
    let in_the_way = in_the_way(human, from, &paths)?;
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
    for path in &paths {
        checkout.path(path.as_slice());
    }
    human
        .checkout_tree(to.as_object(), Some(&mut checkout))
        .context("the files could not be written, and the branch was not moved")
}

/// Every path that differs between the two, and none that must never be written.
fn changed_paths(human: &Repository, from: &Commit<'_>, to: &Commit<'_>) -> Result<Vec<Vec<u8>>> {
    let (old, new) = (from.tree()?, to.tree()?);
    let mut options = DiffOptions::new();
    options.ignore_submodules(false);
    let diff = human.diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options))?;
    let mut paths = Vec::new();
    for delta in diff.deltas() {
        let (before, after) = (delta.old_file(), delta.new_file());
        let path = after
            .path_bytes()
            .or(before.path_bytes())
            .unwrap_or_default();
        let gone = delta.status() == Delta::Deleted;
        let link = match after.mode() {
            FileMode::Link if !gone => Some(human.find_blob(after.id())?.content().to_vec()),
            _ => None,
        };
        let leads_out = link.is_some_and(|target| !stays_inside(path, &target));
        if leads_out || (after.mode() == FileMode::Commit && !gone) {
            bail!(
                "{} is a link out of the tree or a submodule, which never lands: not pulled",
                shown(path)
            );
        }
        paths.push(path.to_vec());
    }
    Ok(paths)
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

/// True when a link at `path` to `target` leads to a place inside the tree. Pure.
fn stays_inside(path: &[u8], target: &[u8]) -> bool {
    if target.starts_with(b"/") {
        return false;
    }
    let mut depth = path.split(|b| *b == b'/').count() as i64 - 1;
    for part in target.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return false;
        }
    }
    true
}

fn some_of(paths: &[Vec<u8>]) -> String {
    let named: Vec<String> = paths.iter().take(PATHS_NAMED).map(|p| shown(p)).collect();
    match paths.len().saturating_sub(PATHS_NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn shown(path: &[u8]) -> String {
    ticket::text::one_line(&String::from_utf8_lossy(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_may_not_lead_out_of_the_tree() {
        let table = [
            ("a", "b", true),
            ("a/b", "../c", true),
            ("a/b", "./.././c", true),
            ("a", "..", false),
            ("a/b", "../../c", false),
            ("a/b", "c/../../../d/e", false),
            ("a", "/etc/passwd", false),
        ];
        for (path, target, inside) in table {
            let found = stays_inside(path.as_bytes(), target.as_bytes());
            assert_eq!(found, inside, "{path} to {target}");
        }
    }

    #[test]
    fn a_refusal_names_a_few_paths_without_control_characters() {
        let paths: Vec<Vec<u8>> = (0..7)
            .map(|n| format!("f{n}\x1b[2J").into_bytes())
            .collect();
        assert!(some_of(&paths).ends_with("f4[2J and 2 more"));
    }
}
