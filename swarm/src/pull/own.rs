//! What the human's own git runs out of the tree: hooks, filters and further configuration that their
//! repository's settings name. An agent that changes such a file would run on the host.

use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;
use git2::Repository;

/// The longest hook that is read for names of files.
const LONGEST_HOOK: u64 = 256 << 10;

/// Files and folders of the tree that git runs or obeys here, and why.
#[derive(Debug, Default)]
pub struct Own {
    places: Vec<(Vec<u8>, String)>,
    hooks: Vec<(String, Vec<u8>)>,
}

impl Own {
    /// Reads the configuration and the hooks of a repository with a work tree in `root`.
    pub fn read(human: &Repository, root: &Path) -> Result<Own> {
        let mut own = Own::default();
        let git = human.commondir().to_path_buf();
        let config = human.config()?.snapshot()?;
        config.entries(None)?.for_each(|entry| {
            let (Ok(key), Ok(value)) = (entry.name(), entry.value()) else {
                return;
            };
            if runs(key) {
                for place in places(value, root, &git) {
                    own.places
                        .push((place, format!("your git's {key} names it")));
                }
            }
        })?;
        own.read_hooks(&git.join("hooks"), root);
        Ok(own)
    }

    /// Why git would run or obey the file at `path`; `None` when nothing here names it.
    pub fn why(&self, path: &[u8]) -> Option<String> {
        let below = |place: &[u8]| {
            let rest = path.strip_prefix(place);
            place.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        let named = self.places.iter().find(|(place, _)| below(place));
        let hooked = || self.hooks.iter().find(|(_, text)| has(text, path));
        named
            .map(|(_, why)| why.clone())
            .or_else(|| hooked().map(|(hook, _)| format!("your git hook {hook} names it")))
    }

    fn read_hooks(&mut self, folder: &Path, root: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".sample") {
                continue;
            }
            let file = entry.path();
            if let Ok(target) = fs::read_link(&file) {
                let place = inside(&folder.join(target), root);
                let why = format!("your git hook {name} leads to it");
                self.places.extend(place.map(|place| (place, why)));
            } else if fs::metadata(&file).is_ok_and(|m| m.is_file() && m.len() <= LONGEST_HOOK) {
                self.hooks.push((name, fs::read(&file).unwrap_or_default()));
            }
        }
    }
}

/// Whether a setting's value is run, or is a file that holds more settings. Keys are in lower case,
/// names within them as they are.
fn runs(key: &str) -> bool {
    let (section, last) = (
        key.split('.').next().unwrap_or_default(),
        key.rsplit('.').next().unwrap_or_default(),
    );
    match section {
        "alias" | "include" | "includeif" | "mergetool" | "difftool" | "browser" | "man" => true,
        "core" => matches!(
            last,
            "hookspath"
                | "fsmonitor"
                | "sshcommand"
                | "editor"
                | "pager"
                | "askpass"
                | "gitproxy"
                | "attributesfile"
                | "alternaterefscommand"
        ),
        "filter" => matches!(last, "clean" | "smudge" | "process"),
        "diff" => matches!(last, "command" | "textconv" | "external"),
        "merge" => last == "driver",
        "hook" => last == "command",
        "pager" => true,
        _ => matches!(
            last,
            "helper" | "program" | "editor" | "command" | "cmd" | "sshcommand" | "difffilter"
        ),
    }
}

/// The places in the tree that a value names. A path may be meant from the tree's root, or from the
/// folder that holds the configuration.
fn places(value: &str, root: &Path, git: &Path) -> Vec<Vec<u8>> {
    let words = shell_words::split(value)
        .unwrap_or_else(|_| value.split_whitespace().map(String::from).collect());
    let mut found: Vec<Vec<u8>> = words
        .iter()
        .map(|word| word.trim_start_matches('!'))
        .filter(|word| !word.is_empty() && !word.starts_with('-') && !word.starts_with('~'))
        .flat_map(|word| [root.join(word), git.join(word)])
        .filter_map(|path| inside(&path, root))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A path in the tree as git writes it; none for one outside or in `.git`.
fn inside(path: &Path, root: &Path) -> Option<Vec<u8>> {
    use std::os::unix::ffi::OsStrExt;
    let mut straight = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                straight.pop();
            }
            Component::CurDir => {}
            part => straight.push(part),
        }
    }
    let rest = straight.strip_prefix(root).ok()?;
    (!rest.starts_with(".git")).then(|| rest.as_os_str().as_bytes().to_vec())
}

fn has(text: &[u8], path: &[u8]) -> bool {
    !path.is_empty() && text.windows(path.len()).any(|window| window == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_setting_names_in_the_tree_is_found() {
        let (root, git) = (Path::new("/p"), Path::new("/p/.git"));
        for (value, expected) in [
            ("hooks", vec!["hooks"]),
            ("./tools/clean.sh --fast %f", vec!["%f", "tools/clean.sh"]),
            ("../.gitconfig", vec![".gitconfig"]),
            ("/p/scripts/x", vec!["scripts/x"]),
            ("/usr/bin/x", vec![]),
            ("!./x 'y z'", vec!["x", "y z"]),
            ("~/x", vec![]),
        ] {
            let found = places(value, root, git);
            let found: Vec<String> = found
                .into_iter()
                .map(|place| String::from_utf8(place).unwrap())
                .collect();
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn settings_that_run_something_are_told_from_others() {
        for (key, expected) in [
            ("core.hookspath", true),
            ("include.path", true),
            ("filter.lfs.process", true),
            ("merge.mine.driver", true),
            ("credential.helper", true),
            ("alias.x", true),
            ("diff.x.textconv", true),
            ("user.name", false),
            ("branch.main.merge", false),
            ("commit.template", false),
            ("core.excludesfile", false),
        ] {
            assert_eq!(runs(key), expected, "{key}");
        }
    }

    #[test]
    fn a_folder_stands_for_what_is_below_it() {
        let own = Own {
            places: vec![(b"hooks".to_vec(), "why".into())],
            hooks: vec![("pre-commit".into(), b"exec scripts/check.sh\n".to_vec())],
        };
        assert!(own.why(b"hooks/pre-commit").is_some());
        assert!(own.why(b"hooks2/x").is_none());
        assert!(
            own.why(b"scripts/check.sh")
                .is_some_and(|why| why.contains("pre-commit"))
        );
        assert!(own.why(b"src/main.rs").is_none());
    }
}
