//! What the interviewer has written so far: files in `.swarm/interview/`, each checked when it comes.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::script;
use crate::project::Project;

/// The longest document, in bytes.
const LONGEST: usize = 64 << 10;
/// The shortest PROJECT.md that describes anything, in characters.
const SHORTEST: usize = 120;
/// The longest name of an image.
const LONGEST_IMAGE: usize = 200;
/// The longest sentence at the end.
const LONGEST_SUMMARY: usize = 1000;
/// Says that the interviewer is done; holds its last sentence.
const FINISHED: &str = "finished";
/// Holds the name of the base image.
const IMAGE: &str = "base-image";

/// A file that the interviewer may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// What agents should know.
    Project,
    /// The gate.
    Verify,
    /// What the agents' image needs.
    Setup,
}

impl Document {
    /// All of them.
    pub const ALL: [Document; 3] = [Document::Project, Document::Verify, Document::Setup];

    /// Its name at the project's root.
    pub fn name(self) -> &'static str {
        match self {
            Document::Project => "PROJECT.md",
            Document::Verify => "verify.sh",
            Document::Setup => "project-setup.sh",
        }
    }

    /// Whether it is a program.
    pub fn is_script(self) -> bool {
        self != Document::Project
    }
}

/// The drafts of one interview.
#[derive(Clone, Debug)]
pub struct Drafts {
    folder: PathBuf,
}

impl Drafts {
    /// Those of a project.
    pub fn of(project: &Project) -> Drafts {
        Drafts {
            folder: project.folder().join("interview"),
        }
    }

    /// Forgets what an earlier interview wrote.
    pub fn begin(&self) -> Result<()> {
        let place = self.folder.display();
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&self.folder),
        }
        .with_context(|| format!("cannot make {place}"))
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a document; an error says what is wrong with it.
    pub fn write(&self, document: Document, text: &str) -> Result<(), String> {
        let text = checked(document, text)?;
        self.put(document.name(), &text)
    }

    /// Keeps the name of the base image; an error says what is wrong with it.
    pub fn set_image(&self, image: &str) -> Result<(), String> {
        let image = image.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
        if image.is_empty() || image.len() > LONGEST_IMAGE || !image.chars().all(fits) {
            return Err("expected the name of an image, such as python:3.13-slim".into());
        }
        self.put(IMAGE, image)
    }

    /// Ends the interview; an error says what is missing.
    pub fn finish(&self, summary: &str) -> Result<(), String> {
        for document in [Document::Project, Document::Verify] {
            if self.read(document).map_err(|e| e.to_string())?.is_none() {
                let name = document.name();
                return Err(format!("{name} is not written yet: it is needed"));
            }
        }
        let summary: String = ticket::text::one_line(summary)
            .chars()
            .take(LONGEST_SUMMARY)
            .collect();
        self.put(FINISHED, &summary)
    }

    /// Whether the interviewer said that it is done.
    pub fn is_finished(&self) -> bool {
        self.folder.join(FINISHED).is_file()
    }

    /// What the project is, in the interviewer's sentence.
    pub fn summary(&self) -> Result<String> {
        Ok(self.get(FINISHED)?.unwrap_or_default())
    }

    /// A document, if it was written. It is checked again: the file lay around meanwhile.
    pub fn read(&self, document: Document) -> Result<Option<String>> {
        let text = self.get(document.name())?;
        let checked = text.map(|text| checked(document, &text));
        checked
            .transpose()
            .map_err(|what| anyhow::anyhow!("{}: {what}", document.name()))
    }

    /// The base image, if another one was chosen.
    pub fn image(&self) -> Result<Option<String>> {
        self.get(IMAGE)
    }

    fn put(&self, name: &str, text: &str) -> Result<(), String> {
        let file = self.folder.join(name);
        let draft = self.folder.join(format!("{name}.new"));
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &file))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))
    }

    fn get(&self, name: &str) -> Result<Option<String>> {
        let file = self.folder.join(name);
        match fs::read_to_string(&file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }
}

/// The text as it is kept, or what is wrong with it.
fn checked(document: Document, text: &str) -> Result<String, String> {
    if text.len() > LONGEST {
        let most = LONGEST >> 10;
        return Err(format!("it is too long: at most {most} KiB"));
    }
    let text = text.replace("\r\n", "\n");
    if let Some(strange) = text
        .chars()
        .find(|c| c.is_control() && !"\n\t".contains(*c))
    {
        let code = u32::from(strange);
        return Err(format!("it has a control character (U+{code:04X})"));
    }
    let text = format!("{}\n", text.trim_end());
    match document {
        Document::Project => described(&text)?,
        Document::Verify | Document::Setup => script::check(&text)?,
    }
    Ok(text)
}

fn described(text: &str) -> Result<(), String> {
    if !text.starts_with("# ") {
        return Err("expected Markdown that begins with a heading, '# ...'".into());
    }
    if text.chars().count() < SHORTEST {
        return Err(
            "it says too little: what is the project, for whom, and what is to be built?".into(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTION: &str = "# Till\n\nA till for small shops. It adds up what is sold, prints receipts and closes the day. Cashiers use it on a tablet.\n";
    const VERIFY: &str = "#!/bin/sh\nset -eu\npython3 -m pytest -q\n";

    fn drafts() -> (tempfile::TempDir, Drafts) {
        let dir = tempfile::tempdir().unwrap();
        let drafts = Drafts {
            folder: dir.path().join("interview"),
        };
        drafts.begin().unwrap();
        (dir, drafts)
    }

    #[test]
    fn an_interview_ends_when_what_is_needed_is_there() {
        let (_dir, drafts) = drafts();
        assert!(drafts.finish("x").unwrap_err().contains("PROJECT.md"));
        drafts.write(Document::Project, DESCRIPTION).unwrap();
        assert!(drafts.finish("x").unwrap_err().contains("verify.sh"));
        drafts.write(Document::Verify, VERIFY).unwrap();
        assert!(!drafts.is_finished());
        drafts.finish("A till\nfor shops").unwrap();
        assert!(drafts.is_finished());
        assert_eq!(
            drafts.read(Document::Verify).unwrap().as_deref(),
            Some(VERIFY)
        );
        assert_eq!(drafts.read(Document::Setup).unwrap(), None);
        drafts.begin().unwrap();
        assert!(!drafts.is_finished());
        assert_eq!(drafts.read(Document::Verify).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_right_is_said() {
        let (_dir, drafts) = drafts();
        for (document, text, words) in [
            (Document::Project, "", "begins with a heading"),
            (Document::Project, "# Till\n", "says too little"),
            (Document::Project, "# Till \u{1b}[2J", "U+001B"),
            (Document::Verify, "pytest\n", "first line"),
            (Document::Setup, "#!/bin/sh\nif true\n", "syntax"),
        ] {
            let error = drafts.write(document, text).unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
        }
        let long = format!("# {}", "x".repeat(LONGEST));
        assert!(
            drafts
                .write(Document::Project, &long)
                .unwrap_err()
                .contains("64 KiB")
        );
        assert!(drafts.set_image("rust:1-slim").is_ok());
        for image in ["", "a b", "x\ny", "$(x)"] {
            assert!(drafts.set_image(image).is_err(), "{image}");
        }
    }

    #[test]
    fn a_draft_that_was_tampered_with_is_refused() {
        let (_dir, drafts) = drafts();
        drafts.write(Document::Verify, VERIFY).unwrap();
        fs::write(drafts.folder().join("verify.sh"), "x").unwrap();
        let error = drafts.read(Document::Verify).unwrap_err().to_string();
        assert!(error.starts_with("verify.sh: "), "{error}");
    }
}
