//! What a fast-forward would bring: the paths that change, what among them may never be written, and
//! what would run by itself once it is there. Reads objects only; no file is touched.

use std::collections::HashMap;

use anyhow::{Result, bail};
use git2::{Commit, Delta, DiffOptions, FileMode, ObjectType, Oid, Repository, Tree};

use super::own::Own;
use super::{runs, scripts, shown};
use crate::project::Project;
use crate::tree_name::{components, folded, is_forbidden, stays_inside};

/// The most files a tree may hold. Trees that name each other twice at every level hold more than any
/// disk, and none of them is larger than a few bytes.
const MOST_FILES: u64 = 2_000_000;
/// The most folders within each other.
const DEEPEST: usize = 200;
/// The longest name that file systems take, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest path, in bytes, with room for where the project is.
const LONGEST_PATH: usize = 3000;
/// A file of more bytes than this is told before it arrives.
const LARGE: u64 = 50 << 20;
/// How many names a path has by way of links, at most.
const MOST_NAMES: usize = 16;

/// What comes with a fast-forward.
#[derive(Debug)]
pub struct Changes {
    /// Every path that differs.
    pub paths: Vec<Vec<u8>>,
    /// How many bytes are to be written.
    pub bytes: u64,
    /// What a human looks at first.
    pub findings: Vec<Finding>,
}

/// A file that may run by itself once it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its path, as git has it.
    pub path: Vec<u8>,
    /// Why it is told.
    pub why: String,
}

/// A path that is new or different, and what is there now.
struct Change {
    path: Vec<u8>,
    old: Option<Oid>,
    new: Oid,
    mode: FileMode,
}

/// Reads what lies between the two. What may never be written is an error.
pub fn read(
    human: &Repository,
    project: &Project,
    from: &Commit<'_>,
    to: &Commit<'_>,
) -> Result<Changes> {
    let tree = to.tree()?;
    must_be_of_this_world(human, &tree)?;
    let (paths, changes) = differences(human, &from.tree()?, &tree)?;
    let mut bytes = 0u64;
    let mut findings = Vec::new();
    let own = Own::read(human, project.root())?;
    let links = links(human, &tree)?;
    if human.config()?.get_bool("core.ignorecase").unwrap_or(false) {
        must_not_collide(human, &tree, &changes)?;
    }
    for change in &changes {
        let size = must_be_writable(human, change)?;
        bytes = bytes.saturating_add(size);
        let why = why(human, &tree, &own, &links, change)?;
        findings.extend(why.into_iter().map(|why| Finding {
            path: change.path.clone(),
            why,
        }));
        if size > LARGE {
            findings.push(Finding {
                path: change.path.clone(),
                why: format!("it has {} MiB", size >> 20),
            });
        }
    }
    Ok(Changes {
        paths,
        bytes,
        findings,
    })
}

/// Counts files without looking at a folder twice, so that what is small on disk and endless when it
/// is written costs nothing to refuse.
fn must_be_of_this_world(human: &Repository, tree: &Tree<'_>) -> Result<()> {
    let files = count(human, tree, 0, &mut HashMap::new())?;
    if files > MOST_FILES {
        bail!("the tree holds more than {MOST_FILES} files, which no project does: not pulled");
    }
    Ok(())
}

fn count(
    human: &Repository,
    tree: &Tree<'_>,
    depth: usize,
    known: &mut HashMap<Oid, u64>,
) -> Result<u64> {
    if depth > DEEPEST {
        bail!("the tree has more than {DEEPEST} folders within each other: not pulled");
    }
    if let Some(files) = known.get(&tree.id()) {
        return Ok(*files);
    }
    let mut files = 0u64;
    for entry in tree.iter() {
        files = files.saturating_add(match entry.kind() {
            Some(ObjectType::Tree) => {
                count(human, &human.find_tree(entry.id())?, depth + 1, known)?
            }
            _ => 1,
        });
    }
    known.insert(tree.id(), files);
    Ok(files)
}

