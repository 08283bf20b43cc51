//! The keys of the configuration as a page of the documentation, made from the schema. Pure.

use std::fmt::Write;

use serde_json::Value;

use super::environment::variable;
use super::{fit, schema};

/// One section of Markdown for each section of the configuration, in its order.
pub fn markdown() -> String {
    let mut page = String::new();
    section(&mut page, &mut Vec::new(), schema::schema(), false);
    page.trim_start().to_owned()
}

fn section(page: &mut String, path: &mut Vec<String>, at: &'static Value, restart: bool) {
    let restart = restart || at["x-restart"] == true;
    let Some(properties) = schema::properties(at) else {
        return;
    };
    let (mut keys, mut sections) = (Vec::new(), Vec::new());
    for (name, value) in properties.iter().filter(|(name, _)| *name != schema::KEY) {
        let inner = schema::free_names(value).unwrap_or(value);
        match schema::properties(inner) {
            Some(_) => sections.push((name, value, inner)),
            None => keys.push((name, value)),
        }
    }
    if !path.is_empty() {
        let _ = writeln!(page, "\n## {}\n\n{}\n", path.join("."), said(at));
    }
    for (name, value) in keys {
        path.push(name.clone());
        let _ = write!(page, "{}", entry(path, value, restart));
        path.pop();
    }
    for (name, value, inner) in sections {
        path.push(name.clone());
        let free = schema::free_names(value).is_some();
        if free {
            let _ = writeln!(page, "\n## {}\n\n{}", path.join("."), said(value));
            path.push("NAME".into());
        }
        section(page, path, inner, restart || value["x-restart"] == true);
        if free {
            path.pop();
        }
        path.pop();
    }
}

fn entry(path: &[String], value: &'static Value, restart: bool) -> String {
    let free = path.iter().any(|name| name == "NAME");
    let mut facts = vec![fit::expected(value)];
    facts.push(match value.get("default") {
        Some(default) => format!("default `{default}`"),
        None => "not set by default".into(),
    });
    if !free {
        facts.push(format!("`{}`", variable(path)));
    }
    if restart || value["x-restart"] == true {
        facts.push("in force after the next start".into());
    }
    let name = path.last().map_or("", String::as_str);
    let mut text = format!(
        "- **`{name}`**: {}  \n  {}.\n",
        said(value),
        facts.join(" · ")
    );
    let one = schema::object(value);
    for word in one["oneOf"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  - `{}`: {}", word["const"], said(word));
    }
    let items = one["items"]["oneOf"].as_array();
    for word in items.into_iter().flatten() {
        let _ = writeln!(text, "  - `{}`: {}", word["const"], said(word));
    }
    text
}

fn said(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}
