//! Make, where nothing else says how the project is tested.

use std::path::Path;

use super::{Detected, read};

pub fn detect(root: &Path) -> Option<Detected> {
    let names = ["GNUmakefile", "makefile", "Makefile"];
    let makefile = names.iter().find_map(|name| read(root, name))?;
    let test = ["test", "check"]
        .into_iter()
        .find(|target| has_target(&makefile, target))?;
    let lint = Some("lint").filter(|target| has_target(&makefile, target));
    let verify: Vec<String> = lint
        .into_iter()
        .chain([test])
        .map(|target| format!("make {target}"))
        .collect();
    let setup = "\
command -v make >/dev/null || install make
# What the tests need comes here, such as:
# install gcc libc6-dev";
    let what = match test {
        "check" => "a project with 'make check'",
        _ => "a project with 'make test'",
    };
    Some(Detected::new(what, &verify, setup))
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
