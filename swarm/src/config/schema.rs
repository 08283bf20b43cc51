//! The JSON Schema of `config.json`, made from the types, and the keys it knows. Everything that needs
//! to know a key asks here: checks, the environment, `swarm config`, the documentation. Pure.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::Config;

/// What the file calls its schema, by a name beside it.
pub const FILE: &str = "config.schema.json";
/// The key that names the schema.
pub const KEY: &str = "$schema";
/// Marks a key that a running hub does not take over.
const RESTART: &str = "x-restart";

static SCHEMA: LazyLock<Value> = LazyLock::new(make);

/// The schema, with nothing referred to.
pub fn schema() -> &'static Value {
    &SCHEMA
}

/// The schema as its file holds it.
pub fn text() -> String {
    format!("{:#}\n", schema())
}

/// A key that holds a value and no further keys of fixed names.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its path.
    pub path: Vec<&'static str>,
    /// What the schema says of it.
    pub schema: &'static Value,
    /// Whether a running hub takes it over only at its next start.
    pub restart: bool,
}

/// Every key, in order.
pub fn keys() -> Vec<Key> {
    let mut found = Vec::new();
    collect(&mut Vec::new(), schema(), false, &mut found);
    found
}

fn collect(
    path: &mut Vec<&'static str>,
    schema: &'static Value,
    restart: bool,
    found: &mut Vec<Key>,
) {
    let restart = restart || schema[RESTART] == true;
    match properties(schema) {
        Some(properties) => {
            for (name, schema) in properties.iter().filter(|(name, _)| *name != KEY) {
                path.push(name);
                collect(path, schema, restart, found);
                path.pop();
            }
        }
        None => found.push(Key {
            path: path.clone(),
            schema,
            restart,
        }),
    }
}

/// What the schema says at this path, and whether a change there needs a restart; none where there is
/// no such key.
pub fn at<S: AsRef<str>>(path: &[S]) -> Option<(&'static Value, bool)> {
    let mut place = schema();
    let mut restart = false;
    for name in path {
        let place_in = object(place);
        place = properties(place_in)
            .and_then(|properties| properties.get(name.as_ref()))
            .or_else(|| free_names(place_in))?;
        restart |= place[RESTART] == true;
    }
    Some((place, restart))
}

/// The keys of fixed names that an object has; none for what is no object, or has free names.
pub fn properties(schema: &'static Value) -> Option<&'static serde_json::Map<String, Value>> {
    object(schema).get("properties")?.as_object()
}

/// What is said of every entry of an object whose names are free.
pub fn free_names(schema: &'static Value) -> Option<&'static Value> {
    object(schema)
        .get("additionalProperties")
        .filter(|value| value.is_object())
}

/// The alternative that is not null, of what may be left out.
pub fn object(schema: &'static Value) -> &'static Value {
    let alternatives = schema["anyOf"].as_array();
    let one = alternatives.and_then(|all| all.iter().find(|one| one["type"] != "null"));
    one.unwrap_or(schema)
}

fn make() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    RecursiveTransform(tidy).transform(&mut schema);
    let mut schema = schema.to_value();
    schema["title"] = "The configuration of a swarm".into();
    schema["properties"][KEY] = json!({
        "type": "string",
        "description": "This schema, for editors.",
    });
    schema
}

/// Takes out what only programs in Rust want to know, and the defaults of whole sections.
fn tidy(schema: &mut Schema) {
    schema.remove("format");
    if schema
        .get("default")
        .is_some_and(|default| default.is_null() || default.is_object())
    {
        schema.remove("default");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}

impl JsonSchema for super::Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": ["string", "integer"],
            "pattern": super::size::PATTERN,
            "minimum": 0,
        })
    }
}
