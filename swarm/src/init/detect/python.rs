//! pip, uv and poetry; pytest, which runs tests of unittest too.

use std::path::Path;

use toml::Table;

use super::{Detected, first, has, lines, names_in, read, runs, version};

/// The newest Python that is proposed.
const NEWEST: &str = "3.13";
/// Files that list what a project needs, for its tests too.
const REQUIREMENTS: [&str; 6] = [
    "requirements.txt",
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
    "test-requirements.txt",
];

/// What Python and pytest write beside the sources.
const LEAVES: [&str; 4] = ["__pycache__/", "*.pyc", ".pytest_cache/", "*.egg-info/"];

pub fn detect(root: &Path) -> Option<Detected> {
    let named = [
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "requirements.txt",
    ];
    if first(root, &named).is_none() && !has_python(&root.join("tests")) {
        return None;
    }
    let project: Table = read(root, "pyproject.toml")
        .and_then(|text| toml::from_str(&text).ok())
        .unwrap_or_default();
    let linters = linters(root, &project);
    let detected = match () {
        () if has(root, "uv.lock") => with_uv(&linters),
        () if has(root, "poetry.lock") => with_poetry(&linters),
        () if needs_packages(root, &project) => with_pip(root, &linters),
        () => alone(root, &linters),
    };
    let image = format!("python:{}-slim-bookworm", newest(root, &project));
    Some(detected.on(image).leaving(&LEAVES))
}

/// Linters that the project has set up: what is installed, and how it is called.
fn linters(root: &Path, project: &Table) -> Vec<(&'static str, &'static str)> {
    let tool = |name: &str| {
        project
            .get("tool")
            .is_some_and(|tool| tool.get(name).is_some())
    };
    let config = read(root, "setup.cfg").unwrap_or_default();
    let section = |name: &str| config.contains(&format!("[{name}]"));
    let file = |names: &[&str]| first(root, names).is_some();
    [
        (
            tool("ruff") || file(&["ruff.toml", ".ruff.toml"]),
            ("ruff", "ruff check ."),
        ),
        (
            runs(root, "ruff format --check"),
            ("ruff", "ruff format --check ."),
        ),
        (
            tool("black") || runs(root, "black --check"),
            ("black", "black --check ."),
        ),
        (
            file(&[".flake8"]) || section("flake8"),
            ("flake8", "flake8"),
        ),
        (
            tool("mypy") || file(&["mypy.ini", ".mypy.ini"]) || section("mypy"),
            ("mypy", "mypy ."),
        ),
    ]
    .into_iter()
    .filter_map(|(used, linter)| used.then_some(linter))
    .collect()
}

/// Nothing to install but what checks it.
fn alone(root: &Path, linters: &[(&str, &str)]) -> Detected {
    let path = match root.join("src").is_dir() {
        true => "PYTHONPATH=src ",
        false => "",
    };
    let mut verify = lines(["export PYTHONDONTWRITEBYTECODE=1"]);
    verify.extend(linters.iter().map(|(_, call)| format!("python3 -m {call}")));
    verify.push(format!("{path}python3 -m pytest -q -p no:cacheprovider"));
    let mut setup = String::from(
        "\
command -v python3 >/dev/null || install python3
python3 -c 'import pytest' 2>/dev/null || python3 -m pip install pytest 2>/dev/null || install python3-pytest
",
    );
    let mut programs: Vec<&str> = linters.iter().map(|(program, _)| *program).collect();
    programs.dedup();
    for program in programs {
        setup.push_str(&format!(
            "python3 -m {program} --version >/dev/null 2>&1 || python3 -m pip install {program} 2>/dev/null || {{ install python3-pip; python3 -m pip install --break-system-packages {program}; }}\n"
        ));
    }
    setup.push_str(
        "# What the project itself needs comes here, such as:\n# install python3-requests",
    );
    Detected::new("a Python project", &verify, &setup)
}

