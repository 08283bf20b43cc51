//! npm, pnpm, yarn and bun.

use std::path::Path;

use serde_json::Value;

use super::{Detected, has, read, version};

/// Scripts of `package.json` that check something, in the order in which they run.
const CHECKS: [&str; 5] = ["lint", "format:check", "typecheck", "type-check", "test"];

pub fn detect(root: &Path) -> Option<Detected> {
    let text = read(root, "package.json")?;
    let package: Value = serde_json::from_str(&text).ok()?;
    let checks: Vec<&str> = CHECKS
        .into_iter()
        .filter(|name| package["scripts"][name].as_str().is_some_and(is_real))
        .collect();
    if checks.is_empty() {
        return None;
    }
    let manager = manager(root, &package);
    let (install, setup) = match manager {
        "pnpm" => ("pnpm install --frozen-lockfile", COREPACK),
        "yarn" if is_classic(root) => ("yarn install --frozen-lockfile", COREPACK),
        "yarn" => ("yarn install --immutable", COREPACK),
        "bun" => ("bun install --frozen-lockfile", BUN),
        _ if has(root, "package-lock.json") => ("npm ci --no-audit --no-fund", NPM),
        _ => ("npm install --no-audit --no-fund --no-package-lock", NPM),
    };
    let mut verify = vec![install.to_owned()];
    verify.extend(checks.iter().map(|name| format!("{manager} run {name}")));
    let detected = Detected::new("a Node project", &verify, setup);
    let image = format!("node:{}-bookworm-slim", major(root, &package));
    Some(detected.on(image).leaving(&["node_modules/"]))
}

const NPM: &str = "command -v npm >/dev/null || install nodejs npm";
const COREPACK: &str = "\
command -v npm >/dev/null || install nodejs npm
command -v corepack >/dev/null || npm install --global corepack
corepack enable";
const BUN: &str = "\
command -v npm >/dev/null || install nodejs npm
command -v bun >/dev/null || npm install --global bun";

/// `npm init` writes a test that always fails.
fn is_real(script: &str) -> bool {
    !script.contains("no test specified")
}

fn manager(root: &Path, package: &Value) -> &'static str {
    let named = package["packageManager"].as_str().unwrap_or_default();
    let named = named.split('@').next().unwrap_or_default();
    let locks = [
        ("pnpm", "pnpm-lock.yaml"),
        ("yarn", "yarn.lock"),
        ("bun", "bun.lock"),
        ("bun", "bun.lockb"),
    ];
    locks
        .into_iter()
        .find(|(manager, lock)| *manager == named || has(root, lock))
        .map_or("npm", |(manager, _)| manager)
}

/// The first yarn wrote another kind of lock file.
fn is_classic(root: &Path) -> bool {
    read(root, "yarn.lock").is_some_and(|text| text.contains("yarn lockfile v1"))
}

fn major(root: &Path, package: &Value) -> String {
    let pinned = read(root, ".nvmrc").or_else(|| read(root, ".node-version"));
    pinned
        .and_then(|text| version(text.trim(), 1))
        .or_else(|| version(package["engines"]["node"].as_str()?, 1))
        // Older ones get no corrections any more.
        .filter(|major| major.parse().is_ok_and(|major: u32| major >= 20))
        .unwrap_or_else(|| "22".into())
}
