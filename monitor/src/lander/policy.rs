//! What a tree may hold, and what only a human lets pass. Pure; applied to what a candidate changes.
//!
//! Refused, whoever asks: symbolic links that may lead out of the tree, commits of other
//! repositories and `.gitmodules`, `.swarm`, every name that some file system takes for `.git`,
//! conflict markers, and files of more than 100 MiB.
//!
//! Held for a human: [`PROTECTED_AT_ROOT`], [`PROTECTED_ANYWHERE`], what agent CLIs obey
//! ([`OBEYED_BY_AGENTS`]), and what the project's own list on main names ([`super::protected`]).

use swarm::tree_name::{OBEYED_BY_AGENTS, components, folded, is_forbidden, stays_inside};

use super::protected::{FILE, Protected};
use crate::git::changes::{Change, Entry, MAX_FILE};

/// What the gate and the image are made from; a path or a folder at the root.
pub const PROTECTED_AT_ROOT: [&str; 3] = ["verify.sh", "project-setup.sh", FILE];

/// Names that, anywhere in the tree, make git, an editor or a build service run something. A file of
/// that name, or all that a folder of that name holds.
pub const PROTECTED_ANYWHERE: [&str; 13] = [
    // git: hooks, filters, merge drivers
    ".gitattributes",
    ".githooks",
    ".husky",
    ".lfsconfig",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    // workflows
    ".circleci",
    ".github",
    ".gitlab-ci.yml",
    "jenkinsfile",
    // what runs when a folder is opened
    ".devcontainer",
    ".envrc",
    ".vscode",
];

/// Why the tree does not land, in one sentence; `None` when nothing speaks against it.
pub fn refusal(changes: &[Change]) -> Option<String> {
    changes.iter().find_map(|change| {
        let path = shown(&change.path);
        match &change.now {
            Entry::Gone => None,
            Entry::Gitlink => Some(format!("{path} is a submodule: they do not land")),
            _ if is_forbidden(&change.path) => {
                Some(format!("{path} has a name that does not land"))
            }
            Entry::Huge => Some(format!(
                "{path} is too large: files of more than {} MiB do not land",
                MAX_FILE >> 20
            )),
            Entry::Symlink { target } if !stays_inside(&change.path, target) => Some(format!(
                "{path} is a symbolic link that may lead out of the tree (to {})",
                shown(target)
            )),
            Entry::Symlink { .. } => None,
            Entry::File {
                conflict_markers: true,
            } => Some(format!("{path} has conflict markers")),
            Entry::File { .. } => None,
        }
    })
}

/// The protected paths among what changed, in their order; `own` is the project's list.
pub fn protected(changes: &[Change], own: &Protected) -> Vec<String> {
    let mut paths: Vec<String> = changes
        .iter()
        .filter(|change| is_protected(&change.path) || is_own(&change.path, own))
        .map(|change| shown(&change.path))
        .collect();
    paths.dedup();
    paths
}

/// Whether the gate itself changed.
pub fn changes_gate(changes: &[Change]) -> bool {
    changes_at_root(changes, PROTECTED_AT_ROOT[0])
}

/// Whether the project's list of protected paths changed.
pub fn changes_list(changes: &[Change]) -> bool {
    changes_at_root(changes, FILE)
}

fn changes_at_root(changes: &[Change], name: &str) -> bool {
    changes.iter().any(|change| {
        components(&change.path)
            .next()
            .is_some_and(|first| folded(first) == name)
    })
}

fn is_own(path: &[u8], own: &Protected) -> bool {
    let names: Vec<String> = components(path).map(folded).collect();
    own.covers(&names.join("/"))
}

fn is_protected(path: &[u8]) -> bool {
    let anywhere =
        |name: &str| PROTECTED_ANYWHERE.contains(&name) || OBEYED_BY_AGENTS.contains(&name);
    components(path)
        .map(folded)
        .enumerate()
        .any(|(depth, name)| {
            anywhere(&name) || (depth == 0 && PROTECTED_AT_ROOT.contains(&name.as_str()))
        })
}

