//! Reading what a child prints: lines of bounded length, and the tail of it all. A child may print
//! a gigabyte without a line break; memory stays where it is.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

pub use ticket::text::{first_bytes, last_bytes};

/// What is kept of one line; the rest of it is skipped.
pub const LINE_LIMIT: usize = 1024 * 1024;
/// What is kept of a log's end.
pub const TAIL_LIMIT: usize = 64 * 1024;

/// Calls `f` with each line (without its break) and whether its end was cut off, until the end.
pub fn read_lines(from: impl Read, limit: usize, mut f: impl FnMut(&[u8], bool)) -> io::Result<()> {
    let mut from = BufReader::with_capacity(64 * 1024, from);
    let mut line = Vec::new();
    let mut cut = false;
    loop {
        let chunk = match from.fill_buf() {
            Ok(chunk) => chunk,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if chunk.is_empty() {
            if !line.is_empty() || cut {
                f(&line, cut);
            }
            return Ok(());
        }
        let end = chunk.iter().position(|b| *b == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        let room = limit - line.len();
        cut |= part.len() > room;
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = part.len() + usize::from(end.is_some());
        from.consume(used);
        if end.is_some() {
            f(&line, cut);
            line.clear();
            cut = false;
        }
    }
}

/// The last lines of a log, at most [`TAIL_LIMIT`] bytes of them.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    /// Adds a line; the oldest ones make room.
    pub fn push(&mut self, line: &str) {
        let line = last_bytes(line, TAIL_LIMIT - 1);
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > TAIL_LIMIT {
            match self.lines.pop_front() {
                Some(old) => self.bytes -= old.len() + 1,
                None => break,
            }
        }
    }

    /// The lines as one text.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes);
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, limit: usize) -> Vec<(String, bool)> {
        let mut seen = Vec::new();
        read_lines(text.as_bytes(), limit, |line, cut| {
            seen.push((String::from_utf8_lossy(line).into_owned(), cut));
        })
        .unwrap();
        seen
    }

    #[test]
    fn lines_come_without_breaks_and_bounded() {
        assert_eq!(lines("", 4), []);
        assert_eq!(
            lines("a\n\nbc", 4),
            [
                ("a".into(), false),
                (String::new(), false),
                ("bc".into(), false)
            ]
        );
        assert_eq!(
            lines("abcd\nabcde\nx", 4),
            [
                ("abcd".into(), false),
                ("abcd".into(), true),
                ("x".into(), false)
            ]
        );
        assert_eq!(lines("abcdef", 4), [("abcd".into(), true)]);
    }

    #[test]
    fn a_tail_keeps_the_last_lines() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.push(&format!("line {number}"));
        }
        let text = tail.text();
        assert!(text.len() <= TAIL_LIMIT);
        assert!(text.ends_with("line 99999\n"));
        assert!(text.starts_with("line "));
    }

    #[test]
    fn a_tail_keeps_the_end_of_an_endless_line() {
        let mut tail = Tail::default();
        tail.push(&format!("{}end", "ä".repeat(TAIL_LIMIT)));
        assert!(tail.text().len() <= TAIL_LIMIT);
        assert!(tail.text().ends_with("end\n"));
    }
}