/// Calls `each` with the path, the mode and the object of everything in a tree, folders too.
fn walk(
    human: &Repository,
    tree: &Tree<'_>,
    folder: &[u8],
    each: &mut dyn FnMut(&[u8], i32, Oid),
) -> Result<()> {
    for entry in tree.iter() {
        let path = [folder, entry.name_bytes()].concat();
        each(&path, entry.filemode(), entry.id());
        if entry.kind() == Some(ObjectType::Tree) {
            let below = human.find_tree(entry.id())?;
            walk(human, &below, &[&path, b"/".as_slice()].concat(), each)?;
        }
    }
    Ok(())
}

/// All paths that differ, and of those that are there afterwards what they are.
fn differences(
    human: &Repository,
    old: &Tree<'_>,
    new: &Tree<'_>,
) -> Result<(Vec<Vec<u8>>, Vec<Change>)> {
    let mut options = DiffOptions::new();
    options.ignore_submodules(false).include_typechange(true);
    let diff = human.diff_tree_to_tree(Some(old), Some(new), Some(&mut options))?;
    let (mut paths, mut changes) = (Vec::new(), Vec::new());
    for delta in diff.deltas() {
        let (before, after) = (delta.old_file(), delta.new_file());
        let path = after.path_bytes().or(before.path_bytes());
        let path = path.unwrap_or_default().to_vec();
        paths.push(path.clone());
        if delta.status() != Delta::Deleted {
            changes.push(Change {
                path,
                old: before.exists().then(|| before.id()),
                new: after.id(),
                mode: after.mode(),
            });
        }
    }
    Ok((paths, changes))
}

/// Refuses what must not be written anywhere; returns how many bytes it has.
fn must_be_writable(human: &Repository, change: &Change) -> Result<u64> {
    let name = || shown(&change.path);
    if is_forbidden(&change.path) {
        bail!("{} has a name that never lands: not pulled", name());
    }
    let longest = components(&change.path).map(<[u8]>::len).max();
    if change.path.len() > LONGEST_PATH || longest > Some(LONGEST_NAME) {
        bail!("{} is too long for a name: not pulled", name());
    }
    let leads_out = || {
        let name = name();
        format!("{name} is a link out of the tree or a submodule, which never lands: not pulled")
    };
    match change.mode {
        FileMode::Commit => bail!(leads_out()),
        FileMode::Link => {
            let target = human.find_blob(change.new)?;
            if !stays_inside(&change.path, target.content()) {
                bail!(leads_out());
            }
        }
        _ => {}
    }
    let (size, kind) = human.odb()?.read_header(change.new)?;
    if kind != ObjectType::Blob {
        bail!("{} is not a file: not pulled", name());
    }
    Ok(size as u64)
}

/// On a file system that does not tell upper from lower case, one of two such files would be written
/// through the other.
fn must_not_collide(human: &Repository, tree: &Tree<'_>, changes: &[Change]) -> Result<()> {
    let mut seen: HashMap<String, Vec<u8>> = HashMap::new();
    let mut collisions = Vec::new();
    walk(human, tree, b"", &mut |path, _, _| {
        let names: Vec<String> = components(path).map(folded).collect();
        if let Some(other) = seen.insert(names.join("/"), path.to_vec()) {
            collisions.push((other, path.to_vec()));
        }
    })?;
    let concerns = |path: &[u8]| changes.iter().any(|change| change.path.starts_with(path));
    match collisions
        .iter()
        .find(|(one, other)| concerns(one) || concerns(other))
    {
        Some((one, other)) => bail!(
            "{} and {} are the same file on this file system: not pulled",
            shown(one),
            shown(other)
        ),
        None => Ok(()),
    }
}

/// Where the links of a tree are, and what they lead to in it.
fn links(human: &Repository, tree: &Tree<'_>) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut found = Vec::new();
    walk(human, tree, b"", &mut |path, mode, id| {
        if mode == i32::from(FileMode::Link) {
            found.push((path.to_vec(), id));
        }
    })?;
    let resolve = |(path, id): (Vec<u8>, Oid)| {
        let target = human.find_blob(id).ok()?.content().to_vec();
        let target = resolved(&path, &target)?;
        Some((path, target))
    };
    Ok(found.into_iter().filter_map(resolve).collect())
}

