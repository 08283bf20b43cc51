use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

type Files = &'static [(&'static str, &'static str)];

fn detected(files: &[(&str, &str)]) -> Option<Detected> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    detect(dir.path())
}

/// Files, the lines of verify.sh that have to be there, the image.
const KINDS: [(Files, &[&str], Option<&str>); 33] = [
    (
        &[("Cargo.toml", "")],
        &[
            "cargo clippy --workspace --all-targets",
            "cargo test --workspace",
        ],
        Some("rust:1-slim-bookworm"),
    ),
    (
        &[("Cargo.toml", ""), ("Cargo.lock", ""), ("rustfmt.toml", "")],
        &["cargo fmt --all --check", "cargo test --workspace --locked"],
        Some("rust:1-slim-bookworm"),
    ),
    (
        &[
            ("Cargo.toml", ""),
            (".github/workflows/ci.yml", "run: cargo clippy"),
        ],
        &["cargo clippy --workspace --all-targets -- -D warnings"],
        Some("rust:1-slim-bookworm"),
    ),
    (
        &[
            ("Cargo.toml", ""),
            ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.90.0\"\n"),
        ],
        &["cargo test --workspace"],
        Some("rust:1.90.0-slim-bookworm"),
    ),
    (
        &[("Cargo.toml", ""), ("rust-toolchain", "nightly\n")],
        &["cargo test --workspace"],
        Some("rust:1-slim-bookworm"),
    ),
    (
        &[(
            "package.json",
            r#"{"scripts":{"test":"jest","lint":"eslint ."}}"#,
        )],
        &[
            "npm install --no-audit --no-fund --no-package-lock",
            "npm run lint",
            "npm run test",
        ],
        Some("node:22-bookworm-slim"),
    ),
    (
        &[
            ("package.json", r#"{"scripts":{"test":"jest"}}"#),
            ("package-lock.json", ""),
            (".nvmrc", "v24.1.0\n"),
        ],
        &["npm ci --no-audit --no-fund", "npm run test"],
        Some("node:24-bookworm-slim"),
    ),
    (
        &[
            (
                "package.json",
                r#"{"scripts":{"test":"x"},"engines":{"node":">=20"}}"#,
            ),
            ("pnpm-lock.yaml", ""),
        ],
        &["pnpm install --frozen-lockfile", "pnpm run test"],
        Some("node:20-bookworm-slim"),
    ),
    (
        &[
            ("package.json", r#"{"scripts":{"test":"x"}}"#),
            ("yarn.lock", "# yarn lockfile v1\n"),
        ],
        &["yarn install --frozen-lockfile", "yarn run test"],
        Some("node:22-bookworm-slim"),
    ),
    (
        &[(
            "package.json",
            r#"{"scripts":{"test":"x"},"packageManager":"yarn@4.1.0"}"#,
        )],
        &["yarn install --immutable"],
        Some("node:22-bookworm-slim"),
    ),
    (
        &[
            ("package.json", r#"{"scripts":{"test":"bun test"}}"#),
            ("bun.lock", ""),
        ],
        &["bun install --frozen-lockfile", "bun run test"],
        Some("node:22-bookworm-slim"),
    ),
    (
        &[
            ("package.json", "{}"),
            ("go.mod", "module x\n\ngo 1.24.2\n"),
        ],
        &["go vet ./...", "go test ./..."],
        Some("golang:1.24-bookworm"),
    ),
    (
        &[("go.mod", ""), (".golangci.yml", "")],
        &["golangci-lint run"],
        Some("golang:1-bookworm"),
    ),
    (
        &[("pyproject.toml", "")],
        &["python3 -m pytest -q -p no:cacheprovider"],
        Some("python:3.13-slim-bookworm"),
    ),
    (
        &[
            ("setup.py", ""),
            ("src/a.py", ""),
            (".python-version", "3.11.4\n"),
        ],
        &["PYTHONPATH=src python3 -m pytest -q -p no:cacheprovider"],
        Some("python:3.11-slim-bookworm"),
    ),
    (
        &[("tests/test_a.py", ""), ("ruff.toml", "")],
        &["python3 -m ruff check ."],
        Some("python:3.13-slim-bookworm"),
    ),
    (
        &[("requirements.txt", "flask\n"), ("mypy.ini", "")],
        &[
            "    python3 -m venv .venv",
            "python -m pip install --quiet --disable-pip-version-check -r requirements.txt pytest mypy",
            "python -m mypy .",
            "python -m pytest -q -p no:cacheprovider",
        ],
        Some("python:3.13-slim-bookworm"),
    ),
    (
        &[(
            "pyproject.toml",
            "[project]\ndependencies = [\"flask\"]\n[tool.black]\n",
        )],
        &[
            "python -m pip install --quiet --disable-pip-version-check -e . pytest black",
            "python -m black --check .",
        ],
        Some("python:3.13-slim-bookworm"),
    ),
    (
        &[("pyproject.toml", "[tool.ruff]\n"), ("uv.lock", "")],
        &[
            "uv sync --frozen --all-extras",
            "uv run --frozen ruff check .",
        ],
        Some("python:3.13-slim-bookworm"),
    ),
    (
        &[("pyproject.toml", ""), ("poetry.lock", "")],
        &["poetry run python -m pytest -q -p no:cacheprovider"],
        Some("python:3.13-slim-bookworm"),
    ),
    (
        &[(
            "pom.xml",
            "<maven.compiler.release>17</maven.compiler.release>",
        )],
        &["mvn --batch-mode --no-transfer-progress verify"],
        Some("maven:3-eclipse-temurin-17"),
    ),
    (
        &[("build.gradle.kts", ""), ("gradlew", "")],
        &["sh ./gradlew --console=plain check"],
        Some("eclipse-temurin:21-jdk"),
    ),
    (
        &[("App.sln", "")],
        &["dotnet test"],
        Some("mcr.microsoft.com/dotnet/sdk:9.0-bookworm-slim"),
    ),
    (
        &[("Gemfile", "gem 'rspec'"), (".rubocop.yml", "")],
        &["bundle exec rubocop", "bundle exec rspec"],
        Some("ruby:3-slim-bookworm"),
    ),
    (
        &[("composer.json", r#"{"scripts":{"test":"phpunit"}}"#)],
        &["composer run-script test"],
        Some("composer:2"),
    ),
    (
        &[("mix.exs", "")],
        &["MIX_ENV=test mix test"],
        Some("elixir:1-slim"),
    ),
    (
        &[("CMakeLists.txt", "enable_testing()\n")],
        &["ctest --test-dir build --output-on-failure"],
        None,
    ),
    (
        &[("Makefile", "all:\n\techo\nlint test: all\n\techo\n")],
        &["make lint", "make test"],
        None,
    ),
    (&[("makefile", "check:\n\techo\n")], &["make check"], None),
    (
        &[("Makefile", "test:\n"), ("Cargo.toml", "")],
        &["cargo test --workspace"],
        Some("rust:1-slim-bookworm"),
    ),
    (
        &[
            ("Makefile", "test:\n"),
            ("CMakeLists.txt", "enable_testing()\n"),
        ],
        &["make test"],
        None,
    ),
    (
        &[("setup.cfg", "[flake8]\n")],
        &["python3 -m flake8"],
        Some("python:3.13-slim-bookworm"),
    ),
    (
        &[("tox.ini", "black --check .\n"), ("setup.py", "")],
        &["python3 -m black --check ."],
        Some("python:3.13-slim-bookworm"),
    ),
];

#[test]
fn the_gate_follows_from_the_files() {
    for (files, wanted, image) in KINDS {
        let found = detected(files).unwrap_or_else(|| panic!("{files:?}"));
        for line in wanted {
            assert!(
                found.verify.lines().any(|l| l == *line),
                "{files:?}: {}",
                found.verify
            );
        }
        assert_eq!(found.image.as_deref(), image, "{files:?}");
    }
}

#[test]
fn what_says_nothing_is_not_guessed_at() {
    let table: [Files; 8] = [
        &[],
        &[("README.md", "")],
        &[("tests/run.sh", "")],
        &[(
            "package.json",
            r#"{"scripts":{"test":"echo no test specified"}}"#,
        )],
        &[("package.json", "{")],
        &[("Makefile", ".PHONY: test\ntest := 1\n\ttest: x\n#test:\n")],
        &[("CMakeLists.txt", "project(x)\n")],
        &[("composer.json", "{}")],
    ];
    for files in table {
        assert_eq!(detected(files), None, "{files:?}");
    }
}

#[test]
fn what_else_there_is_is_told() {
    let found = detected(&[
        ("Cargo.toml", ""),
        ("package.json", r#"{"scripts":{"test":"jest"}}"#),
        ("Makefile", "test:\n"),
    ]);
    assert_eq!(found.unwrap().also, ["a Node project"]);
}

#[test]
fn what_is_proposed_is_a_script() {
    for (files, ..) in KINDS {
        let found = detected(files).unwrap();
        for text in [&found.verify, &found.setup] {
            let mut shell = Command::new("sh")
                .arg("-n")
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = shell.stdin.take().unwrap();
            stdin.write_all(text.as_bytes()).unwrap();
            drop(stdin);
            assert!(shell.wait().unwrap().success(), "{files:?}: {text}");
        }
    }
}

#[test]
fn versions_are_read_out_of_what_stands_around_them() {
    for (text, parts, expected) in [
        ("v22.1.0", 1, Some("22")),
        (">=3.11,<4", 2, Some("3.11")),
        ("1.24.2", 2, Some("1.24")),
        ("lts/*", 1, None),
        ("3", 2, None),
    ] {
        assert_eq!(version(text, parts).as_deref(), expected, "{text}");
    }
}
