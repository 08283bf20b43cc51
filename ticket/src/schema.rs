//! What the JSON of `ticket` looks like, as one JSON Schema document: a definition for each type,
//! made from the types themselves, and which command prints which.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use crate::attempt::{Attempt, Outcome};
use crate::comment::Comment;
use crate::diagnosis::{Diagnosis, Finding, Severity};
use crate::event::Event;
use crate::filter::Hit;
use crate::landing::LandingState;
use crate::learning::Learning;
use crate::printed::{
    BackedUp, Counted, Exported, FailedCheck, Made, MadeOfFile, Migrated, Patch, Paused, Resumed,
};
use crate::prompt::{self, Preview};
use crate::status::Status;
use crate::ticket::{NewTicket, Resolution, Ticket, TicketDetail, TicketType};
use crate::transfer::{
    AttemptRecord, CommentRecord, Counts, EventRecord, Header, Imported, Kind, LandingRecord,
    LastIds, LearningRecord, NewId, TicketRecord, UsageRecord,
};
use crate::usage::{Phase, Spent};
use crate::wire::{Claimed, ErrorBody, ErrorDetail, Failed};

/// Which dialect of JSON Schema the document is in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Where the definitions are in this document.
const HERE: &str = "#/$defs/";
/// Where they are in an OpenAPI document.
const IN_OPENAPI: &str = "#/components/schemas/";

/// Every type of the queue that travels as JSON.
#[derive(OpenApi)]
#[openapi(components(schemas(
    Attempt,
    AttemptRecord,
    BackedUp,
    Claimed,
    Comment,
    CommentRecord,
    Counted,
    Counts,
    Diagnosis,
    ErrorBody,
    ErrorDetail,
    Event,
    EventRecord,
    Exported,
    Failed,
    FailedCheck,
    Finding,
    Header,
    Hit,
    Imported,
    Kind,
    LandingRecord,
    LandingState,
    LastIds,
    Learning,
    LearningRecord,
    Made,
    MadeOfFile,
    Migrated,
    NewId,
    NewTicket,
    Outcome,
    Patch,
    Paused,
    Preview,
    prompt::Kind,
    prompt::Start,
    Resolution,
    Resumed,
    Severity,
    Spent,
    Status,
    Ticket,
    TicketDetail,
    TicketRecord,
    TicketType,
    UsageRecord,
    Phase,
)))]
pub struct Types;

