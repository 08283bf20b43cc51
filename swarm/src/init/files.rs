//! The files that init adds to the human's repository, and the commit that holds them and nothing
//! else. What is staged, changed or lying around stays as it is.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use git2::{FileMode, IndexEntry, IndexTime, Oid, Repository, Signature, Tree};

use crate::project::FOLDER;

const GITIGNORE: &str = ".gitignore";
/// The line that keeps our own folder out.
const OWN_LINE: &str = ".swarm/";
const MESSAGE: &str = "Add what swarm needs\n";

/// A file that the project needs at its root.
pub struct NewFile {
    /// Its name.
    pub name: &'static str,
    /// What is in it when there is none yet.
    pub text: String,
    /// Whether it is a program.
    pub executable: bool,
}

/// What became of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Names that are now committed.
    pub committed: Vec<String>,
    /// Names that were committed before and stay as they are.
    pub kept: Vec<String>,
}

/// What became of files that were to be replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Names that are now committed.
    pub committed: Vec<String>,
    /// Names that the human had changed without committing it: they stay as they are.
    pub left: Vec<String>,
}

/// Writes these files whatever is in them, and commits them on `branch`, which is checked out. One
/// that differs from what is committed holds work of the human's and is left alone.
pub fn replace(
    repository: &Repository,
    root: &Path,
    branch: &str,
    files: &[NewFile],
    message: &str,
) -> Result<Replaced> {
    must_be_on(repository, branch)?;
    let parent = repository.find_reference("HEAD")?.peel_to_commit()?;
    let tree = parent.tree()?;
    let mut index = repository.index()?;
    let mut builder = repository.treebuilder(Some(&tree))?;
    let mut replaced = Replaced::default();
    for file in files {
        let committed = tree.get_name(file.name).map(|entry| entry.id());
        let staged = index
            .get_path(Path::new(file.name), 0)
            .map(|entry| entry.id);
        let blob = repository.blob(file.text.as_bytes())?;
        let is_kept = |id: Option<Oid>| id == committed || id == Some(blob);
        if !is_kept(lying(&root.join(file.name))?) || !is_kept(staged) {
            replaced.left.push(file.name.into());
            continue;
        }
        let mode = match file.executable {
            true => FileMode::BlobExecutable,
            false => FileMode::Blob,
        };
        put(root, file)?;
        builder.insert(file.name, blob, mode.into())?;
        index.add(&entry(file.name, blob, mode, file.text.len()))?;
        replaced.committed.push(file.name.into());
    }
    let new = builder.write()?;
    if new != tree.id() {
        let author = signature(repository)?;
        let new = repository.find_tree(new)?;
        repository
            .commit(Some("HEAD"), &author, &author, message, &new, &[&parent])
            .context("cannot commit the new files")?;
    }
    index.write()?;
    Ok(replaced)
}

/// Refuses a repository that has another branch checked out.
pub fn must_be_on(repository: &Repository, branch: &str) -> Result<()> {
    let head = repository.find_reference("HEAD")?;
    if head.symbolic_target()? != Some(format!("refs/heads/{branch}").as_str()) {
        bail!("another branch than '{branch}' is checked out: 'git checkout {branch}' first");
    }
    Ok(())
}

/// What git would call the file that lies there. Anything but a file is like no file of git's.
fn lying(path: &Path) -> Result<Option<Oid>> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => {
            let id = Oid::hash_file(git2::ObjectType::Blob, path);
            Ok(Some(id.with_context(|| {
                format!("cannot read {}", path.display())
            })?))
        }
        Ok(_) => Ok(Some(Oid::ZERO_SHA1)),
        Err(_) => Ok(None),
    }
}

