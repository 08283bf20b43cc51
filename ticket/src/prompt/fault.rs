//! What is wrong with a template, for whoever wrote it.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};

use minijinja::ErrorKind;

/// A template that gives no prompt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// The template's name.
    pub template: String,
    /// The project's file, where it is known.
    pub file: Option<PathBuf>,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong there.
    pub what: String,
}

impl Fault {
    /// What is wrong with the whole of a template.
    pub(super) fn of(template: &str, what: impl Into<String>) -> Fault {
        Fault {
            template: template.to_owned(),
            file: None,
            line: None,
            what: what.into(),
        }
    }

    /// The same, with the file that has the template.
    pub(super) fn within(self, file: &Path) -> Fault {
        let file = Some(file.to_owned());
        Fault { file, ..self }
    }

    /// What minijinja says of `template`. Where one template includes another, the inner one is at
    /// fault.
    pub(super) fn from_error(template: &str, error: &minijinja::Error) -> Fault {
        let mut inner = error;
        while let Some(source) = inner.source().and_then(|s| s.downcast_ref()) {
            inner = source;
        }
        let what = match (inner.kind(), inner.detail()) {
            (ErrorKind::UndefinedError, None) => "a variable is not defined".to_owned(),
            (ErrorKind::UndefinedError, Some(detail)) => detail.to_owned(),
            (kind, None) => kind.to_string(),
            (kind, Some(detail)) => format!("{kind}: {detail}"),
        };
        Fault {
            template: inner.name().unwrap_or(template).to_owned(),
            file: None,
            line: inner.line(),
            what,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}", file.display())?,
            None => write!(f, "the prompt template '{}'", self.template)?,
        }
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl From<Fault> for crate::Error {
    fn from(fault: Fault) -> crate::Error {
        crate::Error::Invalid(fault.to_string())
    }
}
