//! One line of a transcript, as it is written and as it is read again.
//!
//! A line that the agent CLI printed stands under `out` as it was printed when it is a JSON object, so
//! that `jq .out` gives the agent CLI's own stream; any other line is a string.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::backend::Output;

/// How a run began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Begin {
    /// Whose.
    pub agent: String,
    /// `#12 attempt 1, run 2`.
    pub run: String,
    /// `work`, `verify-failed`, `conflict`, `bounced`, `propose`.
    pub phase: String,
    /// The kind of the agent CLI.
    pub backend: String,
    /// What it prints.
    pub format: Output,
    /// The model that was asked for.
    pub model: Option<String>,
    /// The conversation.
    pub session: Option<String>,
    /// Whether that conversation went on.
    pub resumed: bool,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct End {
    /// `completed`, or what it would make of an attempt: `agent-failed`, `rate-limited` …
    pub ending: String,
    /// Why, in one sentence.
    pub reason: Option<String>,
    /// The conversation, as the agent CLI named it.
    pub session: Option<String>,
}

/// What was not kept, because there was too much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// Lines.
    pub lines: u64,
    /// The bytes of those.
    pub bytes: u64,
}

/// Something to write down.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// The run begins.
    Begin(&'a Begin),
    /// What the agent CLI was asked.
    Prompt(&'a str),
    /// A line of its standard output; true when its end is missing.
    Out(&'a str, bool),
    /// A line of its standard error; true when its end is missing.
    Err(&'a str, bool),
    /// Lines that are not here.
    LeftOut(LeftOut),
    /// The run is over.
    End(&'a End),
}

/// A line, read again. One of its parts is there.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Record {
    /// When, in UTC: `2030-01-31T08:00:00.123Z`.
    pub at: String,
    /// The run begins.
    pub begin: Option<Begin>,
    /// What the agent CLI was asked.
    pub prompt: Option<String>,
    /// A line of its standard output.
    pub out: Option<Out>,
    /// A line of its standard error.
    pub err: Option<String>,
    /// The line's end is missing.
    pub cut: bool,
    /// Lines that are not here.
    pub left_out: Option<LeftOut>,
    /// The run is over.
    pub end: Option<End>,
}

/// A line of standard output.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Out {
    /// It was no JSON object.
    Text(String),
    /// It was one.
    Json(Value),
}

#[derive(Default, Serialize)]
struct Written<'a> {
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    begin: Option<&'a Begin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<Printed<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    err: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<LeftOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'a End>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Printed<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

impl What<'_> {
    /// The line with its break.
    pub fn line(self, at: DateTime<Utc>) -> String {
        let mut written = Written {
            at: at.to_rfc3339_opts(SecondsFormat::Millis, true),
            ..Written::default()
        };
        match self {
            What::Begin(begin) => written.begin = Some(begin),
            What::Prompt(prompt) => written.prompt = Some(prompt),
            What::Out(line, cut) => {
                written.out = Some(printed(line));
                written.cut = cut;
            }
            What::Err(line, cut) => {
                written.err = Some(line);
                written.cut = cut;
            }
            What::LeftOut(left_out) => written.left_out = Some(left_out),
            What::End(end) => written.end = Some(end),
        }
        // Strings and valid JSON: there is nothing that cannot be written.
        let mut line = serde_json::to_string(&written).unwrap_or_default();
        line.push('\n');
        line
    }
}

fn printed(line: &str) -> Printed<'_> {
    match line.trim_start().starts_with('{') {
        true => serde_json::from_str(line).map_or(Printed::Text(line), Printed::Json),
        false => Printed::Text(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(what: What<'_>) -> String {
        let line = what.line(DateTime::from_timestamp_millis(86_400_123).unwrap());
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        line.trim_end().to_owned()
    }

    fn read(line: &str) -> Record {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn an_object_is_kept_as_it_was_printed_and_any_other_line_as_text() {
        for (printed, kept) in [
            (r#"{"b": 1.00,  "a":"é"}"#, r#"{"b": 1.00,  "a":"é"}"#),
            (r#"  {"a":1} "#, r#"{"a":1}"#),
            (r#"{"a":"#, r#""{\"a\":""#),
            ("[1]", r#""[1]""#),
            ("\"a\"", r#""\"a\"""#),
            ("a\u{1b}[31m\u{0}", r#""a\u001b[31m\u0000""#),
        ] {
            assert_eq!(
                written(What::Out(printed, false)),
                format!(r#"{{"at":"1970-01-02T00:00:00.123Z","out":{kept}}}"#)
            );
        }
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
        assert!(written(What::Out(&deep, false)).contains(&deep[..500]));
    }

    #[test]
    fn what_was_written_is_read_again() {
        let begin = Begin {
            agent: "agent-1".into(),
            phase: "work".into(),
            ..Begin::default()
        };
        assert_eq!(read(&written(What::Begin(&begin))).begin, Some(begin));
        let cut = read(&written(What::Err("half", true)));
        assert_eq!((cut.err.as_deref(), cut.cut), (Some("half"), true));
        let out = read(&written(What::Out("{\"a\":1}", false)));
        assert_eq!(out.out, Some(Out::Json(serde_json::json!({"a": 1}))));
        assert_eq!(out.at, "1970-01-02T00:00:00.123Z");
        let text = read(&written(What::Out("a", false)));
        assert_eq!(text.out, Some(Out::Text("a".into())));
        let left_out = LeftOut { lines: 2, bytes: 9 };
        let read_again = read(&written(What::LeftOut(left_out)));
        assert_eq!(read_again.left_out, Some(left_out));
    }
}
