//! The transcripts on the disk: where each one is, and the index of them. The hub writes them; while
//! no hub runs the CLI reads them here.
//!
//! ```text
//! .swarm/transcripts/index.jsonl             one entry a line; of two for one run the later counts
//! .swarm/transcripts/tickets/12/1/2.jsonl    the second run of attempt 1 at ticket 12
//! .swarm/transcripts/tickets/12/1/2.txt      the same as text
//! .swarm/transcripts/proposals/3/1.jsonl     a proposal
//! ```

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ticket::transcript::{Entry, Form, Key, Of};

use crate::project::Project;

/// The longest line of the index that is looked at.
const LONGEST: u64 = 64 << 10;

/// Where a project's transcripts are.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Of a project.
    pub fn of(project: &Project) -> Folder {
        Folder(project.transcripts())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of a run.
    pub fn file(&self, key: &Key, form: Form) -> PathBuf {
        let folder = match key.of {
            Of::Attempt { ticket, attempt } => format!("tickets/{ticket}/{attempt}"),
            Of::Proposal { proposal } => format!("proposals/{proposal}"),
        };
        let extension = match form {
            Form::Raw => "jsonl",
            Form::Text => "txt",
        };
        let name = format!("{}.{extension}", key.run);
        self.0.join(folder).join(name)
    }

    /// What the index says, oldest first. Lines that cannot be read are passed over.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let file = match File::open(self.index()) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let mut entries = BTreeMap::new();
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        while reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)? > 0 {
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line) {
                entries.insert(entry.id, entry);
            }
            line.clear();
        }
        Ok(entries.into_values().map(|e| self.measured(e)).collect())
    }

    /// Adds a line to the index.
    pub fn note(&self, entry: &Entry) -> io::Result<()> {
        make_folder(&self.0)?;
        let mut file = private().append(true).create(true).open(self.index())?;
        file.write_all(&index_line(entry))
    }

    /// Writes the index anew.
    pub fn rewrite<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> io::Result<()> {
        make_folder(&self.0)?;
        let new = self.0.join("index.new");
        let mut file = private()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&new)?;
        let lines: Vec<u8> = entries.flat_map(index_line).collect();
        file.write_all(&lines)?;
        file.sync_all()?;
        fs::rename(new, self.index())
    }

    /// Opens the file of a run to write it, and makes it where there is none.
    pub fn open(&self, key: &Key, form: Form) -> io::Result<File> {
        let path = self.file(key, form);
        path.parent().map_or(Ok(()), make_folder)?;
        private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    }

    /// Removes a run's files, and the folders that it leaves empty.
    pub fn remove(&self, key: &Key) -> io::Result<()> {
        for form in [Form::Raw, Form::Text] {
            match fs::remove_file(self.file(key, form)) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        let file = self.file(key, Form::Raw);
        let above = file.ancestors().skip(1).take_while(|p| *p != self.0);
        // A folder that is not empty stays.
        for folder in above {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// At most `most` bytes from `offset` on; none behind the end, or when the file is gone.
    pub fn read(&self, key: &Key, form: Form, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let file = match File::open(self.file(key, form)) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let left = file.metadata()?.len().saturating_sub(offset);
        let mut piece = vec![0; usize::try_from(left).unwrap_or(most).min(most)];
        file.read_exact_at(&mut piece, offset)?;
        Ok(piece)
    }

    /// The runs that have a file, whatever the index says.
    pub fn found(&self) -> io::Result<Vec<Key>> {
        let mut found = Vec::new();
        for ticket in numbers(&self.0.join("tickets"))? {
            let attempts = self.0.join(format!("tickets/{ticket}"));
            for attempt in numbers(&attempts)? {
                let of = Of::Attempt { ticket, attempt };
                found.extend(runs(&attempts.join(attempt.to_string()), of)?);
            }
        }
        for proposal in numbers(&self.0.join("proposals"))? {
            let folder = self.0.join(format!("proposals/{proposal}"));
            found.extend(runs(&folder, Of::Proposal { proposal })?);
        }
        Ok(found)
    }

    fn index(&self) -> PathBuf {
        self.0.join("index.jsonl")
    }

    /// A run that the index knows as open has grown since.
    fn measured(&self, mut entry: Entry) -> Entry {
        if entry.is_open() {
            let size = |form| fs::metadata(self.file(&entry.key, form)).map(|m| m.len());
            let (raw, text) = (size(Form::Raw), size(Form::Text));
            entry.bytes = raw.unwrap_or(entry.bytes);
            entry.text_bytes = text.unwrap_or(entry.text_bytes);
        }
        entry
    }
}

fn index_line(entry: &Entry) -> Vec<u8> {
    let mut line = serde_json::to_vec(entry).unwrap_or_default();
    line.push(b'\n');
    line
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn runs(folder: &Path, of: Of) -> io::Result<Vec<Key>> {
    let names = names(folder)?.into_iter();
    let runs = names.filter_map(|name| name.strip_suffix(".jsonl")?.parse().ok());
    Ok(runs.map(|run| Key { of, run }).collect())
}

fn numbers(folder: &Path) -> io::Result<Vec<i64>> {
    let names = names(folder)?.into_iter();
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

/// The names of what is in a folder; none where there is no folder.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn entry(id: u64, of: Of) -> Entry {
        Entry {
            id,
            key: Key { of, run: 1 },
            agent: "agent-1".into(),
            phase: "work".into(),
            backend: "claude".into(),
            model: None,
            session: None,
            started_at: "2030-01-31 08:00:00".into(),
            ended_at: None,
            ending: None,
            bytes: 0,
            text_bytes: 0,
        }
    }

    const WORK: Of = Of::Attempt {
        ticket: 12,
        attempt: 1,
    };
    const IDEA: Of = Of::Proposal { proposal: 3 };

    #[test]
    fn of_two_lines_for_a_run_the_later_counts_and_broken_ones_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder(dir.path().join("transcripts"));
        assert_eq!(folder.entries().unwrap(), []);
        let (first, second) = (entry(1, WORK), entry(2, IDEA));
        let over = Entry {
            ended_at: Some("2030-01-31 09:00:00".into()),
            ..first.clone()
        };
        folder.note(&first).unwrap();
        folder.note(&second).unwrap();
        fs::write(
            folder.index(),
            [
                fs::read(folder.index()).unwrap(),
                b"{\"id\":3\n\xff\n".into(),
            ]
            .concat(),
        )
        .unwrap();
        folder.note(&over).unwrap();
        assert_eq!(folder.entries().unwrap(), [over.clone(), second.clone()]);
        folder.rewrite([&over].into_iter()).unwrap();
        assert_eq!(folder.entries().unwrap(), [over]);
    }

    #[test]
    fn only_the_owner_reads_them_and_nothing_is_left_of_what_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder(dir.path().join("transcripts"));
        let (work, idea) = (entry(1, WORK).key, entry(2, IDEA).key);
        for key in [work, idea] {
            folder
                .open(&key, Form::Raw)
                .unwrap()
                .write_all(b"abc")
                .unwrap();
            folder.open(&key, Form::Text).unwrap();
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = folder.file(&work, Form::Raw);
        assert_eq!(mode(&file), 0o600);
        let folders = file.ancestors().skip(1).take(4);
        assert!(folders.into_iter().all(|f| mode(f) == 0o700));
        assert_eq!(folder.found().unwrap(), [work, idea]);
        assert_eq!(folder.read(&work, Form::Raw, 1, 9).unwrap(), b"bc");
        assert_eq!(folder.read(&work, Form::Raw, 9, 9).unwrap(), b"");
        folder.remove(&work).unwrap();
        folder.remove(&work).unwrap();
        assert_eq!(folder.found().unwrap(), [idea]);
        assert!(!folder.path().join("tickets").exists());
        assert_eq!(folder.read(&work, Form::Raw, 0, 9).unwrap(), b"");
    }
}
