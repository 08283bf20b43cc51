//! The templates: the built-in ones, and those of a project that replace them.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Fault, Kind};
use crate::error::{Error, Result};

/// A file that explains the others.
const README: &str = "README";

/// The templates of one project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    texts: BTreeMap<String, String>,
    own: BTreeMap<String, PathBuf>,
    strange: BTreeMap<String, PathBuf>,
}

impl Templates {
    /// The built-in ones.
    pub fn built_in() -> Templates {
        let texts = Kind::ALL.map(|kind| (kind.as_str().to_owned(), built_in(kind).to_owned()));
        Templates {
            texts: texts.into(),
            own: BTreeMap::new(),
            strange: BTreeMap::new(),
        }
    }

    /// The built-in ones, each replaced where `folder` has a file of its name with `.md`.
    pub fn load(folder: &Path) -> Result<Templates> {
        let mut templates = Templates::built_in();
        for kind in Kind::ALL {
            let file = folder.join(format!("{kind}.md"));
            match std::fs::read_to_string(&file) {
                Ok(text) => {
                    templates.texts.insert(kind.to_string(), text);
                    templates.own.insert(kind.to_string(), file);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => (),
                Err(error) => {
                    return Err(Error::Io(format!("cannot read {}", file.display()), error));
                }
            }
        }
        templates.strange = strange(folder)?;
        Ok(templates)
    }

    /// The texts by name.
    pub fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    /// The texts by name.
    pub fn into_texts(self) -> BTreeMap<String, String> {
        self.texts
    }

    /// The fault with the file that has its template, when that is the project's.
    pub(super) fn locate(&self, fault: Fault) -> Fault {
        match self.own.get(&fault.template) {
            Some(file) => fault.within(file),
            None => fault,
        }
    }

    /// Files in the project's folder that look like templates and replace none, by name.
    pub(super) fn strange(&self) -> &BTreeMap<String, PathBuf> {
        &self.strange
    }

    /// The files that replace built-in templates, by the name of the template.
    pub fn own(&self) -> &BTreeMap<String, PathBuf> {
        &self.own
    }
}

/// A misspelt name would otherwise only be noticed by what agents do.
fn strange(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let cannot = |error| Error::Io(format!("cannot read {}", folder.display()), error);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(cannot(error)),
    };
    let mut strange = BTreeMap::new();
    for entry in entries {
        let file = entry.map_err(cannot)?.path();
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let is_template = file.extension().is_some_and(|end| end == "md");
        if is_template && name != README && name.parse::<Kind>().is_err() {
            strange.insert(name.into_owned(), file);
        }
    }
    Ok(strange)
}

fn built_in(kind: Kind) -> &'static str {
    match kind {
        Kind::Work => include_str!("../../../templates/prompts/work.md"),
        Kind::VerifyFailed => include_str!("../../../templates/prompts/verify-failed.md"),
        Kind::Conflict => include_str!("../../../templates/prompts/conflict.md"),
        Kind::Bounced => include_str!("../../../templates/prompts/bounced.md"),
        Kind::Propose => include_str!("../../../templates/prompts/propose.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_project_replaces_a_template() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("work.md"), "mine\n").unwrap();
        let templates = Templates::load(dir.path()).unwrap();
        assert_eq!(templates.texts()["work"], "mine\n");
        assert_eq!(templates.texts()["conflict"], built_in(Kind::Conflict));
        assert_eq!(templates.own().keys().collect::<Vec<_>>(), ["work"]);
        let of = |name| templates.locate(Fault::of(name, "x")).to_string();
        let file = dir.path().join("work.md");
        assert_eq!(of("work"), format!("{}: x", file.display()));
        assert_eq!(of("conflict"), "the prompt template 'conflict': x");
        let nowhere = Templates::load(&dir.path().join("nowhere")).unwrap();
        assert_eq!(nowhere, Templates::built_in());
    }
}