/// A path for a sentence: no control characters, not endless.
fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path)
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Change {
        Change {
            path: path.into(),
            now: Entry::File {
                conflict_markers: false,
            },
        }
    }

    #[test]
    fn names_that_some_file_system_takes_for_git_do_not_land() {
        for (path, lands) in [
            ("src/main.rs", true),
            (".gitignore", true),
            ("git", true),
            (".github/x", true),
            ("a.git", true),
            ("git~x", true),
            ("digit~1", true),
            (".git", false),
            (".git/config", false),
            ("sub/.GIT/hooks/x", false),
            (".git.", false),
            (".git ./x", false),
            (".git::$INDEX_ALLOCATION/x", false),
            ("git~1", false),
            ("GIT~12/config", false),
            (".g\u{200c}it/config", false),
            ("a\\.git\\hooks", false),
            (".gitmodules", false),
            (".GitModules", false),
            ("gitmod~1", false),
            ("GI7EBA~1", false),
            (".swarm/config.toml", false),
            ("x/.Swarm", false),
            ("SWARM~1/x", false),
            ("a/../b", false),
            ("a//b", false),
        ] {
            assert_eq!(refusal(&[file(path)]).is_none(), lands, "{path:?}");
        }
    }

    #[test]
    fn what_is_gone_is_no_reason_to_refuse() {
        let gone = Change {
            path: b".gitmodules".to_vec(),
            now: Entry::Gone,
        };
        assert_eq!(refusal(&[gone]), None);
    }

    #[test]
    fn links_stay_inside_the_tree() {
        for (path, target, lands) in [
            ("link", "file", true),
            ("link", "./a/b", true),
            ("a/link", "../b", true),
            ("a/b/link", "../../c", true),
            ("link", "a/", true),
            ("link", "..", false),
            ("link", "../x", false),
            ("a/link", "../../x", false),
            ("link", "/etc/passwd", false),
            // Through another link `a` this may lead anywhere.
            ("link", "a/../b", false),
            ("link", "", false),
            ("link", "C:x", false),
            ("link", "..\\x", false),
            ("link", ".git/config", false),
            ("a/link", "../.swarm/hub.json", false),
        ] {
            let link = Change {
                path: path.into(),
                now: Entry::Symlink {
                    target: target.into(),
                },
            };
            assert_eq!(refusal(&[link]).is_none(), lands, "{path:?} -> {target:?}");
        }
    }

    #[test]
    fn submodules_and_conflict_markers_do_not_land() {
        for now in [
            Entry::Gitlink,
            Entry::File {
                conflict_markers: true,
            },
        ] {
            let path = b"x".to_vec();
            assert!(refusal(&[Change { path, now }]).is_some());
        }
    }

    #[test]
    fn protected_paths_are_told_from_others() {
        for (path, held) in [
            ("verify.sh", true),
            ("Verify.SH", true),
            ("verify.sh/x", true),
            ("project-setup.sh", true),
            ("tests/verify.sh", false),
            (".claude/settings.json", true),
            ("sub/.claude/commands/x.md", true),
            ("CLAUDE.md", true),
            ("docs/CLAUDE.md", true),
            ("docs/my-claude.md", false),
            (".mcp.json", true),
            ("opencode.jsonc", true),
            (".github/workflows/ci.yml", true),
            (".githooks/pre-commit", true),
            (".gitattributes", true),
            ("a/.gitattributes", true),
            (".gitignore", false),
            ("README.md", false),
        ] {
            let found = protected(&[file(path)], &Protected::default());
            assert_eq!(!found.is_empty(), held, "{path:?}");
        }
    }

    #[test]
    fn the_projects_own_list_adds_to_ours_whatever_the_name_is_written_like() {
        let own = Protected::parse(b"/deploy\n").unwrap();
        for (path, held) in [
            ("deploy/x", true),
            ("DEPLOY./x", true),
            ("dep\u{200c}loy", true),
            ("deploy\\x", true),
            ("src/deploy", false),
            ("verify.sh", true),
            (".swarm-protected", true),
        ] {
            assert_eq!(!protected(&[file(path)], &own).is_empty(), held, "{path:?}");
        }
    }

    #[test]
    fn names_in_the_lists_are_folded() {
        for name in PROTECTED_AT_ROOT
            .iter()
            .chain(&PROTECTED_ANYWHERE)
            .chain(&OBEYED_BY_AGENTS)
        {
            assert_eq!(folded(name.as_bytes()), **name);
        }
    }

    #[test]
    fn the_gate_changes_with_verify_sh_alone() {
        assert!(changes_gate(&[file("a"), file("verify.sh")]));
        assert!(!changes_gate(&[file("CLAUDE.md"), file("x/verify.sh")]));
    }
}
