//! Files that run something only for what is in them: a package's scripts, a build's hooks, filters. The
//! new content is compared with the old, so that only what an agent added is told. Pure.

use serde_json::Value as Json;
use toml::Table;

use crate::tree_name::{components, folded};

/// Scripts of `package.json` that run when packages are installed.
const NPM: [&str; 10] = [
    "preinstall",
    "install",
    "postinstall",
    "prepublish",
    "preprepare",
    "prepare",
    "postprepare",
    "dependencies",
    "pnpm:devPreinstall",
    "prepack",
];
/// Build backends of Python that run nothing of the project's unless something else says so.
const BACKENDS: [&str; 9] = [
    "flit_core.buildapi",
    "hatchling.build",
    "maturin",
    "mesonpy",
    "pdm.backend",
    "poetry.core.masonry.api",
    "scikit_build_core.build",
    "setuptools.build_meta",
    "uv_build",
];
/// Tables of `pyproject.toml` that name code which runs when the project is installed.
const PYTHON_HOOKS: [&[&str]; 7] = [
    &["build-system", "backend-path"],
    &["tool", "hatch", "build", "hooks"],
    &["tool", "hatch", "metadata", "hooks"],
    &["tool", "setuptools", "cmdclass"],
    &["tool", "poetry", "build"],
    &["tool", "pdm", "build"],
    &["tool", "pdm", "version"],
];
/// Attributes that make git run a program, where the configuration has one of that name.
const ATTRIBUTES: [&str; 3] = ["filter=", "merge=", "diff="];
/// The largest file that is looked into; a larger one is told as it is.
const LARGEST: usize = 4 << 20;

/// Whether [`added`] looks into files of this name.
pub fn concerns(path: &[u8]) -> bool {
    reader(path).is_some()
}

/// What runs by itself in `new` and did not in `old`: short sentences.
pub fn added(path: &[u8], old: Option<&[u8]>, new: &[u8]) -> Vec<String> {
    let Some(read) = reader(path) else {
        return Vec::new();
    };
    let unreadable = || vec!["it could not be read, so what it runs is not known".to_owned()];
    if new.len() > LARGEST {
        return unreadable();
    }
    let Some(found) = read(&text(new)) else {
        return unreadable();
    };
    let before = old.and_then(|old| read(&text(old))).unwrap_or_default();
    let fresh = found.into_iter().filter(|one| !before.contains(one));
    fresh.map(|(_, why)| why).collect()
}

/// What a file runs: its content, and the sentence. None when it cannot be read.
type Reader = fn(&str) -> Option<Vec<(String, String)>>;

fn reader(path: &[u8]) -> Option<Reader> {
    Some(match folded(components(path).last()?).as_str() {
        "package.json" => package_json,
        "composer.json" => composer_json,
        "pyproject.toml" => pyproject,
        "cargo.toml" => cargo,
        ".gitattributes" => attributes,
        _ => return None,
    })
}

fn package_json(text: &str) -> Option<Vec<(String, String)>> {
    let package: Json = serde_json::from_str(text).ok()?;
    let scripts = NPM.iter().filter_map(|name| {
        let script = package["scripts"].get(name)?;
        let why = format!("its script '{name}' runs when packages are installed");
        Some((format!("{name} {script}"), why))
    });
    Some(scripts.collect())
}

fn composer_json(text: &str) -> Option<Vec<(String, String)>> {
    let package: Json = serde_json::from_str(text).ok()?;
    let scripts = package["scripts"].as_object().into_iter().flatten();
    let scripts = scripts.filter(|(name, _)| name.starts_with("pre-") || name.starts_with("post-"));
    let told = scripts.map(|(name, script)| {
        let name = short(name);
        let why = format!("its script '{name}' runs when packages are installed");
        (format!("{name} {script}"), why)
    });
    Some(told.collect())
}

fn pyproject(text: &str) -> Option<Vec<(String, String)>> {
    let project: Table = toml::from_str(text).ok()?;
    let at = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        let start = project.get(*first)?;
        rest.iter().try_fold(start, |value, key| value.get(key))
    };
    let mut told: Vec<(String, String)> = PYTHON_HOOKS
        .iter()
        .filter_map(|path| {
            let value = at(path)?;
            let key = path.join(".");
            let why = format!("its {key} runs when the project is installed");
            Some((format!("{key} {value}"), why))
        })
        .collect();
    let backend = at(&["build-system", "build-backend"]).and_then(toml::Value::as_str);
    if let Some(backend) = backend.filter(|backend| !BACKENDS.contains(backend)) {
        let why = "its build-backend runs when the project is installed".to_owned();
        told.push((format!("backend {backend}"), why));
    }
    Some(told)
}

