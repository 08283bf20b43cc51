//! What a conversation has used so far, from the file that Codex keeps of it. Its output says so only
//! at the end of a turn.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use serde_json::Value;
use ticket::usage::Usage;

use super::usage_in;

/// How much of the file's end is read.
const END: u64 = 256 * 1024;
/// Folders by year, month and day.
const DEPTH: u32 = 3;
/// How many entries of a folder are looked at: the agent may have filled it.
const ENTRIES: usize = 1000;

/// What the conversation has used in all; none when there is no file of it, or it does not say.
pub fn used(home: &Path, session: &str) -> Option<Usage> {
    let file = find(&home.join(".codex/sessions"), session, DEPTH)?;
    let end = end_of(&file)?;
    end.lines().rev().find_map(usage_on)
}

fn usage_on(line: &str) -> Option<Usage> {
    if !line.contains("\"token_count\"") {
        return None;
    }
    let event: Value = serde_json::from_str(line).ok()?;
    let total = &event["payload"]["info"]["total_token_usage"];
    total.is_object().then(|| usage_in(total))
}

fn find(folder: &Path, session: &str, depth: u32) -> Option<PathBuf> {
    let name = format!("-{session}.jsonl");
    let entries = fs::read_dir(folder).ok()?.flatten().take(ENTRIES);
    for entry in entries {
        let kind = entry.file_type().ok()?;
        let found = match depth {
            0 if kind.is_file() && entry.file_name().to_string_lossy().ends_with(&name) => {
                Some(entry.path())
            }
            0 => None,
            _ if kind.is_dir() => find(&entry.path(), session, depth - 1),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The file is within the agent's reach: no link is followed and no pipe waited for.
fn end_of(path: &Path) -> Option<String> {
    let mut file: File = OpenOptions::new()
        .read(true)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(path)
        .ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END)))
        .ok()?;
    let mut end = Vec::new();
    file.take(END).read_to_end(&mut end).ok()?;
    Some(String::from_utf8_lossy(&end).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_count_is_the_one_that_counts() {
        let home = tempfile::tempdir().unwrap();
        let day = home.path().join(".codex/sessions/2026/11/21");
        fs::create_dir_all(&day).unwrap();
        let count = |input: u64| {
            format!(
                r#"{{"type":"event_msg","payload":{{"type":"token_count","info":{{"total_token_usage":{{"input_tokens":{input},"cached_input_tokens":600,"output_tokens":50}}}}}}}}"#
            )
        };
        let text = format!("{}\nnoise\n{}\n{{\"cut", count(1000), count(2000));
        fs::write(day.join("rollout-2026-11-21T16-22-02-ab-cd.jsonl"), text).unwrap();
        let used = used(home.path(), "ab-cd").unwrap();
        assert_eq!((used.input_tokens, used.cache_read_tokens), (1400, 600));
        assert_eq!(super::used(home.path(), "other"), None);
    }
}
