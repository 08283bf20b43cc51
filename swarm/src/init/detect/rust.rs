//! Cargo.

use std::path::Path;

use super::{Detected, first, has, lines, read, runs, version};

pub fn detect(root: &Path) -> Option<Detected> {
    read(root, "Cargo.toml")?;
    let locked = if has(root, "Cargo.lock") {
        " --locked"
    } else {
        ""
    };
    let mut verify = Vec::new();
    if first(root, &["rustfmt.toml", ".rustfmt.toml"]).is_some() || runs(root, "cargo fmt") {
        verify.extend(lines(["cargo fmt --all --check"]));
    }
    // Without `-D warnings` it fails on what is an error to clippy, and on nothing else.
    let strict = match runs(root, "clippy") {
        true => " -- -D warnings",
        false => "",
    };
    verify.push(format!(
        "cargo clippy --workspace --all-targets{locked}{strict}"
    ));
    verify.push(format!("cargo test --workspace{locked}"));
    let setup = "\
# Debian's Rust is old: the image rust:1-slim has a newer one (image.base in the configuration).
command -v cargo >/dev/null || install cargo
if command -v rustup >/dev/null; then
    rustup component add clippy rustfmt
else
    command -v cargo-clippy >/dev/null || install rust-clippy
    command -v rustfmt >/dev/null || install rustfmt
fi
# What native dependencies need comes here, such as:
# install pkg-config libssl-dev";
    let channel = toolchain(root).unwrap_or_else(|| "1".into());
    Some(
        Detected::new("a Rust project", &verify, setup)
            .on(format!("rust:{channel}-slim-bookworm"))
            .leaving(&["target/"]),
    )
}

/// The version that the project asks for, where it asks for one by number.
fn toolchain(root: &Path) -> Option<String> {
    let text = read(root, "rust-toolchain.toml").or_else(|| read(root, "rust-toolchain"))?;
    let table: Option<toml::Table> = toml::from_str(&text).ok();
    let channel = table
        .as_ref()
        .and_then(|table| table.get("toolchain")?.get("channel")?.as_str())
        .unwrap_or(text.trim());
    channel
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| version(channel, 3).or_else(|| version(channel, 2)))?
}