/// The path that a link leads to; none when that is not in the tree. Pure.
fn resolved(path: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    if target.starts_with(b"/") {
        return None;
    }
    let mut names: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
    names.pop();
    for name in target.split(|b| *b == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join(&b'/'))
}

/// The path, and what else it is called by way of links. Pure.
fn names_of(path: &[u8], links: &[(Vec<u8>, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut names = vec![path.to_vec()];
    let mut next = 0;
    while next < names.len() && names.len() < MOST_NAMES {
        let name = names[next].clone();
        next += 1;
        for (link, target) in links {
            let rest = match target.is_empty() {
                true => Some([b"/", name.as_slice()].concat()),
                false => name.strip_prefix(target.as_slice()).map(<[u8]>::to_vec),
            };
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest[0] == b'/') {
                let other = [link.as_slice(), &rest].concat();
                if !names.contains(&other) {
                    names.push(other);
                }
            }
        }
    }
    names
}

/// Why somebody should look at it first; nothing for an ordinary file.
fn why(
    human: &Repository,
    tree: &Tree<'_>,
    own: &Own,
    links: &[(Vec<u8>, Vec<u8>)],
    change: &Change,
) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for name in names_of(&change.path, links) {
        told.extend(runs::why(&name).map(String::from));
        told.extend(own.why(&name));
        if scripts::concerns(&name) && change.mode != FileMode::Link {
            let new = human.find_blob(change.new)?;
            let old = change.old.and_then(|id| human.find_blob(id).ok());
            let old = old.as_ref().map(git2::Blob::content);
            told.extend(scripts::added(&name, old, new.content()));
        }
    }
    if is_in_a_repository(human, tree, &change.path)? {
        told.push("it is in a folder that git takes for a repository, and obeys".into());
    }
    let mut once = Vec::new();
    for why in told {
        if !once.contains(&why) {
            once.push(why);
        }
    }
    Ok(once)
}

/// True below a folder that has what a bare repository has: git, called there, runs what its `config`
/// says.
fn is_in_a_repository(human: &Repository, tree: &Tree<'_>, path: &[u8]) -> Result<bool> {
    let mut folder = human.find_tree(tree.id())?;
    for name in path.split(|b| *b == b'/') {
        let has = |wanted: &str| folder.iter().any(|e| folded(e.name_bytes()) == wanted);
        if has("head") && (has("commondir") || (has("objects") && has("refs"))) {
            return Ok(true);
        }
        let below = folder.iter().find(|e| e.name_bytes() == name);
        let below = below.filter(|entry| entry.kind() == Some(ObjectType::Tree));
        let Some(id) = below.map(|entry| entry.id()) else {
            break;
        };
        folder = human.find_tree(id)?;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    #[test]
    fn a_link_is_followed_within_the_tree() {
        for (path, target, expected) in [
            ("a", "b/c", Some("b/c")),
            ("x/a", "../b", Some("b")),
            ("x/y/a", ".", Some("x/y")),
            ("a", "..", None),
            ("a", "/etc", None),
        ] {
            let found = resolved(path.as_bytes(), target.as_bytes());
            assert_eq!(found, expected.map(bytes), "{path} to {target}");
        }
    }

    #[test]
    fn what_links_lead_to_has_their_names_too() {
        let links = [
            (bytes(".vscode"), bytes("tools/editor")),
            (bytes("loop"), bytes("")),
        ];
        let names = names_of(b"tools/editor/tasks.json", &links);
        assert!(names.contains(&bytes(".vscode/tasks.json")), "{names:?}");
        assert!(names.len() <= MOST_NAMES * 2);
        assert_eq!(names_of(b"src/a", &links[..1]), [bytes("src/a")]);
    }
}
