//! Which files run on a developer's machine without being asked for: on entering a folder, opening an
//! editor, calling git, or installing packages. By name; [`super::scripts`] looks into those that only
//! sometimes do. Pure.
//!
//! What runs when somebody builds or tests is not here: it is all of a project. `build.rs` is, since
//! editors run it by themselves when a file is saved.

use crate::tree_name::{OBEYED_BY_AGENTS, components, folded};

const ENTERED: &str = "a shell may run it when you enter the folder";
const OPENED: &str = "an editor may run what it says when you open the folder";
const AGENT: &str = "an agent CLI on your machine obeys it";
const GIT: &str = "git may run what it says";
const HOOK: &str = "git may run it as a hook";
const INSTALLED: &str = "it runs, or says what runs, when packages are installed";
const BUILT: &str = "an editor may run it by itself to understand the project";
const TOOL: &str = "a tool runs it, or what it says, when it is called in this folder";
const SHOWN: &str = "a file manager may act on it when it shows the folder";

/// Names in lower case. One with a slash is a path's end or stands for all below it, anywhere in the
/// tree; `*` in front is any beginning of a file's name; the rest are names of files or folders.
const NAMES: [(&str, &[&str]); 10] = [
    (
        ENTERED,
        &[
            ".envrc",
            ".autoenv",
            ".autoenv.zsh",
            "flake.nix",
            "shell.nix",
            "devenv.nix",
            "devenv.yaml",
            "devbox.json",
            "mise.toml",
            "mise.local.toml",
            ".mise.toml",
            ".mise.local.toml",
            ".mise",
            ".config/mise",
            ".config/mise.toml",
        ],
    ),
    (
        OPENED,
        &[
            ".vscode",
            "*.code-workspace",
            ".idea",
            ".run",
            ".fleet",
            ".zed",
            ".devcontainer",
            ".devcontainer.json",
            ".gitpod.yml",
            ".exrc",
            ".vimrc",
            ".lvimrc",
            ".nvimrc",
            ".nvim.lua",
            ".dir-locals.el",
            ".dir-locals-2.el",
            "*.sublime-project",
        ],
    ),
    (AGENT, &OBEYED_BY_AGENTS),
    (
        AGENT,
        &[".github/copilot-instructions.md", ".github/instructions"],
    ),
    (GIT, &[".lfsconfig", ".gitconfig"]),
    (
        HOOK,
        &[
            ".husky",
            ".githooks",
            ".git-hooks",
            ".git_hooks",
            ".pre-commit-config.yaml",
            ".pre-commit-config.yml",
            "lefthook.yml",
            "lefthook.yaml",
            "lefthook.toml",
            "lefthook.json",
            ".lefthook.yml",
            ".lefthook.yaml",
            ".lefthook",
            ".overcommit.yml",
            ".overcommit",
            ".captainhook.json",
            "captainhook.json",
        ],
    ),
    (
        INSTALLED,
        &[
            ".npmrc",
            ".yarnrc",
            ".yarnrc.yml",
            ".yarn/releases",
            ".yarn/plugins",
            ".pnpmfile.cjs",
            "pnpmfile.cjs",
            "binding.gyp",
            "setup.py",
            "nuget.config",
        ],
    ),
    (
        BUILT,
        &[
            "build.rs",
            "*.gradle",
            "*.gradle.kts",
            "gradle/wrapper",
            ".mvn",
            "directory.build.props",
            "directory.build.targets",
            ".eslintrc.js",
            ".eslintrc.cjs",
            "eslint.config.js",
            "eslint.config.mjs",
            "eslint.config.cjs",
            "eslint.config.ts",
            ".prettierrc.js",
            ".prettierrc.cjs",
            ".prettierrc.mjs",
            "prettier.config.js",
            "prettier.config.cjs",
            "prettier.config.mjs",
        ],
    ),
    (
        TOOL,
        &[
            ".cargo/config",
            ".cargo/config.toml",
            "rust-toolchain",
            "rust-toolchain.toml",
            ".bundle",
            ".bazelrc",
            "tools/bazel",
            "bunfig.toml",
            "sitecustomize.py",
            "usercustomize.py",
            "*.pth",
            ".rprofile",
            ".irbrc",
            ".pryrc",
            ".gdbinit",
            ".lldbinit",
        ],
    ),
    (
        SHOWN,
        &["desktop.ini", "autorun.inf", "*.lnk", "*.scf", "*.desktop"],
    ),
];

/// Why the file at `path` may run by itself; `None` when nothing is known that runs it.
pub fn why(path: &[u8]) -> Option<&'static str> {
    let names: Vec<String> = components(path).map(folded).collect();
    let found = NAMES
        .iter()
        .find(|(_, rules)| rules.iter().any(|rule| fits(rule, &names)));
    found.map(|(why, _)| *why)
}

fn fits(rule: &str, names: &[String]) -> bool {
    if let Some(ending) = rule.strip_prefix('*') {
        return names.last().is_some_and(|name| name.ends_with(ending));
    }
    let parts: Vec<&str> = rule.split('/').collect();
    names
        .windows(parts.len())
        .any(|window| window.iter().eq(parts.iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_by_itself_is_told_from_other_files() {
        for (path, runs) in [
            (".envrc", true),
            ("sub/.ENVRC", true),
            (".vscode/tasks.json", true),
            (".VSCode/anything", true),
            (".vscode ./tasks.json", true),
            ("a/.claude/settings.json", true),
            (".claude", true),
            ("CLAUDE.md", true),
            (".husky/pre-commit", true),
            (".cargo/config.toml", true),
            ("cargo/config.toml", false),
            (".cargo/other", false),
            ("crates/x/build.rs", true),
            ("src/rebuild.rs", false),
            ("app/build.gradle.kts", true),
            ("gradle/wrapper/gradle-wrapper.jar", true),
            ("gradle/libs.toml", false),
            ("lib/x.pth", true),
            ("x.desktop/readme", false),
            ("src/main.rs", false),
            ("Makefile", false),
            ("README.md", false),
            ("package.json", false),
        ] {
            assert_eq!(why(path.as_bytes()).is_some(), runs, "{path}");
        }
    }

    #[test]
    fn names_in_the_table_are_folded() {
        for name in NAMES.iter().flat_map(|(_, names)| names.iter()) {
            let parts = name.trim_start_matches('*').split('/');
            for part in parts {
                assert_eq!(folded(part.as_bytes()), part, "{name}");
            }
        }
    }
}
