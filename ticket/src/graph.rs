//! A file that holds a whole graph of tickets: JSON objects one after the other, or one array of
//! them, with the fields of [`NewTicket`] and a `key` by which the others can refer to one. Pure;
//! tickets that are referred to by id are the store's to look up.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::moment;
use crate::text::one_line;
use crate::ticket::{NewTicket, TicketType};
use crate::words::nearest;

mod circle;

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;
/// The field that names a ticket within its file.
const KEY: &str = "key";
/// The fields that name other tickets.
const REFERENCES: [&str; 3] = ["parent", "blocked_by", "block_dependents_of"];
/// Every field of [`NewTicket`].
const FIELDS: [&str; 13] = [
    "title",
    "description",
    "parent",
    "assign",
    "blocked_by",
    "block_dependents_of",
    "created_by",
    "type",
    "priority",
    "labels",
    "wait_for_children",
    "not_before",
    "max_budget_usd",
];

/// Tickets that are to be made together, in the order of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Graph {
    /// Their names in the file.
    pub keys: Vec<Option<String>>,
    /// The tickets; a reference to `-k` means the `k`-th of them.
    pub tickets: Vec<NewTicket>,
}

/// Reads the text of a file. Every refusal names the line.
pub fn parse(text: &str) -> Result<Graph> {
    let mut entries = entries(text)?;
    if entries.is_empty() {
        return Err(Error::Invalid("the file holds no ticket".into()));
    }
    let places = places(&mut entries)?;
    let tickets = entries
        .iter_mut()
        .map(|entry| entry.ticket(&places))
        .collect::<Result<Vec<_>>>()?;
    let names: Vec<String> = entries.iter().map(Entry::name).collect();
    circle::refuse(&tickets, &names)?;
    let keys = entries.into_iter().map(|entry| entry.key).collect();
    Ok(Graph { keys, tickets })
}

/// One ticket of the file, not yet understood.
struct Entry {
    line: usize,
    key: Option<String>,
    fields: Map<String, Value>,
}

impl Entry {
    /// The ticket, its keys replaced by places in the file.
    fn ticket(&mut self, places: &HashMap<String, usize>) -> Result<NewTicket> {
        self.check_fields()?;
        for field in REFERENCES {
            if let Some(mut value) = self.fields.remove(field) {
                self.resolve(field, &mut value, places)?;
                self.fields.insert(field.to_owned(), value);
            }
        }
        self.resolve_words()?;
        let fields = Value::Object(std::mem::take(&mut self.fields));
        let ticket: NewTicket = serde_path_to_error::deserialize(fields)
            .map_err(|e| self.wrong(&e.path().to_string(), &e.inner().to_string()))?;
        ticket
            .check()
            .map_err(|e| Error::Invalid(format!("line {}: {e}", self.line)))?;
        Ok(ticket)
    }

    fn check_fields(&self) -> Result<()> {
        let Some(unknown) = self.fields.keys().find(|f| !FIELDS.contains(&f.as_str())) else {
            return Ok(());
        };
        let near = suggestion(unknown, FIELDS.iter().chain([&KEY]).copied());
        let all = FIELDS.join(", ");
        Err(Error::Invalid(format!(
            "line {}: unknown field '{}': use {KEY}, {all}{near}",
            self.line,
            one_line(unknown)
        )))
    }

    /// Replaces keys in a field by places: a string, or the strings of an array.
    fn resolve(
        &self,
        field: &str,
        value: &mut Value,
        places: &HashMap<String, usize>,
    ) -> Result<()> {
        match value {
            Value::String(key) => {
                let place = places
                    .get(key.as_str())
                    .ok_or_else(|| self.no_such_key(field, key, places))?;
                *value = Value::from(-(*place as i64) - 1);
                Ok(())
            }
            Value::Array(all) => all
                .iter_mut()
                .try_for_each(|one| self.resolve(field, one, places)),
            Value::Number(id) if id.as_i64().is_some_and(|id| id < 1) => {
                Err(self.wrong(field, &format!("{id} is not the id of a ticket")))
            }
            _ => Ok(()),
        }
    }

    /// Words that the command line takes too: types, and moments that are not in Unix seconds.
    fn resolve_words(&mut self) -> Result<()> {
        if let Some(Value::String(word)) = self.fields.get("type") {
            word.parse::<TicketType>()
                .map_err(|e| self.wrong("type", &e))?;
        }
        if let Some(Value::String(time)) = self.fields.get("not_before") {
            let moment = moment::parse(time, moment::now())
                .map_err(|e| self.wrong("not_before", &format!("'{}': {e}", one_line(time))))?;
            self.fields.insert("not_before".into(), moment.into());
        }
        Ok(())
    }

    fn no_such_key(&self, field: &str, key: &str, places: &HashMap<String, usize>) -> Error {
        let hint = match key.parse::<i64>() {
            Ok(_) => "; write the id of a ticket without quotes".into(),
            Err(_) => suggestion(key, places.keys().map(String::as_str)),
        };
        let what = format!(
            "no ticket of the file has the key '{}'{hint}",
            one_line(key)
        );
        self.wrong(field, &what)
    }

    fn wrong(&self, field: &str, what: &str) -> Error {
        Error::Invalid(format!("line {}, field '{field}': {what}", self.line))
    }

    /// What a person calls it.
    fn name(&self) -> String {
        match &self.key {
            Some(key) => one_line(key),
            None => format!("line {}", self.line),
        }
    }
}