/// Packages go into a virtual environment in the work tree, which git does not see.
fn with_pip(root: &Path, linters: &[(&str, &str)]) -> Detected {
    let mut what: Vec<String> = REQUIREMENTS
        .iter()
        .filter(|name| has(root, name))
        .map(|name| format!("-r {name}"))
        .collect();
    if first(root, &["pyproject.toml", "setup.py"]).is_some() {
        what.push("-e .".into());
    }
    what.push("pytest".into());
    what.extend(linters.iter().map(|(program, _)| (*program).to_owned()));
    what.dedup();
    let mut verify = lines([
        "export PYTHONDONTWRITEBYTECODE=1",
        "if [ ! -x .venv/bin/python ]; then",
        "    python3 -m venv .venv",
        "    echo '*' >.venv/.gitignore",
        "fi",
        "export PATH=\"$PWD/.venv/bin:$PATH\"",
    ]);
    verify.push(format!(
        "python -m pip install --quiet --disable-pip-version-check {}",
        what.join(" ")
    ));
    verify.extend(linters.iter().map(|(_, call)| format!("python -m {call}")));
    verify.push("python -m pytest -q -p no:cacheprovider".into());
    let setup = "\
command -v python3 >/dev/null || install python3
python3 -c 'import ensurepip, venv' 2>/dev/null || install python3-venv python3-pip
# What packages need to be built comes here, such as:
# install gcc python3-dev libpq-dev";
    Detected::new("a Python project", &verify, setup)
}

fn with_uv(linters: &[(&str, &str)]) -> Detected {
    let mut verify = lines([
        "export PYTHONDONTWRITEBYTECODE=1",
        "uv sync --frozen --all-extras",
    ]);
    verify.extend(
        linters
            .iter()
            .map(|(_, call)| format!("uv run --frozen {call}")),
    );
    verify.push("uv run --frozen python -m pytest -q -p no:cacheprovider".into());
    let setup = "\
command -v python3 >/dev/null || install python3
python3 -m pip --version >/dev/null 2>&1 || install python3-pip
command -v uv >/dev/null || PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install uv";
    Detected::new("a Python project with uv", &verify, setup)
}

fn with_poetry(linters: &[(&str, &str)]) -> Detected {
    let mut verify = lines([
        "export PYTHONDONTWRITEBYTECODE=1",
        "poetry install --no-interaction --quiet",
    ]);
    verify.extend(linters.iter().map(|(_, call)| format!("poetry run {call}")));
    verify.push("poetry run python -m pytest -q -p no:cacheprovider".into());
    let setup = "\
command -v python3 >/dev/null || install python3
python3 -m pip --version >/dev/null 2>&1 || install python3-pip
command -v poetry >/dev/null || PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install poetry";
    Detected::new("a Python project with Poetry", &verify, setup)
}

fn needs_packages(root: &Path, project: &Table) -> bool {
    let listed = REQUIREMENTS.iter().filter_map(|name| read(root, name));
    let listed = listed
        .flat_map(|text| {
            text.lines()
                .map(|line| line.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .any(|line| !line.is_empty() && !line.starts_with('#'));
    let project = project.get("project");
    let dependencies = project.and_then(|project| project.get("dependencies")?.as_array());
    listed || dependencies.is_some_and(|dependencies| !dependencies.is_empty())
}

/// The Python that the project is pinned to, else the newest that it takes as far as we know.
fn newest(root: &Path, project: &Table) -> String {
    let pinned = read(root, ".python-version").and_then(|text| version(text.trim(), 2));
    let asked = || {
        let asked = project.get("project")?.get("requires-python")?.as_str()?;
        let exact = asked.starts_with("==") || asked.starts_with("~=");
        exact.then(|| version(asked, 2))?
    };
    pinned
        .or_else(asked)
        .filter(|version| version.starts_with("3."))
        .unwrap_or_else(|| NEWEST.into())
}

fn has_python(folder: &Path) -> bool {
    names_in(folder).iter().any(|name| name.ends_with(".py"))
}