/// Writes a file whole or not at all.
fn put(root: &Path, file: &NewFile) -> Result<()> {
    let path = root.join(file.name);
    let draft = root.join(FOLDER).join(format!("{}.new", file.name));
    let mode = if file.executable { 0o755 } else { 0o644 };
    fs::write(&draft, &file.text)
        .and_then(|()| fs::set_permissions(&draft, fs::Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&draft, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes what is missing and commits it on the branch that HEAD names, born or not. `leftovers` are what
/// builds and tests leave, as `.gitignore` names it: those lines are added that git needs.
pub fn add(
    repository: &Repository,
    root: &Path,
    files: &[NewFile],
    leftovers: &[&str],
) -> Result<Added> {
    let parent = match repository.head() {
        Ok(head) => Some(head.peel_to_commit()?),
        Err(_) => None,
    };
    let tree = parent.as_ref().map(|commit| commit.tree()).transpose()?;
    let mut index = repository.index()?;
    let mut builder = repository.treebuilder(tree.as_ref())?;
    let mut added = Added::default();
    let mut ignored = vec![OWN_LINE];
    ignored.extend(
        leftovers
            .iter()
            .filter(|line| is_needed(line, repository, &index)),
    );

    for file in files {
        if in_tree(tree.as_ref(), file.name) {
            added.kept.push(file.name.into());
            continue;
        }
        let (bytes, mode) = write_if_missing(root, file)?;
        let blob = repository.blob(&bytes)?;
        builder.insert(file.name, blob, mode.into())?;
        if index.get_path(Path::new(file.name), 0).is_none() {
            index.add(&entry(file.name, blob, mode, bytes.len()))?;
        }
        added.committed.push(file.name.into());
    }
    if let Some((blob, size)) = ignore(repository, root, &ignored, tree.as_ref(), &mut index)? {
        builder.insert(GITIGNORE, blob, FileMode::Blob.into())?;
        if index.get_path(Path::new(GITIGNORE), 0).is_none() {
            index.add(&entry(GITIGNORE, blob, FileMode::Blob, size))?;
        }
        added.committed.push(GITIGNORE.into());
    }
    if added.committed.is_empty() {
        return Ok(added);
    }
    let tree = repository.find_tree(builder.write()?)?;
    let author = signature(repository)?;
    let parents: Vec<_> = parent.iter().collect();
    repository
        .commit(Some("HEAD"), &author, &author, MESSAGE, &tree, &parents)
        .context("cannot commit the new files")?;
    index.write()?;
    Ok(added)
}

/// Commits every file that is not ignored, if there are any: the first commit of a folder that was
/// no repository. Returns how many there are.
pub fn commit_all(repository: &Repository) -> Result<usize> {
    let mut index = repository.index()?;
    index
        .add_all(["*"], git2::IndexAddOption::DEFAULT, None)
        .context("cannot add the folder's files")?;
    if index.is_empty() {
        return Ok(0);
    }
    let tree = repository.find_tree(index.write_tree()?)?;
    let author = signature(repository)?;
    repository.commit(Some("HEAD"), &author, &author, "Start\n", &tree, &[])?;
    index.write()?;
    Ok(index.len())
}

/// The human as git knows them, or swarm where git does not.
fn signature(repository: &Repository) -> Result<Signature<'static>> {
    Ok(repository
        .signature()
        .or_else(|_| Signature::now("swarm", "swarm@localhost"))?)
}

fn in_tree(tree: Option<&Tree<'_>>, name: &str) -> bool {
    tree.is_some_and(|tree| tree.get_name(name).is_some())
}

/// A file that is there but was never committed is taken as it is.
fn write_if_missing(root: &Path, file: &NewFile) -> Result<(Vec<u8>, FileMode)> {
    let path = root.join(file.name);
    let wanted = if file.executable { 0o755 } else { 0o644 };
    let open = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(wanted)
        .open(&path);
    match open {
        Ok(mut new) => new
            .write_all(file.text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot write {}", path.display()));
        }
    }
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mode = fs::metadata(&path)?.permissions().mode();
    let mode = match mode & 0o100 {
        0 => FileMode::Blob,
        _ => FileMode::BlobExecutable,
    };
    Ok((bytes, mode))
}

/// Whether git would take what this line of `.gitignore` names, and has none of it so far.
fn is_needed(line: &str, repository: &Repository, index: &git2::Index) -> bool {
    let name = line.trim_end_matches('/');
    let sample = match line.ends_with('/') {
        true => format!("{name}/x"),
        false => name.to_owned(),
    };
    let sample = sample.replace('*', "x");
    let is_named = |path: &[u8]| {
        let mut parts = path.split(|byte| *byte == b'/');
        parts.any(|part| match name.strip_prefix('*') {
            Some(ending) => part.ends_with(ending.as_bytes()),
            None => part == name.as_bytes(),
        })
    };
    !repository.is_path_ignored(sample).unwrap_or(false)
        && !index.iter().any(|entry| is_named(&entry.path))
}

/// Adds the lines to `.gitignore` in three places that may differ: what is committed, what is
/// staged, and what lies in the tree. Returns the committed one, when that changes.
fn ignore(
    repository: &Repository,
    root: &Path,
    lines: &[&str],
    tree: Option<&Tree<'_>>,
    index: &mut git2::Index,
) -> Result<Option<(Oid, usize)>> {
    let file = root.join(GITIGNORE);
    let lying = fs::read_to_string(&file).unwrap_or_default();
    if let Some(text) = with_lines(&lying, lines) {
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(mut staged) = index.get_path(Path::new(GITIGNORE), 0) {
        let text = String::from_utf8_lossy(repository.find_blob(staged.id)?.content()).into_owned();
        if let Some(text) = with_lines(&text, lines) {
            staged.id = repository.blob(text.as_bytes())?;
            // Unknown size and time make git compare contents.
            staged.file_size = 0;
            staged.mtime = IndexTime::new(0, 0);
            index.add(&staged)?;
        }
    }
    let committed = match tree.and_then(|tree| tree.get_name(GITIGNORE)) {
        Some(entry) => {
            let blob = entry.to_object(repository)?.peel_to_blob()?;
            String::from_utf8_lossy(blob.content()).into_owned()
        }
        None => String::new(),
    };
    match with_lines(&committed, lines) {
        Some(text) => Ok(Some((repository.blob(text.as_bytes())?, text.len()))),
        None => Ok(None),
    }
}

/// The text with those of these lines that it lacks; none when it lacks none. Pure.
fn with_lines(text: &str, lines: &[&str]) -> Option<String> {
    let bare = |line: &str| line.trim().trim_matches('/').to_owned();
    let has: Vec<String> = text.lines().map(bare).collect();
    let mut missing = lines
        .iter()
        .filter(|line| !has.contains(&bare(line)))
        .peekable();
    missing.peek()?;
    let end = match text.is_empty() || text.ends_with('\n') {
        true => "",
        false => "\n",
    };
    let missing = missing.map(|line| format!("{line}\n"));
    Some(format!("{text}{end}{}", missing.collect::<String>()))
}

fn entry(name: &str, id: Oid, mode: FileMode, size: usize) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: u32::from(mode),
        uid: 0,
        gid: 0,
        file_size: u32::try_from(size).unwrap_or(0),
        id,
        flags: 0,
        flags_extended: 0,
        path: name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_named_once() {
        let table = [
            ("", Some(".swarm/\n*.pyc\n")),
            ("target", Some("target\n.swarm/\n*.pyc\n")),
            ("*.pyc\n", Some("*.pyc\n.swarm/\n")),
            ("*.pyc\n/.swarm/\n", None),
            ("*.pyc\n.swarm", None),
            (".swarms/\n", Some(".swarms/\n.swarm/\n*.pyc\n")),
        ];
        for (before, after) in table {
            let found = with_lines(before, &[OWN_LINE, "*.pyc"]);
            assert_eq!(found.as_deref(), after, "{before:?}");
        }
    }
}