/// The objects of the file, each with the line that it begins in.
fn entries(text: &str) -> Result<Vec<Entry>> {
    let values: Vec<&RawValue> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        serde_json::Deserializer::from_str(text)
            .into_iter()
            .collect()
    }
    .map_err(|e| Error::Invalid(format!("the file is not JSON: {e}")))?;
    let mut lines = Lines {
        text,
        at: 0,
        line: 1,
    };
    values
        .into_iter()
        .map(|value| entry(lines.of(value.get()), value.get()))
        .collect()
}

fn entry(line: usize, json: &str) -> Result<Entry> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(json) else {
        return Err(Error::Invalid(format!(
            "line {line}: a ticket is a JSON object, such as {{\"key\": \"a\", \"title\": \"Do it\"}}"
        )));
    };
    let key = match fields.remove(KEY) {
        None | Some(Value::Null) => None,
        Some(Value::String(key)) if !key.trim().is_empty() => Some(key),
        Some(_) => {
            return Err(Error::Invalid(format!(
                "line {line}, field '{KEY}': a key is a string that is not blank"
            )));
        }
    };
    Ok(Entry { line, key, fields })
}

/// Counts lines up to parts of one text, which come in their order.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line in which this part of the text begins.
    fn of(&mut self, part: &str) -> usize {
        let begin = (part.as_ptr() as usize) - (self.text.as_ptr() as usize);
        let passed = &self.text.as_bytes()[self.at..begin];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.at = begin;
        self.line
    }
}

/// Where each key stands, from 0 on. A key belongs to one ticket.
fn places(entries: &mut [Entry]) -> Result<HashMap<String, usize>> {
    let mut places = HashMap::new();
    for (place, entry) in entries.iter().enumerate() {
        let Some(key) = &entry.key else { continue };
        if let Some(first) = places.insert(key.clone(), place) {
            return Err(Error::Invalid(format!(
                "line {}: the key '{}' is taken by line {}",
                entry.line,
                one_line(key),
                entries[first].line
            )));
        }
    }
    Ok(places)
}

fn suggestion<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    nearest(word, &names).map_or(String::new(), |near| {
        format!("; did you mean {}?", one_line(near))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_fields_are_those_of_a_new_ticket() {
        let Value::Object(fields) = serde_json::to_value(NewTicket::default()).unwrap() else {
            panic!("a new ticket is an object");
        };
        let mut known = FIELDS.to_vec();
        known.sort_unstable();
        assert_eq!(fields.keys().collect::<Vec<_>>(), known);
    }

    #[test]
    fn keys_become_places_and_ids_stay() {
        let text = r#"{"key": "a", "title": "A", "blocked_by": ["b", 7]}
            {"key": "b", "title": "B", "parent": "a", "not_before": "2030-01-01 00:00:00"}"#;
        for text in [
            text.to_owned(),
            format!("[{}]", text.replace("}\n", "},\n")),
        ] {
            let graph = parse(&text).unwrap();
            assert_eq!(graph.keys, [Some("a".into()), Some("b".into())]);
            assert_eq!(graph.tickets[0].blocked_by, [-2, 7]);
            assert_eq!(graph.tickets[1].parent, Some(-1));
            assert_eq!(graph.tickets[1].not_before, Some(1_893_456_000));
        }
    }

    #[test]
    fn a_refusal_names_the_line_and_the_field() {
        for (text, sentence) in [
            ("", "the file holds no ticket"),
            (
                "{\"title\": \"a\"}\n{\"title\": }",
                "the file is not JSON: expected value at line 2 column 11",
            ),
            (
                "{\"title\": \"a\"}\n\n7",
                "line 3: a ticket is a JSON object",
            ),
            (
                "{\"titel\": \"a\"}",
                "line 1: unknown field 'titel': use key, title,",
            ),
            ("{\"titel\": \"a\"}", "did you mean title?"),
            (
                "[\n{\"title\": \"a\", \"priority\": \"high\"}]",
                "line 2, field 'priority': invalid type: string \"high\"",
            ),
            (
                "{\"title\": \"a\", \"type\": \"tsk\"}",
                "line 1, field 'type': unknown type 'tsk': use task,",
            ),
            ("{\"title\": \" \"}", "line 1: the title cannot be empty"),
            (
                "{\"title\": \"a\", \"labels\": [\"a b\"]}",
                "line 1: 'a b' is not a label",
            ),
            (
                "{\"title\": \"a\", \"key\": 7}",
                "line 1, field 'key': a key is a string",
            ),
            (
                "{\"title\": \"a\", \"parent\": -1}",
                "line 1, field 'parent': -1 is not the id of a ticket",
            ),
            (
                "{\"title\": \"a\", \"not_before\": \"soon\"}",
                "line 1, field 'not_before': 'soon': use +30m",
            ),
        ] {
            let said = refused(text);
            assert!(said.contains(sentence), "{said}");
        }
    }

    #[test]
    fn a_key_belongs_to_one_ticket() {
        let said = refused("{\"key\":\"a\",\"title\":\"A\"}\n{\"key\":\"a\",\"title\":\"B\"}");
        assert_eq!(said, "line 2: the key 'a' is taken by line 1");
    }

    #[test]
    fn an_unknown_key_gets_the_nearest() {
        let said = refused(
            "{\"key\":\"parser\",\"title\":\"A\"}\n{\"title\":\"B\",\"blocked_by\":[\"parsr\"]}",
        );
        assert_eq!(
            said,
            "line 2, field 'blocked_by': no ticket of the file has the key 'parsr'; did you mean parser?"
        );
        let said = refused("{\"title\":\"B\",\"parent\":\"12\"}");
        assert!(
            said.ends_with("write the id of a ticket without quotes"),
            "{said}"
        );
    }
}
