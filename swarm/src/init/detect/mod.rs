//! How a project is checked, guessed from the files at its root: what `verify.sh` runs, what
//! `project-setup.sh` installs, and on which image. One file for each kind of project.
//!
//! Of linters only those are proposed that the project uses already: a gate that is red on the first
//! day is of no use.

use std::fs;
use std::path::Path;

mod go;
mod java;
mod make;
mod node;
mod others;
mod python;
mod rust;

/// What was recognised, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// `a Rust project`.
    pub what: &'static str,
    /// The lines that check it.
    pub verify: String,
    /// The lines that install what that needs.
    pub setup: String,
    /// The image that has most of that; none when any image does.
    pub image: Option<String>,
    /// What its builds and tests leave in the tree, as `.gitignore` names it.
    pub leaves: &'static [&'static str],
    /// What else was recognised, and is not checked.
    pub also: Vec<&'static str>,
}

/// Installs packages by whatever the base image has.
const INSTALL: &str = r#"install() {
    if command -v apt-get >/dev/null; then
        apt-get update
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
        rm -rf /var/lib/apt/lists/*
    else
        apk add --no-cache "$@"
    fi
}
"#;
/// Where projects say what their builds run.
const RECIPES: [&str; 8] = [
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "tox.ini",
    "noxfile.py",
    ".gitlab-ci.yml",
    ".pre-commit-config.yaml",
];
/// The longest file that is looked into, in bytes.
const LONGEST: u64 = 1 << 20;

/// The first kind of project that the files speak for, and which others do.
pub fn detect(root: &Path) -> Option<Detected> {
    let kinds = [
        rust::detect,
        node::detect,
        python::detect,
        go::detect,
        java::detect,
        others::dotnet,
        others::ruby,
        others::php,
        others::elixir,
        make::detect,
        others::cmake,
    ];
    let mut found = kinds.iter().filter_map(|kind| kind(root));
    let mut first = found.next()?;
    // Make and CMake call the others.
    let also = found.map(|other| other.what);
    first.also = also
        .filter(|what| !what.contains("make") && !what.contains("CMake"))
        .collect();
    Some(first)
}

impl Detected {
    fn new(what: &'static str, verify: &[String], setup: &str) -> Detected {
        Detected {
            what,
            verify: verify.join("\n"),
            setup: format!("{INSTALL}\n{}", setup.trim_end()),
            image: None,
            leaves: &[],
            also: Vec::new(),
        }
    }

    fn on(mut self, image: impl Into<String>) -> Detected {
        self.image = Some(image.into());
        self
    }

    fn leaving(mut self, leaves: &'static [&'static str]) -> Detected {
        self.leaves = leaves;
        self
    }
}

/// A file at the root; none when there is no such file, or a very long one.
fn read(root: &Path, name: &str) -> Option<String> {
    let file = root.join(name);
    let size = fs::metadata(&file).ok()?.len();
    (size <= LONGEST).then(|| fs::read_to_string(&file).ok())?
}

fn has(root: &Path, name: &str) -> bool {
    root.join(name).is_file()
}

/// The first of these files that is there.
fn first<'a>(root: &Path, names: &[&'a str]) -> Option<&'a str> {
    names.iter().copied().find(|name| has(root, name))
}

/// Whether a recipe or a workflow of the project has these words.
fn runs(root: &Path, words: &str) -> bool {
    let workflows = names_in(&root.join(".github/workflows"));
    let workflows = workflows
        .iter()
        .map(|name| format!(".github/workflows/{name}"));
    RECIPES
        .iter()
        .map(|name| (*name).to_owned())
        .chain(workflows)
        .filter_map(|name| read(root, &name))
        .any(|text| text.contains(words))
}

/// The names in a folder, in order; nothing when it is not there.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// `1.2` of `v1.2.3`, `>=1.2`: the first so many numbers of a version. None when there are fewer.
fn version(text: &str, parts: usize) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let number = text[start..]
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?;
    let numbers: Vec<&str> = number
        .split('.')
        .filter(|n| !n.is_empty())
        .take(parts)
        .collect();
    (numbers.len() == parts).then(|| numbers.join("."))
}

/// Lines as they are written into a script.
fn lines<const N: usize>(lines: [&str; N]) -> Vec<String> {
    lines.map(String::from).into()
}

#[cfg(test)]
mod tests;
