//! Whether a value is what the schema says: unknown keys, wrong types, numbers out of bounds. Knows the
//! part of JSON Schema that ours uses, and says what is wrong as a person would. Pure.

use regex::Regex;
use serde_json::Value;
use ticket::text::one_line;

use super::path::{self, Path};
use super::schema;
use super::view::may_be_secret;

/// The longest value that is repeated in a sentence, in characters.
const LONGEST: usize = 60;
/// How alike a name must be to be worth a question, of 1.
const ALIKE: f64 = 0.75;

/// Something that is wrong with one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its path; empty for the whole.
    pub path: Path,
    /// What is wrong, and what was expected.
    pub what: String,
}

impl Fault {
    /// Of this path.
    pub fn new<S: ToString>(path: &[S], what: impl Into<String>) -> Fault {
        Fault {
            path: path.iter().map(ToString::to_string).collect(),
            what: what.into(),
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.is_empty() {
            true => f.write_str(&self.what),
            false => write!(f, "{}: {}", path::written(&self.path), self.what),
        }
    }
}

/// Everything that is wrong with a configuration, in order.
pub fn faults(value: &Value) -> Vec<Fault> {
    let mut found = Vec::new();
    look(&mut Vec::new(), value, schema::schema(), &mut found);
    found
}

/// What is wrong with the value of one key.
pub fn faults_at(path: &[String], value: &Value, schema: &'static Value) -> Vec<Fault> {
    let mut found = Vec::new();
    look(&mut path.to_vec(), value, schema, &mut found);
    found
}

/// What to say about a key that is not there; `known` are those that are.
pub fn unknown(path: &[String], known: &[&str]) -> Fault {
    let (name, above) = match path.split_last() {
        Some((name, above)) => (name.as_str(), above),
        None => ("", path),
    };
    let full = |name: &str| path::written(&[above, &[name.to_owned()]].concat());
    let near = nearest(name, known)
        .map(str::to_owned)
        .or_else(|| elsewhere(name));
    let near = near.map_or(String::new(), |near| match known.contains(&near.as_str()) {
        true => format!("; did you mean {}?", full(&near)),
        false => format!("; did you mean {near}?"),
    });
    let known = known.join(", ");
    let place = match above.is_empty() {
        true => "the keys are".to_owned(),
        false => format!("the keys of {} are", path::written(above)),
    };
    Fault::new(path, format!("there is no such key: {place} {known}{near}"))
}

/// The name that is most like `word`, when one is like it at all.
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase().replace(['-', ' '], "_");
    names
        .iter()
        .map(|name| (strsim::jaro_winkler(&word, &name.to_lowercase()), *name))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// The one key that ends in this name, wherever it is.
fn elsewhere(name: &str) -> Option<String> {
    let keys = schema::keys();
    let mut found = keys
        .iter()
        .filter(|key| key.path.last().is_some_and(|last| *last == name));
    match (found.next(), found.next()) {
        (Some(one), None) => Some(one.path.join(".")),
        _ => None,
    }
}

fn look(at: &mut Path, value: &Value, schema: &'static Value, found: &mut Vec<Fault>) {
    let may_be_null = schema::object(schema) != schema || has_type(schema, "null");
    if value.is_null() && may_be_null {
        return;
    }
    let schema = schema::object(schema);
    if !fits(value, schema) {
        let not = match may_be_secret(at) {
            true => String::new(),
            false => format!(", not {}", shown(value)),
        };
        found.push(Fault::new(
            at,
            format!("expected {}{not}", expected(schema)),
        ));
        return;
    }
    match value {
        Value::Object(entries) => look_into(at, entries, schema, found),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                if let Some(schema) = schema.get("items") {
                    at.push(number.to_string());
                    look(at, item, schema, found);
                    at.pop();
                }
            }
        }
        _ => {}
    }
}

