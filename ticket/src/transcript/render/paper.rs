//! Where entries are written: the time, then a mark of ours, then text of others, set in and cut.

use std::fmt::Write;

use crate::text;

/// How far text stands in below its entry: as far as the time is wide.
const MARGIN: usize = 9;
/// How far a sub-agent's entries stand in.
const STEP: usize = 4;
/// The deepest that sub-agents are set in.
const DEEPEST: usize = 6;

/// How much is shown of one text.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Lines.
    pub lines: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Cut {
    /// All of it.
    pub const NOT: Cut = Cut {
        lines: usize::MAX,
        bytes: usize::MAX,
    };
}

/// The text of one record.
#[derive(Debug)]
pub struct Paper {
    time: String,
    written: String,
}

impl Paper {
    /// For a record of this time.
    pub fn new(at: &str) -> Paper {
        let time = at.get(11..19).filter(|t| t.is_ascii()).unwrap_or("");
        Paper {
            time: text::one_line(time),
            written: String::new(),
        }
    }

    /// A line across the page.
    pub fn banner(&mut self, words: &str) {
        let words = text::clean(words).replace('\n', " ");
        let _ = writeln!(self.written, "=== {words}");
    }

    /// An entry: `mark` and the first line of `body` behind the time, its further lines below.
    pub fn entry(&mut self, depth: usize, mark: &str, body: &str, cut: Cut) {
        let step = STEP * depth.min(DEEPEST);
        let mark = text::one_line(&text::clean(mark));
        let (time, body) = (&self.time, body.trim_end());
        let mut lines = shown(body, cut).into_iter();
        let one_line = body.lines().nth(1).is_none() && !mark.is_empty();
        let first = match one_line {
            true => lines.next().unwrap_or_default(),
            false => String::new(),
        };
        let head = format!("{time:<8} {:step$}{mark} {first}", "");
        let _ = writeln!(self.written, "{}", head.trim_end());
        for line in lines {
            let line = format!("{:width$}{line}", "", width = MARGIN + step + 2);
            let _ = writeln!(self.written, "{}", line.trim_end());
        }
    }

    /// What was written.
    pub fn text(self) -> String {
        self.written
    }
}

/// The lines that are shown, and how much is not.
fn shown(body: &str, cut: Cut) -> Vec<String> {
    let mut room = cut.bytes;
    let mut lines = Vec::new();
    let mut rest = body.lines();
    while lines.len() < cut.lines && room > 0 {
        let Some(line) = rest.next() else {
            return lines;
        };
        let mut end = line.len().min(room);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let more = line.len() - end;
        room = room.saturating_sub(line.len() + 1);
        let kept = text::clean(&line[..end]);
        lines.push(match more {
            0 => kept,
            more => format!("{kept} … {more} more bytes"),
        });
    }
    match rest.count() {
        0 => {}
        1 => lines.push("… 1 more line".into()),
        more => lines.push(format!("… {more} more lines")),
    }
    lines
}
