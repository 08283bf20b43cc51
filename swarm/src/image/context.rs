//! The files that a build sends to the engine, and the hash that names the result. Pure.
//!
//! Times and owners are the same for every build: the engine's cache and our hash see contents.

use std::collections::BTreeMap;

use anyhow::Result;
use sha2::{Digest, Sha256};

/// Hex digits of a tag: enough that no two builds of one host ever share it.
const TAG_DIGITS: usize = 16;

/// A build's context by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Folder,
    File { bytes: Vec<u8>, executable: bool },
}

impl Files {
    /// A context with this `Dockerfile`.
    pub fn with_recipe(recipe: &str) -> Files {
        let mut files = Files::default();
        files.add("Dockerfile", recipe.into(), false);
        files
    }

    /// Adds a file.
    pub fn add(&mut self, path: &str, bytes: Vec<u8>, executable: bool) {
        let entry = Entry::File { bytes, executable };
        self.entries.insert(path.into(), entry);
    }

    /// Adds a folder.
    pub fn add_folder(&mut self, path: &str) {
        self.entries.insert(path.into(), Entry::Folder);
    }

    /// The tag of what is built from these files with these arguments.
    pub fn hash(&self, args: &BTreeMap<String, String>) -> String {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for (name, value) in args {
            field(name.as_bytes());
            field(value.as_bytes());
        }
        for (path, entry) in &self.entries {
            field(path.as_bytes());
            match entry {
                Entry::Folder => field(b"folder"),
                Entry::File { bytes, executable } => {
                    field(if *executable { b"program" } else { b"file" });
                    field(bytes);
                }
            }
        }
        let digest = hash.finalize();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        hex[..TAG_DIGITS].into()
    }

    /// The files as a tar archive.
    pub fn tar(&self) -> Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, entry) in &self.entries {
            let mut header = tar::Header::new_gnu();
            header.set_mtime(0);
            let (kind, mode, bytes): (_, _, &[u8]) = match entry {
                Entry::Folder => (tar::EntryType::Directory, 0o755, &[]),
                Entry::File { bytes, executable } => {
                    let mode = if *executable { 0o755 } else { 0o644 };
                    (tar::EntryType::Regular, mode, bytes)
                }
            };
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, bytes)?;
        }
        Ok(archive.into_inner()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(content: &str, executable: bool) -> Files {
        let mut files = Files::with_recipe("FROM x");
        files.add_folder("extra");
        files.add("extra/tool", content.into(), executable);
        files
    }

    #[test]
    fn the_tag_follows_every_input() {
        let none = BTreeMap::new();
        let tag = files("a", true).hash(&none);
        assert_eq!(tag.len(), TAG_DIGITS);
        assert_eq!(tag, files("a", true).hash(&none));
        let args = BTreeMap::from([("BASE".to_string(), "x".to_string())]);
        for other in [
            files("b", true).hash(&none),
            files("a", false).hash(&none),
            files("a", true).hash(&args),
            Files::with_recipe("FROM x").hash(&none),
        ] {
            assert_ne!(tag, other);
        }
    }

    #[test]
    fn the_archive_holds_modes_and_contents() {
        let archive = files("echo", true).tar().unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            (path, entry.header().mode().unwrap(), entry.size())
        });
        let expected = [
            ("Dockerfile", 0o644, 6),
            ("extra", 0o755, 0),
            ("extra/tool", 0o755, 4),
        ];
        let expected = expected.map(|(path, mode, size)| (path.to_string(), mode, size));
        assert_eq!(entries.collect::<Vec<_>>(), expected);
    }
}
