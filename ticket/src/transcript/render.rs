//! A transcript as text: one entry for each thing that happened, its time before it, whatever an agent
//! wrote set in below. So nothing that an agent prints can pass for an entry of ours.

mod calls;
mod claude;
mod codex;
mod gemini;
mod opencode;
mod other;
mod paper;

use std::borrow::Cow;

use self::claude::Claude;
use self::gemini::Gemini;
use self::paper::{Cut, Paper};
use super::{Begin, End, Out, Record};
use crate::backend::Output;
use crate::text;

/// What is shown of a prompt.
const PROMPT: Cut = Cut {
    lines: 60,
    bytes: 8 * 1024,
};
/// What is shown of a line of plain output.
const LINE: Cut = Cut {
    lines: 1,
    bytes: 4 * 1024,
};

/// How agent CLIs may write their output.
#[derive(Debug, Default)]
enum Format {
    /// Claude Code's stream-json.
    Claude(Claude),
    /// Codex' events.
    Codex,
    /// opencode's events.
    Opencode,
    /// Gemini CLI's stream-json.
    Gemini(Gemini),
    /// One JSON object a line, or any text.
    #[default]
    Other,
}

/// Makes text of a transcript, line by line. The same lines give the same text.
#[derive(Debug, Default)]
pub struct Renderer {
    format: Format,
}

impl Renderer {
    /// At the beginning of a transcript.
    pub fn new() -> Renderer {
        Renderer::default()
    }

    /// The text of one line, with its breaks; empty when there is nothing to show.
    pub fn line(&mut self, line: &str) -> String {
        if line.trim().is_empty() {
            return String::new();
        }
        match read(line) {
            Some(record) => self.record(&record),
            None => format!("(a line that cannot be read, {})\n", size(line.len())),
        }
    }

    fn record(&mut self, record: &Record) -> String {
        let mut paper = Paper::new(&record.at);
        if let Some(begin) = &record.begin {
            self.format = match begin.format {
                Output::ClaudeStreamJson => Format::Claude(Claude::default()),
                Output::CodexJson => Format::Codex,
                Output::OpencodeJson => Format::Opencode,
                Output::GeminiStreamJson => Format::Gemini(Gemini::default()),
                Output::Text => Format::Other,
            };
            paper.banner(&beginning(begin, &record.at));
        }
        if let Some(prompt) = &record.prompt {
            paper.entry(0, "prompt:", prompt, PROMPT);
        }
        match &record.out {
            Some(Out::Json(message)) if !record.cut => match &mut self.format {
                Format::Claude(claude) => claude.show(message, &mut paper),
                Format::Codex => codex::show(message, &mut paper),
                Format::Opencode => opencode::show(message, &mut paper),
                Format::Gemini(gemini) => gemini.show(message, &mut paper),
                Format::Other => other::show(message, &mut paper),
            },
            Some(Out::Json(_)) => paper.entry(0, "(a line without its end)", "", LINE),
            Some(Out::Text(line)) => paper.entry(0, &cut("|", record.cut), line, LINE),
            None => {}
        }
        if let Some(line) = &record.err {
            paper.entry(0, &cut("stderr:", record.cut), line, LINE);
        }
        if let Some(left_out) = &record.left_out {
            let (lines, bytes) = (left_out.lines, text::size(left_out.bytes));
            paper.banner(&format!("{lines} further lines ({bytes}) were not kept"));
        }
        if let Some(end) = &record.end {
            if let Format::Gemini(gemini) = &mut self.format {
                gemini.pause(&mut paper);
            }
            paper.banner(&ending(end));
        }
        paper.text()
    }
}

fn cut(mark: &str, cut: bool) -> String {
    match cut {
        true => format!("{mark} (without its end)"),
        false => mark.to_owned(),
    }
}

fn beginning(begin: &Begin, at: &str) -> String {
    let mut words = format!(
        "{}: {} by {}, {}",
        begin.run, begin.phase, begin.agent, begin.backend
    );
    if let Some(model) = &begin.model {
        words += &format!(" with {model}");
    }
    if let Some(session) = &begin.session {
        let goes_on = if begin.resumed { ", resumed" } else { "" };
        words += &format!(", session {session}{goes_on}");
    }
    format!("{words}, at {at}")
}

fn ending(end: &End) -> String {
    match &end.reason {
        Some(reason) => format!("end: {}, {reason}", end.ending),
        None => format!("end: {}", end.ending),
    }
}

fn read(line: &str) -> Option<Record> {
    let read = serde_json::from_str(line).ok();
    read.or_else(|| serde_json::from_str(&mended(line)).ok())
}

/// The line with halves of surrogate pairs replaced: a program that cuts a text within a character
/// writes them, and they are no text.
fn mended(line: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended += before;
        let length = match (half(escape), half(&escape[escape.len().min(6)..])) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                mended += "\\ufffd";
                rest = &escape[6..];
                continue;
            }
            _ => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        mended += &escape[..length];
        rest = &escape[length..];
    }
    match mended.is_empty() {
        true => line.into(),
        false => (mended + rest).into(),
    }
}

/// The number of an escape `\uXXXX` at the beginning of `text`.
fn half(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

fn size(bytes: usize) -> String {
    text::size(u64::try_from(bytes).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
