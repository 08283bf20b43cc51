//! What `ticket doctor` found: faults, which somebody should mend, and notes, which are good to know.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Result;
use crate::text::{one_line, plain};

/// How many findings of one check are told; the others are counted.
pub const MAX_EACH: usize = 20;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something is broken.
    Fault,
    /// Something is unusual, and does no harm by itself.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// The check that found it, as one word.
    pub check: String,
    /// What is so, in one sentence.
    pub message: String,
    /// What mends it.
    pub remedy: Option<String>,
}

impl Finding {
    /// Something broken.
    pub fn fault(check: &str, message: impl Into<String>, remedy: &str) -> Finding {
        Finding {
            severity: Severity::Fault,
            check: check.to_owned(),
            message: message.into(),
            remedy: Some(remedy.to_owned()),
        }
    }

    /// Something that is good to know.
    pub fn note(check: &str, message: impl Into<String>) -> Finding {
        Finding {
            severity: Severity::Note,
            check: check.to_owned(),
            message: message.into(),
            remedy: None,
        }
    }

    /// The same with what could be done about it.
    pub fn remedy(self, remedy: &str) -> Finding {
        Finding {
            remedy: Some(remedy.to_owned()),
            ..self
        }
    }
}

/// What a doctor's visit found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// What `--repair` did, one sentence each, before the rest was looked at.
    pub repaired: Vec<String>,
    /// What was found, in the order of the checks.
    pub findings: Vec<Finding>,
    /// How many tickets there are, when they could be counted.
    pub tickets: Option<u64>,
}

impl Diagnosis {
    /// Adds what a repair did, or why it did nothing.
    pub fn note_repair(&mut self, repaired: Result<Vec<String>>) {
        match repaired {
            Ok(done) => self.repaired = done,
            Err(error) => self.findings.push(Finding::fault(
                "repair",
                format!("nothing was repaired: {error}"),
                "Mend the other faults first.",
            )),
        }
    }

    /// How many faults there are.
    pub fn faults(&self) -> usize {
        let faults = self.findings.iter();
        faults.filter(|f| f.severity == Severity::Fault).count()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for done in &self.repaired {
            let _ = writeln!(out, "Repaired: {}", plain(done));
        }
        for finding in &self.findings {
            let word = match finding.severity {
                Severity::Fault => "Fault",
                Severity::Note => "Note",
            };
            let _ = writeln!(
                out,
                "{word} ({}): {}",
                finding.check,
                one_line(&finding.message)
            );
            if let Some(remedy) = &finding.remedy {
                let _ = writeln!(out, "  {}", one_line(remedy));
            }
        }
        let looked_at = self
            .tickets
            .map_or(String::new(), |n| format!(" Tickets looked at: {n}."));
        let notes = self.findings.len() - self.faults();
        let _ = match (self.faults(), notes) {
            (0, 0) => write!(out, "Nothing is wrong.{looked_at}"),
            (0, _) => write!(out, "Nothing is wrong; notes: {notes}.{looked_at}"),
            (faults, _) => write!(out, "Faults: {faults}; notes: {notes}.{looked_at}"),
        };
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_how_it_stands() {
        let mut diagnosis = Diagnosis {
            tickets: Some(3),
            ..Diagnosis::default()
        };
        assert_eq!(diagnosis.text(), "Nothing is wrong. Tickets looked at: 3.");
        diagnosis.findings.push(Finding::note("a", "b\u{1b}[2J"));
        assert_eq!(
            diagnosis.text(),
            "Note (a): b[2J\nNothing is wrong; notes: 1. Tickets looked at: 3."
        );
        diagnosis
            .findings
            .push(Finding::fault("c", "d.", "Do that."));
        assert!(
            diagnosis
                .text()
                .contains("Fault (c): d.\n  Do that.\nFaults: 1;")
        );
    }
}