fn cargo(text: &str) -> Option<Vec<(String, String)>> {
    let manifest: Table = toml::from_str(text).ok()?;
    let of = |section: &str, key: &str| manifest.get(section)?.get(key).cloned();
    let mut told = Vec::new();
    if let Some(build) = of("package", "build").filter(|build| build.as_bool() != Some(false)) {
        let why = "its build script is run by editors on their own".to_owned();
        told.push((format!("build {build}"), why));
    }
    let is_macro = |key: &str| of("lib", key).and_then(|v| v.as_bool()) == Some(true);
    if is_macro("proc-macro") || is_macro("proc_macro") {
        let why = "it makes procedural macros, which editors run on their own".to_owned();
        told.push(("proc-macro".into(), why));
    }
    Some(told)
}

fn attributes(text: &str) -> Option<Vec<(String, String)>> {
    let lines = text.lines().map(str::trim).filter(|l| !l.starts_with('#'));
    let told = lines.flat_map(|line| {
        let words = line.split_whitespace().skip(1);
        let programs = words.filter(|word| ATTRIBUTES.iter().any(|a| word.starts_with(a)));
        programs.map(move |word| {
            let why = format!("it sets {}, which git may run a program for", short(word));
            (line.to_owned(), why)
        })
    });
    Some(told.collect())
}

/// npm and others overlook a mark at the beginning.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_start_matches('\u{feff}').to_owned()
}

fn short(text: &str) -> String {
    ticket::text::one_line(text).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_and_runs_is_told() {
        type Case = (&'static str, Option<&'static str>, &'static str, usize);
        let cases: [Case; 19] = [
            ("package.json", None, r#"{"scripts":{"test":"x"}}"#, 0),
            (
                "package.json",
                None,
                r#"{"scripts":{"postinstall":"x"}}"#,
                1,
            ),
            (
                "a/Package.JSON",
                None,
                r#"{"scripts":{"prepare":"x","install":"y"}}"#,
                2,
            ),
            (
                "package.json",
                Some(r#"{"scripts":{"prepare":"x"}}"#),
                r#"{"scripts":{"prepare":"x","test":"y"}}"#,
                0,
            ),
            (
                "package.json",
                Some(r#"{"scripts":{"prepare":"x"}}"#),
                r#"{"scripts":{"prepare":"x; evil"}}"#,
                1,
            ),
            (
                "package.json",
                None,
                "\u{feff}{\"scripts\":{\"install\":\"x\"}}",
                1,
            ),
            ("package.json", None, "{", 1),
            (
                "composer.json",
                None,
                r#"{"scripts":{"post-install-cmd":["x"],"test":"y"}}"#,
                1,
            ),
            (
                "pyproject.toml",
                None,
                "[build-system]\nbuild-backend = \"hatchling.build\"\n",
                0,
            ),
            (
                "pyproject.toml",
                None,
                "[build-system]\nbuild-backend = \"mine\"\nbackend-path = [\".\"]\n",
                2,
            ),
            (
                "pyproject.toml",
                None,
                "[tool.hatch.build.hooks.custom]\npath = \"x.py\"\n",
                1,
            ),
            (
                "pyproject.toml",
                Some("[tool.pdm.build]\nx = 1\n"),
                "[tool.pdm.build]\nx = 1\n",
                0,
            ),
            ("Cargo.toml", None, "[package]\nname = \"a\"\n", 0),
            (
                "Cargo.toml",
                None,
                "[package]\nname = \"a\"\nbuild = \"src/x.rs\"\n",
                1,
            ),
            ("Cargo.toml", None, "[lib]\nproc-macro = true\n", 1),
            (
                ".gitattributes",
                None,
                "*.txt text eol=lf\n# a filter=b\n",
                0,
            ),
            (
                ".gitattributes",
                None,
                "*.bin filter=lfs diff=lfs -text\n",
                2,
            ),
            (
                ".gitattributes",
                Some("*.bin filter=lfs\n"),
                "*.bin filter=lfs\n*.c text\n",
                0,
            ),
            ("other.json", None, r#"{"scripts":{"install":"x"}}"#, 0),
        ];
        for (path, old, new, told) in cases {
            let found = added(path.as_bytes(), old.map(str::as_bytes), new.as_bytes());
            assert_eq!(found.len(), told, "{path}: {new}: {found:?}");
        }
    }
}
