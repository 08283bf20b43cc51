//! What Claude Code itself writes down of a conversation, under HOME. Read when the stream was cut
//! before its result: there each message has what it really used. It is the agent's to write, so
//! nothing of it is trusted: plain files only, and no more of them than a limit.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, read_dir};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use serde_json::Value;

use super::tally::{Tally, message};
use super::word;
use crate::lines::read_lines;

/// So many folders and files are looked at.
const FILES: usize = 1000;
/// So much of all files is read, in bytes.
const BYTES: u64 = 256 << 20;
/// The longest line that is read, in bytes.
const LINE: usize = 16 << 20;

/// The files of one conversation, and how long they were when the run began.
#[derive(Clone, Debug)]
pub struct Archive {
    projects: PathBuf,
    session: String,
    lengths: HashMap<PathBuf, u64>,
}

impl Archive {
    /// Of the conversation `session`, before a run goes on with it. `config` is Claude Code's own
    /// folder.
    pub fn before(config: &Path, session: &str) -> Archive {
        let mut archive = Archive {
            projects: config.join("projects"),
            session: session.to_owned(),
            lengths: HashMap::new(),
        };
        let length = |path: PathBuf| {
            let length = plain_file(&path)?.metadata().ok()?.len();
            Some((path, length))
        };
        archive.lengths = archive.files().into_iter().filter_map(length).collect();
        archive
    }

    /// Corrects a tally by what was written since.
    pub fn correct(&self, tally: &mut Tally) {
        let mut left = BYTES;
        for path in self.files() {
            let Some(mut file) = plain_file(&path) else {
                continue;
            };
            let from = self.lengths.get(&path).copied().unwrap_or(0);
            let grown = file.metadata().map_or(0, |m| m.len().saturating_sub(from));
            if file.seek(SeekFrom::Start(from)).is_err() {
                continue;
            }
            let part = grown.min(left);
            left -= part;
            let _ = read_lines(file.take(part), LINE, |line, cut| {
                let Some(line) = parsed(line).filter(|_| !cut) else {
                    return;
                };
                if word(&line, "type") == "assistant"
                    && let Some((id, message)) = message(&line)
                {
                    tally.correct(&id, &message);
                }
            });
        }
    }

    /// The conversation's own file and those of its subagents, in every project's folder.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for project in entries(&self.projects) {
            files.push(project.join(format!("{}.jsonl", self.session)));
            let subagents = entries(&project.join(&self.session).join("subagents"));
            files.extend(subagents.filter(|p| p.extension().is_some_and(|e| e == "jsonl")));
        }
        files.truncate(FILES);
        files
    }
}

fn parsed(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).ok()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = read_dir(folder).into_iter().flatten().take(FILES);
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// The file, if it is one: no pipe, no device, no link.
fn plain_file(path: &Path) -> Option<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(path)
        .ok()?;
    file.metadata().is_ok_and(|m| m.is_file()).then_some(file)
}