fn look_into(
    at: &mut Path,
    entries: &serde_json::Map<String, Value>,
    schema: &'static Value,
    found: &mut Vec<Fault>,
) {
    let fixed = schema::properties(schema);
    for (name, value) in entries {
        let known = fixed.and_then(|fixed| fixed.get(name));
        at.push(name.clone());
        match known.or_else(|| schema::free_names(schema)) {
            Some(schema) => look(at, value, schema, found),
            None => {
                let names = fixed.into_iter().flat_map(|fixed| fixed.keys());
                let names: Vec<&str> = names.map(String::as_str).collect();
                found.push(unknown(at, &names));
            }
        }
        at.pop();
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap_or_default();
        let Some(expects) = fixed.and_then(|fixed| fixed.get(name)) else {
            continue;
        };
        if !entries.contains_key(name) {
            let what = format!("{name} is missing: expected {}", expected(expects));
            found.push(Fault::new(at, what));
        }
    }
}

/// Whether the value itself fits; what is in it is looked at by itself.
fn fits(value: &Value, schema: &Value) -> bool {
    if let Some(words) = words(schema) {
        return value.as_str().is_some_and(|value| words.contains(&value));
    }
    let of_type = match value {
        Value::Null => has_type(schema, "null"),
        Value::Bool(_) => has_type(schema, "boolean"),
        Value::Number(number) => {
            let whole = number.is_i64() || number.is_u64();
            has_type(schema, "number") || (whole && has_type(schema, "integer"))
        }
        Value::String(_) => has_type(schema, "string"),
        Value::Array(_) => has_type(schema, "array"),
        Value::Object(_) => has_type(schema, "object"),
    };
    let bounded = value.as_f64().is_none_or(|number| {
        let bound = |name: &str| schema[name].as_f64();
        bound("minimum").is_none_or(|least| number >= least)
            && bound("maximum").is_none_or(|most| number <= most)
            && bound("exclusiveMinimum").is_none_or(|below| number > below)
    });
    let matches = value.as_str().is_none_or(|text| {
        let pattern = schema["pattern"].as_str();
        pattern.is_none_or(|pattern| Regex::new(pattern).is_ok_and(|regex| regex.is_match(text)))
    });
    of_type && bounded && matches
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == name,
        Value::Array(several) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// The words that a key may have, where those are all.
pub fn words(schema: &Value) -> Option<Vec<&str>> {
    let all = schema.get("enum").or_else(|| schema.get("oneOf"))?;
    let words = all.as_array()?.iter();
    words
        .map(|one| one.as_str().or_else(|| one["const"].as_str()))
        .collect()
}

/// What a key may have, in words.
pub fn expected(schema: &'static Value) -> String {
    let schema = schema::object(schema);
    if let Some(words) = words(schema) {
        let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        return format!("one of {}", quoted.join(", "));
    }
    if schema.get("pattern").is_some() {
        return "a size such as \"4g\" or \"512m\"".into();
    }
    let whole = has_type(schema, "integer");
    if whole || has_type(schema, "number") {
        let what = if whole { "a whole number" } else { "a number" };
        let bound = |name: &str| schema.get(name).map(shown);
        let above = bound("exclusiveMinimum");
        return match (bound("minimum"), bound("maximum"), above) {
            (Some(least), Some(most), _) => format!("{what} from {least} to {most}"),
            (Some(least), None, _) => format!("{what}, at least {least}"),
            (None, _, Some(above)) => format!("{what} above {above}"),
            _ => what.into(),
        };
    }
    if has_type(schema, "array") {
        let items = schema
            .get("items")
            .map_or(String::new(), |items| format!(", each {}", expected(items)));
        return format!("a list{items}");
    }
    let kinds = [
        ("boolean", "true or false"),
        ("string", "text"),
        ("object", "an object, as {\"KEY\": VALUE}"),
    ];
    let kind = kinds.iter().find(|(name, _)| has_type(schema, name));
    kind.map_or("nothing", |(_, what)| what).into()
}

fn shown(value: &Value) -> String {
    ticket::text::beginning(&one_line(&value.to_string()), LONGEST)
}
