//! How a project is tested, guessed from the files at its root.

use std::fs;
use std::path::Path;

/// What was recognised, and what follows for the two scripts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// `a Rust project`.
    pub what: &'static str,
    /// The lines that test it.
    pub verify: String,
    /// The lines that install what that needs.
    pub setup: String,
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

/// The first kind of project that the files speak for.
pub fn detect(root: &Path) -> Option<Detected> {
    [rust, node, python, go, make]
        .iter()
        .find_map(|kind| kind(root))
}

fn rust(root: &Path) -> Option<Detected> {
    read(root, "Cargo.toml")?;
    let locked = if has(root, "Cargo.lock") {
        " --locked"
    } else {
        ""
    };
    Some(Detected {
        what: "a Rust project",
        verify: format!("cargo test{locked}"),
        setup: setup(
            "# Debian's Rust is old: for a newer one build on an image that has it (image.base in\n\
             # .swarm/config.toml), such as rust:1-slim.\n\
             command -v cargo >/dev/null || install cargo",
        ),
    })
}

fn node(root: &Path) -> Option<Detected> {
    let package: serde_json::Value = serde_json::from_str(&read(root, "package.json")?).ok()?;
    let test = package["scripts"]["test"].as_str()?;
    // What `npm init` writes.
    if test.contains("no test specified") {
        return None;
    }
    let install = match has(root, "package-lock.json") {
        true => "npm ci --no-audit --no-fund",
        false => "npm install --no-audit --no-fund --no-package-lock",
    };
    Some(Detected {
        what: "a Node project",
        verify: format!("{install}\nnpm test"),
        setup: setup("command -v npm >/dev/null || install nodejs npm"),
    })
}

fn python(root: &Path) -> Option<Detected> {
    let named = ["pyproject.toml", "setup.py", "setup.cfg"];
    if !named.iter().any(|name| has(root, name)) && !has_python(&root.join("tests")) {
        return None;
    }
    let path = if root.join("src").is_dir() {
        "PYTHONPATH=src "
    } else {
        ""
    };
    Some(Detected {
        what: "a Python project",
        verify: format!(
            "export PYTHONDONTWRITEBYTECODE=1\n{path}python3 -m pytest -q -p no:cacheprovider"
        ),
        setup: setup(
            "command -v python3 >/dev/null || install python3\n\
             python3 -c 'import pytest' 2>/dev/null || python3 -m pip install pytest 2>/dev/null || install python3-pytest\n\
             # What the project itself needs comes here, such as:\n\
             # install python3-requests",
        ),
    })
}

fn go(root: &Path) -> Option<Detected> {
    read(root, "go.mod")?;
    Some(Detected {
        what: "a Go project",
        verify: "go test ./...".into(),
        setup: setup(
            "# For a newer Go build on an image that has it (image.base in .swarm/config.toml), such as\n\
             # golang:1.\n\
             command -v go >/dev/null || install golang",
        ),
    })
}

fn make(root: &Path) -> Option<Detected> {
    let makefile = ["GNUmakefile", "makefile", "Makefile"]
        .iter()
        .find_map(|name| read(root, name))?;
    has_target(&makefile, "test").then(|| Detected {
        what: "a project with 'make test'",
        verify: "make test".into(),
        setup: setup(
            "command -v make >/dev/null || install make\n\
             # What the tests need comes here, such as:\n\
             # install gcc libc6-dev",
        ),
    })
}

fn setup(lines: &str) -> String {
    format!("{INSTALL}\n{lines}")
}

/// True when a rule of the makefile makes `target`; assignments and `.PHONY` lines do not.
fn has_target(makefile: &str, target: &str) -> bool {
    makefile.lines().any(|line| {
        let starts = !line.starts_with(['\t', ' ', '#', '.']);
        match line.split_once(':') {
            Some((targets, rest))
                if starts && !rest.starts_with('=') && !rest.starts_with(":=") =>
            {
                targets.split_whitespace().any(|word| word == target)
            }
            _ => false,
        }
    })
}

fn read(root: &Path, name: &str) -> Option<String> {
    fs::read_to_string(root.join(name)).ok()
}

fn has(root: &Path, name: &str) -> bool {
    root.join(name).is_file()
}

fn has_python(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .any(|path| path.extension().is_some_and(|extension| extension == "py"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(files: &[(&str, &str)]) -> Option<Detected> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = dir.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        detect(dir.path())
    }

    #[test]
    fn the_test_command_follows_from_the_files() {
        type Files = &'static [(&'static str, &'static str)];
        let table: [(Files, Option<&str>); 15] = [
            (&[], None),
            (&[("README.md", "")], None),
            (&[("Cargo.toml", "")], Some("cargo test")),
            (
                &[("Cargo.toml", ""), ("Cargo.lock", "")],
                Some("cargo test --locked"),
            ),
            (
                &[("package.json", r#"{"scripts":{"test":"jest"}}"#)],
                Some("npm test"),
            ),
            (
                &[
                    ("package.json", r#"{"scripts":{"test":"jest"}}"#),
                    ("package-lock.json", ""),
                ],
                Some("npm ci"),
            ),
            (
                &[(
                    "package.json",
                    r#"{"scripts":{"test":"echo no test specified"}}"#,
                )],
                None,
            ),
            (
                &[("package.json", "{}"), ("go.mod", "")],
                Some("go test ./..."),
            ),
            (&[("pyproject.toml", "")], Some("python3 -m pytest")),
            (
                &[("setup.py", ""), ("src/a.py", "")],
                Some("PYTHONPATH=src python3 -m pytest"),
            ),
            (&[("tests/test_a.py", "")], Some("python3 -m pytest")),
            (&[("tests/run.sh", "")], None),
            (
                &[("Makefile", "all:\n\techo\nlint test: all\n\techo\n")],
                Some("make test"),
            ),
            (
                &[("Makefile", ".PHONY: test\ntest := 1\n\ttest: x\n#test:\n")],
                None,
            ),
            (
                &[("Makefile", "test:\n"), ("Cargo.toml", "")],
                Some("cargo test"),
            ),
        ];
        for (files, command) in table {
            let found = detected(files).map(|found| found.verify);
            match (&found, command) {
                (Some(found), Some(command)) => {
                    assert!(found.contains(command), "{files:?}: {found}")
                }
                (found, command) => assert_eq!(found.as_deref(), command, "{files:?}"),
            }
        }
    }
}
