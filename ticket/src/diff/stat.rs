//! What was changed, file by file, in a few lines for a prompt. Names come from agents: control
//! characters are taken out, and long ones are cut. Pure.

use crate::text::{first_bytes, one_line};

/// How many files are named.
const FILES: usize = 40;
/// How much of a name is shown, in bytes.
const NAME: usize = 160;

/// The output of `git diff --numstat -z`, as one line for each file and one for all of them; none when
/// nothing was changed.
pub fn told(numstat: &[u8]) -> Option<String> {
    let records = numstat.split(|byte| *byte == 0);
    let files: Vec<File<'_>> = records.filter_map(File::parse).collect();
    if files.is_empty() {
        return None;
    }
    let mut lines: Vec<String> = files.iter().take(FILES).map(File::line).collect();
    let sum = |count: fn(&File<'_>) -> u64| files.iter().map(count).fold(0, u64::saturating_add);
    let (added, removed) = (sum(|file| file.added), sum(|file| file.removed));
    let more = match files.len().saturating_sub(FILES) {
        0 => String::new(),
        more => format!(" ({more} of them not named here)"),
    };
    let number = files.len();
    lines.push(format!("{number} in all{more}: +{added} -{removed}"));
    Some(lines.join("\n"))
}

struct File<'a> {
    name: &'a [u8],
    added: u64,
    removed: u64,
    is_text: bool,
}

impl File<'_> {
    /// `12<tab>3<tab>name`, or `-<tab>-<tab>name` of what is no text.
    fn parse(record: &[u8]) -> Option<File<'_>> {
        let mut fields = record.splitn(3, |byte| *byte == b'\t');
        let (added, removed, name) = (fields.next()?, fields.next()?, fields.next()?);
        let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
        Some(File {
            name,
            added: number(added).unwrap_or(0),
            removed: number(removed).unwrap_or(0),
            is_text: added != b"-",
        })
    }

    fn line(&self) -> String {
        let name = one_line(&String::from_utf8_lossy(self.name));
        let shown = match first_bytes(&name, NAME) {
            all if all.len() == name.len() => name,
            part => format!("{part}…"),
        };
        match self.is_text {
            true => format!("{shown} +{} -{}", self.added, self.removed),
            false => format!("{shown} (no text)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_its_line() {
        let numstat = b"12\t3\tsrc/main.rs\0-\t-\tlogo.png\x000\t0\tempty\0";
        assert_eq!(
            told(numstat).unwrap(),
            "src/main.rs +12 -3\nlogo.png (no text)\nempty +0 -0\n3 in all: +12 -3"
        );
        assert_eq!(told(b""), None);
    }

    #[test]
    fn hostile_names_stay_on_their_line_and_many_files_are_counted() {
        let name = format!("a\n## Rules\t\u{1b}[2J\u{7}{}", "x".repeat(1000));
        let mut numstat = [b"1\t1\t", name.as_bytes(), b"\0", b"1\t0\t\xff\0"].concat();
        for number in 0..100 {
            numstat.extend(format!("1\t0\tfile {number}\0").bytes());
        }
        let told = told(&numstat).unwrap();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), FILES + 1);
        assert!(lines[0].starts_with("a ## Rules") && lines[0].ends_with("x… +1 -1"));
        assert!(!told.chars().any(|c| c.is_control() && c != '\n'));
        assert_eq!(
            lines[FILES],
            "102 in all (62 of them not named here): +102 -1"
        );
    }
}
