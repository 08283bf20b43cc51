//! Where the files of an image come from: our programs, the project's set-up script, the files the
//! human put beside it, and the host's certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Files;
use crate::project::Project;

/// What runs when the base branch has no `project-setup.sh`.
const NO_SETUP: &[u8] = b"#!/bin/sh\n";
/// How a program for Linux begins.
const LINUX_PROGRAM: &[u8] = b"\x7fELF";
/// The variables by which people tell programs of their proxy's certificates.
const CERTIFICATE_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"];

/// One of our own programs, from beside the running one.
pub fn program(name: &str) -> Result<Vec<u8>> {
    let own = std::env::current_exe().context("cannot tell where swarm itself is")?;
    let file = own.with_file_name(name);
    let bytes = fs::read(&file).with_context(|| {
        format!(
            "the program '{name}' must lie beside {}: 'make install' installs all of swarm's programs, \
             and so do four calls of 'cargo install --path', one for each of swarm, ticket, monitor \
             and agent-runner",
            own.display()
        )
    })?;
    if !bytes.starts_with(LINUX_PROGRAM) {
        bail!(
            "{} is no program for Linux, and containers need one: build swarm on Linux",
            file.display()
        );
    }
    Ok(bytes)
}

/// `project-setup.sh` as the base branch has it; what lies in the human's tree does not count.
pub fn project_setup(project: &Project, branch: &str) -> Result<Vec<u8>> {
    let file = project.repository();
    let repository = git2::Repository::open_bare(&file)
        .with_context(|| format!("cannot open {}", file.display()))?;
    let head = repository
        .find_branch(branch, git2::BranchType::Local)
        .with_context(|| format!("{} has no branch '{branch}'", file.display()))?;
    let tree = head.get().peel_to_tree()?;
    let Some(entry) = tree.get_name("project-setup.sh") else {
        return Ok(NO_SETUP.into());
    };
    match entry.to_object(&repository)?.as_blob() {
        Some(blob) => Ok(blob.content().into()),
        None => bail!("project-setup.sh on branch '{branch}' is not a file"),
    }
}

/// The certificates that the host trusts where its environment says so, else nothing.
pub fn certificates() -> Result<Vec<u8>> {
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    for name in CERTIFICATE_VARIABLES {
        let Some(file) = std::env::var(name).ok().filter(|file| !file.is_empty()) else {
            continue;
        };
        if found.iter().any(|(known, _)| *known == file) {
            continue;
        }
        let bytes = fs::read(&file).with_context(|| format!("{name} names {file}"))?;
        found.push((file, bytes));
    }
    let bundles = found.into_iter().map(|(_, bytes)| bytes);
    Ok(bundles.collect::<Vec<_>>().join(&b'\n'))
}

/// Every file below `folder`, as `<place>/<path>`.
pub fn extra_files(folder: &Path, place: &str, files: &mut Files) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else {
            bail!("{} has a name that is not UTF-8", path.display());
        };
        let place = format!("{place}/{name}");
        if entry.file_type()?.is_dir() {
            files.add_folder(&place);
            extra_files(&path, &place, files)?;
            continue;
        }
        let metadata =
            fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if !metadata.is_file() {
            bail!(
                "{} is not a file: only files can go into the image",
                path.display()
            );
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.add(&place, bytes, metadata.permissions().mode() & 0o100 != 0);
    }
    Ok(())
}