/// What a command prints.
enum Prints {
    One(&'static str),
    Many(&'static str),
    /// One object a line.
    Lines(&'static str),
}

/// The commands and what they print with `--format json`.
const COMMANDS: [(&str, Prints); 40] = [
    ("answer", Prints::One("Ticket")),
    ("approve", Prints::One("Ticket")),
    ("attempts", Prints::Many("Attempt")),
    ("backup", Prints::One("BackedUp")),
    ("block", Prints::One("Ticket")),
    ("cancel", Prints::One("Ticket")),
    ("claim-next", Prints::One("Claimed")),
    ("comment", Prints::One("Comment")),
    ("comments", Prints::Many("Comment")),
    ("complete", Prints::One("Ticket")),
    ("count", Prints::One("Counted")),
    ("create", Prints::One("Made")),
    ("create --file", Prints::Many("MadeOfFile")),
    ("diff", Prints::One("Patch")),
    ("doctor", Prints::One("Diagnosis")),
    ("drain", Prints::One("Paused")),
    ("export FILE", Prints::One("Exported")),
    ("fail", Prints::One("FailedCheck")),
    ("import", Prints::One("Imported")),
    ("learn", Prints::One("Made")),
    ("learnings", Prints::Many("Learning")),
    ("list", Prints::Many("Ticket")),
    ("log", Prints::Many("Event")),
    ("log --follow", Prints::Lines("Event")),
    ("mark-done", Prints::One("Ticket")),
    ("migrate", Prints::One("Migrated")),
    ("pass", Prints::One("Ticket")),
    ("pause", Prints::One("Paused")),
    ("paused", Prints::One("Paused")),
    ("prompt", Prints::One("Preview")),
    ("reject", Prints::One("Ticket")),
    ("reopen", Prints::One("Made")),
    ("resume", Prints::One("Resumed")),
    ("retry", Prints::One("Ticket")),
    ("search", Prints::Many("Hit")),
    ("show", Prints::One("TicketDetail")),
    ("unblock", Prints::One("Ticket")),
    ("unclaim", Prints::One("Ticket")),
    ("update", Prints::One("Ticket")),
    ("errors, on standard error", Prints::One("ErrorBody")),
];

/// The document that `ticket schema` prints.
pub fn document() -> Value {
    let commands: Map<String, Value> = COMMANDS
        .iter()
        .map(|(command, prints)| ((*command).to_owned(), printed(prints)))
        .collect();
    let lines = ["Header", "TicketRecord", "LearningRecord", "EventRecord"].map(reference);
    json!({
        "$schema": DIALECT,
        "title": "What the ticket command prints with --format json",
        "$defs": definitions(),
        "commands": commands,
        "create --file takes": { "type": "array", "items": reference("TicketOfFile") },
        "a line of export and import": {
            "description": "One of these, told apart by its kind. In a file written by hand only \
                            the kind, and the title of a ticket or the body of a learning or \
                            comment, must be there.",
            "oneOf": lines,
        },
    })
}

fn printed(prints: &Prints) -> Value {
    match prints {
        Prints::One(name) => reference(name),
        Prints::Many(name) => json!({ "type": "array", "items": reference(name) }),
        Prints::Lines(name) => {
            json!({ "description": "One object a line.", "$ref": format!("{HERE}{name}") })
        }
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{HERE}{name}") })
}

/// The types by name.
fn definitions() -> Map<String, Value> {
    let document = serde_json::to_value(Types::openapi()).unwrap_or_default();
    let Value::Object(mut definitions) = document["components"]["schemas"].clone() else {
        return Map::new();
    };
    let taken = definitions.remove("NewTicket");
    definitions.values_mut().for_each(always_whole);
    definitions.extend(taken.map(|new| ("TicketOfFile".to_owned(), of_file(new))));
    definitions.values_mut().for_each(refer_here);
    definitions
}

/// What is printed, or answered by a hub, has all its fields: absent values are null.
pub fn always_whole(schema: &mut Value) {
    if let Some(properties) = schema["properties"].as_object() {
        let names: Vec<&String> = properties.keys().collect();
        schema["required"] = json!(names);
    }
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(always_whole);
    }
}

/// A new ticket as a file has it: with a key, and with keys for references.
fn of_file(mut new: Value) -> Value {
    let id_or_key = json!({ "type": ["integer", "string"] });
    new["required"] = json!(["title"]);
    let properties = &mut new["properties"];
    properties["key"] = json!({
        "type": ["string", "null"],
        "description": "A name by which other tickets of the file refer to this one.",
    });
    properties["parent"]["type"] = json!(["integer", "string", "null"]);
    properties["not_before"]["type"] = json!(["integer", "string", "null"]);
    for many in ["blocked_by", "block_dependents_of"] {
        properties[many]["items"] = id_or_key.clone();
    }
    new
}

fn refer_here(schema: &mut Value) {
    match schema {
        Value::Object(map) => map.values_mut().for_each(refer_here),
        Value::Array(all) => all.iter_mut().for_each(refer_here),
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(IN_OPENAPI) {
                *text = format!("{HERE}{name}");
            }
        }
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_a_definition() {
        let document = document();
        let text = document.to_string();
        for part in text.split(HERE).skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(document["$defs"].get(name).is_some(), "{name}");
        }
        assert!(!text.contains(IN_OPENAPI));
    }

    #[test]
    fn absent_values_are_null_and_never_missing() {
        let document = document();
        let ticket = &document["$defs"]["Ticket"];
        let required = ticket["required"].as_array().unwrap();
        assert_eq!(
            required.len(),
            ticket["properties"].as_object().unwrap().len()
        );
        assert_eq!(
            ticket["properties"]["parent_id"]["type"],
            json!(["integer", "null"])
        );
        assert_eq!(ticket["properties"]["type"]["$ref"], "#/$defs/TicketType");
    }
}
