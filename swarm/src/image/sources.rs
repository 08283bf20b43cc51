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
            "the program '{name}' must lie beside {}: 'make install' and 'cargo install --path swarm' \
             install all of swarm's programs",
            own.display()
        )
    })?;
    if !bytes.starts_with(LINUX_PROGRAM) {
        bail!(
            "{} is no program for Linux, and containers need one: build swarm on Linux",
            file.display()
        );
    }
    if needs_linker(&bytes) {
        bail!(
            "{} needs a dynamic linker, which an image may not have: build swarm in its own folder, without \
             RUSTFLAGS in the environment",
            file.display()
        );
    }
    Ok(bytes)
}

/// Whether a program names the dynamic linker that starts it, in a header of its own.
fn needs_linker(program: &[u8]) -> bool {
    /// How a 64-bit little-endian program begins, behind [`LINUX_PROGRAM`].
    const LAYOUT: [u8; 2] = [2, 1];
    /// The kind of that header.
    const INTERPRETER: usize = 3;
    let number = |at: usize, length: usize| {
        let bytes = program.get(at..at.checked_add(length)?)?;
        let bytes = bytes.iter().rev();
        Some(bytes.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    let headers = || {
        let (first, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
        let kinds = (0..count).map(move |n| number(first.checked_add(n * size)?, 4));
        Some(kinds.flatten().any(|kind| kind == INTERPRETER))
    };
    program.get(4..6) == Some(&LAYOUT) && headers().unwrap_or(false)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_a_dynamic_linker_is_told_from_a_static_one() {
        let with_header = |kind: u8| {
            let mut program = vec![0; 128];
            program[..6].copy_from_slice(b"\x7fELF\x02\x01");
            // One header, of 56 bytes, right behind the first 64.
            (program[32], program[54], program[56]) = (64, 56, 1);
            program[64] = kind;
            program
        };
        assert!(needs_linker(&with_header(3)));
        assert!(!needs_linker(&with_header(1)));
        let mut far = with_header(3);
        far[32..40].fill(0xff);
        assert!(!needs_linker(&far));
        for length in 0..128 {
            needs_linker(&with_header(3)[..length]);
        }
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(!needs_linker(&own), "the project's settings make it static");
        assert!(
            needs_linker(&fs::read("/bin/sh").unwrap()),
            "one of the system"
        );
    }
}
