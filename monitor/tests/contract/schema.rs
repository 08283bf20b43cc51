//! `ticket schema` describes what is printed: every command's real output fits its schema.

use serde_json::Value;

use crate::place::{Door, Place};

on_every_door!(what_is_printed_fits_the_schema);

/// Commands with the name by which the schema knows their output.
const PRINTED: [(&str, &[&str]); 44] = [
    ("create", &["create", "one", "-d", "text", "--label", "a"]),
    ("create", &["create", "two", "--blocked-by", "1"]),
    ("create --file", &["create", "--file", "graph.jsonl"]),
    ("update", &["update", "1", "--title", "uno"]),
    ("list", &["list"]),
    ("count", &["count"]),
    ("claim-next", &["claim-next", "--agent", "a"]),
    ("comment", &["comment", "1", "hm"]),
    ("comment", &["comment", "1", "hm", "--reply-to", "1"]),
    ("comments", &["comments", "1"]),
    ("search", &["search", "hm"]),
    ("show", &["show", "1"]),
    ("unclaim", &["unclaim", "1"]),
    ("attempts", &["attempts", "1"]),
    ("complete", &["complete", "1"]),
    ("mark-done", &["mark-done", "1"]),
    ("show", &["show", "1"]),
    ("create", &["create", "x"]),
    ("block", &["block", "2", "--by", "4"]),
    ("unblock", &["unblock", "2", "--by", "4"]),
    ("create", &["create", "x", "--type", "question"]),
    ("answer", &["answer", "5", "yes"]),
    ("create", &["create", "x", "--type", "proposal"]),
    ("approve", &["approve", "6"]),
    ("create", &["create", "x", "--type", "verify"]),
    ("fail", &["fail", "7", "no"]),
    ("pass", &["pass", "9"]),
    ("prompt", &["prompt", "2"]),
    ("prompt", &["prompt", "--kind", "propose"]),
    ("learn", &["learn", "this"]),
    ("learnings", &["learnings"]),
    ("pause", &["pause", "why"]),
    ("paused", &["paused"]),
    ("drain", &["drain", "why"]),
    ("resume", &["resume"]),
    ("retry", &["retry", "2"]),
    ("cancel", &["cancel", "2", "no need"]),
    ("reopen", &["reopen", "2", "needed after all"]),
    ("log", &["log", "--limit", "100"]),
    ("export FILE", &["export", "all.jsonl"]),
    ("import", &["import", "all.jsonl"]),
    ("backup", &["backup", "copy.db"]),
    ("doctor", &["doctor"]),
    ("migrate", &["--db", "new.db", "migrate"]),
];

/// Commands of the schema whose output comes from elsewhere here: a tree, a reader, a refusal.
const OTHERS: [&str; 4] = [
    "diff",
    "reject",
    "log --follow",
    "errors, on standard error",
];

fn what_is_printed_fits_the_schema(place: &Place) {
    let schema: Value = serde_json::from_str(&place.ok(&["schema"])).unwrap();
    place.file("graph.jsonl", "{\"key\": \"a\", \"title\": \"A\"}");
    for (command, args) in PRINTED {
        let printed = place.json(args);
        let described = &schema["commands"][command];
        check(&schema, described, &printed).unwrap_or_else(|why| panic!("{args:?}: {why}"));
    }
    let refused = place.fails(&["show", "99", "--format", "json"], 1);
    let refused: Value = serde_json::from_str(&refused).unwrap();
    check(&schema, &schema["commands"][OTHERS[3]], &refused).unwrap();
}

#[test]
fn every_command_is_described() {
    let place = Place::new(Door::File);
    let schema: Value = serde_json::from_str(&place.ok(&["schema"])).unwrap();
    let described = schema["commands"].as_object().unwrap();
    for command in described.keys() {
        let tried = PRINTED.iter().any(|(known, _)| known == command);
        assert!(
            tried || OTHERS.contains(&command.as_str()),
            "{command} is not tried here"
        );
    }
    let help = place.ok(&["--help"]);
    let commands = help
        .split("\nCommands:\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    for line in commands.lines() {
        let command = line.split_whitespace().next().unwrap();
        let no_data = ["schema", "completions", "man", "help"].contains(&command);
        assert!(
            no_data
                || described
                    .keys()
                    .any(|known| known.split(' ').next() == Some(command)),
            "{command}"
        );
    }
}

#[test]
fn the_check_itself_finds_what_does_not_fit() {
    let place = Place::new(Door::File);
    place.create(&["one"]);
    let schema: Value = serde_json::from_str(&place.ok(&["schema"])).unwrap();
    let ticket = &schema["$defs"]["Ticket"];
    let good = place.json(&["list"])[0].clone();
    check(&schema, ticket, &good).unwrap();
    for (field, value) in [
        ("id", Value::from("1")),
        ("title", Value::Null),
        ("status", Value::from("closed")),
        ("labels", Value::from(vec![1])),
        ("invented", Value::from(1)),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(check(&schema, ticket, &bad).is_err(), "{field}");
    }
    let mut bad = good;
    bad.as_object_mut().unwrap().remove("parent_id");
    assert!(check(&schema, ticket, &bad).is_err());
}

/// The part of JSON Schema that `ticket schema` uses. Fields that are not described do not fit.
fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolved(root, schema);
    let wrong = |what: &str| Err(format!("{what}: {value} by {schema}"));
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|s| check(root, s, value).is_ok());
        return if fits { Ok(()) } else { wrong("fits none") };
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return wrong("is no such word");
    }
    if !has_type(&schema["type"], value) && schema["allOf"].is_null() {
        return wrong("has another type");
    }
    if let (Some(items), Some(all)) = (schema.get("items"), value.as_array()) {
        all.iter().try_for_each(|one| check(root, items, one))?;
    }
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    let properties = properties(root, schema);
    if let Some(field) = object
        .keys()
        .find(|f| !properties.iter().any(|(n, _)| n == f))
    {
        return wrong(&format!("the field {field} is not described"));
    }
    for (name, described) in properties {
        let Some(field) = object.get(name) else {
            return wrong(&format!("the field {name} is missing"));
        };
        check(root, described, field)?;
    }
    Ok(())
}

fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => root.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

fn properties<'a>(root: &'a Value, schema: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let schema = resolved(root, schema);
    let own = schema["properties"].as_object().into_iter().flatten();
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| properties(root, part)))
        .collect()
}

fn has_type(types: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    };
    match types {
        Value::Array(any) => any.iter().any(is),
        one => is(one),
    }
}
