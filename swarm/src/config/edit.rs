//! Changes the text of `config.json` and leaves the rest of it as its writer left it: order, spaces,
//! lines. Pure, but for [`write()`].

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path as File;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::Value;

use super::fit::Fault;
use super::{layers, schema};

/// The text with this value at this path; with none, without what is there. Flat keys of the reference
/// system get their own names on the way. The text has been read without a fault.
pub fn changed(text: &str, path: &[String], value: Option<&Value>) -> Result<String, Fault> {
    let (_, aliases) = layers::document(text)?;
    let root = CstRootNode::parse(text, &strict())
        .map_err(|error| Fault::new::<String>(&[], error.to_string()))?;
    let object = root.object_value_or_set();
    for alias in aliases {
        if let Some(property) = object.get(alias.name) {
            property.remove();
        }
        if let Some((path, value)) = &alias.meaning {
            put(&object, path, value);
        }
    }
    match value {
        Some(value) => put(&object, path, value),
        None => remove(&object, path),
    }
    let text = root.to_string();
    Ok(match text.ends_with('\n') {
        true => text,
        false => text + "\n",
    })
}

/// The text of a new `config.json` with these values.
pub fn fresh(values: &Value) -> String {
    let body = format!("{values:#}\n");
    let name = format!("{{\n  \"{}\": \"./{}\"", schema::KEY, schema::FILE);
    match body.strip_prefix("{\n") {
        Some(rest) => format!("{name},\n{rest}"),
        None => format!("{name}\n}}\n"),
    }
}

/// Puts the text in the place of the file, at once or not at all, with the mode that the file has.
pub fn write(file: &File, text: &str) -> std::io::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(".new");
    let draft = std::path::PathBuf::from(draft);
    let mode = fs::metadata(file).map_or(0o644, |found| found.permissions().mode() & 0o777);
    let mut open = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&draft)?;
    open.write_all(text.as_bytes())?;
    open.sync_all()?;
    fs::rename(&draft, file)
}

fn put(object: &CstObject, path: &[String], value: &Value) {
    match path {
        [] => {}
        [name] => match object.get(name) {
            Some(property) => property.set_value(input(value)),
            None => {
                object.append(name, input(value));
            }
        },
        [name, rest @ ..] => put(&object.object_value_or_set(name), rest, value),
    }
}

/// A section of which nothing is left goes too.
fn remove(object: &CstObject, path: &[String]) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    let Some(property) = object.get(name) else {
        return;
    };
    let Some(below) = property.object_value().filter(|_| !rest.is_empty()) else {
        if rest.is_empty() {
            property.remove();
        }
        return;
    };
    remove(&below, rest);
    if below.properties().is_empty() {
        property.remove();
    }
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(entries) => {
            let entries = entries.iter();
            CstInputValue::Object(entries.map(|(name, v)| (name.clone(), input(v))).collect())
        }
    }
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    fn edited(text: &str, key: &str, value: Option<Value>) -> String {
        let path = super::super::path::read(key).unwrap();
        changed(text, &path, value.as_ref()).unwrap()
    }

    #[test]
    fn the_rest_stays_as_it_is() {
        let text = "{\n    \"queue\": {\"max_attempts\": 4},\n\n    \"agents\": {\n        \"count\": 2\n    }\n}\n";
        let more = edited(text, "agents.count", Some(json!(5)));
        assert_eq!(more, text.replace('2', "5"));
        let model = edited(text, "agents.model", Some(json!("a \"b\"")));
        assert_eq!(
            model,
            text.replace(": 2", ": 2,\n        \"model\": \"a \\\"b\\\"\"")
        );
        let less = edited(text, "queue.max_attempts", None);
        assert!(
            !less.contains("queue") && less.contains("    \"agents\": {"),
            "{less}"
        );
        assert_eq!(edited(text, "agents.model", None), text);
        let price = edited(text, "prices.\"gpt-5.1\".input", Some(json!(1.5)));
        let value: Value = serde_json::from_str(&price).unwrap();
        assert_eq!(value["prices"]["gpt-5.1"]["input"], 1.5);
    }

    #[test]
    fn flat_keys_get_their_own_names() {
        let text = "{\"agents\": 3, \"monitor_port\": 3100, \"max_turns\": 50}";
        let said = edited(text, "agents.model", Some(json!("m")));
        let value: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(
            value,
            json!({"agents": {"count": 3, "model": "m"}, "monitor": {"port": 3100}})
        );
    }

    #[test]
    fn a_new_file_names_its_schema() {
        let empty = fresh(&serde_json::json!({}));
        assert_eq!(empty, "{\n  \"$schema\": \"./config.schema.json\"\n}\n");
        let config = Config::parse(&empty, File::new("c")).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn a_file_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.json");
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        write(&file, "{\"a\": 1}").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "{\"a\": 1}");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
