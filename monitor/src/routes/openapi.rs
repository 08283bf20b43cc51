//! The OpenAPI document of the human's API, made from the routes themselves: what is routed is in it,
//! and what is in it is routed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::Json;
use serde_json::{Value, json};
use ticket::schema::always_whole;
use ticket::wire::{ErrorBody, ErrorDetail};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::hub::Shared;
use crate::listener::human;

/// Where the routes are.
pub const PREFIX: &str = "/api/v1";
/// Where the document has its types.
const TYPES: &str = "#/components/schemas/";

/// What the document has beside the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "swarm",
        description = "The queue and the swarm, as people and their programs use them. Every refusal has \
                       the shape of ErrorBody."
    ),
    tags(
        (name = "tickets", description = "One ticket, or some of them."),
        (name = "queue", description = "The queue as a whole."),
        (name = "swarm", description = "Agents, containers, landings."),
        (name = "events", description = "The activity log."),
        (name = "transcripts", description = "What agents were asked and printed."),
    ),
    components(schemas(ErrorBody, ErrorDetail))
)]
struct Frame;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// A router without routes, and the document without paths: routes are added to both.
pub fn frame() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Frame::openapi())
}

/// The routes of this concern.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "swarm",
    responses((status = 200, description = "The answer.", body = Value)),
)]
async fn openapi() -> Json<&'static Value> {
    Json(&DOCUMENT)
}

/// The document that is served.
pub fn document() -> Value {
    let api = human::api().into_openapi();
    let mut document = serde_json::to_value(api).unwrap_or_default();
    document["servers"] = json!([{ "url": PREFIX }]);
    document["security"] = json!([{ "token": [] }]);
    document["components"]["securitySchemes"]["token"] = json!({
        "type": "http",
        "scheme": "bearer",
        "description": "The token in .swarm/hub.json.",
    });
    let refusal = json!({
        "description": "A refusal.",
        "content": { "application/json": { "schema": { "$ref": format!("{TYPES}ErrorBody") } } },
    });
    let mut taken = BTreeSet::new();
    if let Some(paths) = document["paths"].as_object_mut() {
        let items = paths.values_mut().filter_map(Value::as_object_mut);
        for operation in items.flat_map(|item| item.values_mut()) {
            named_in(&operation["requestBody"], &mut taken);
            operation["responses"]["default"] = refusal.clone();
        }
    }
    answers_are_whole(&mut document["components"]["schemas"], taken);
    document
}

/// Types that only answers have are always there with all their fields.
fn answers_are_whole(types: &mut Value, mut taken: BTreeSet<String>) {
    let Some(types) = types.as_object_mut() else {
        return;
    };
    let mut to_visit: Vec<String> = taken.iter().cloned().collect();
    while let Some(name) = to_visit.pop() {
        let mut named = BTreeSet::new();
        named_in(types.get(&name).unwrap_or(&Value::Null), &mut named);
        to_visit.extend(named.into_iter().filter(|name| taken.insert(name.clone())));
    }
    for (name, schema) in types {
        if !taken.contains(name) {
            always_whole(schema);
        }
    }
}

/// The types that a part of the document refers to.
fn named_in(part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(map) => map.values().for_each(|value| named_in(value, names)),
        Value::Array(all) => all.iter().for_each(|value| named_in(value, names)),
        Value::String(text) => names.extend(text.strip_prefix(TYPES).map(str::to_owned)),
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_is_named_is_there() {
        let document = document();
        let mut names = BTreeSet::new();
        named_in(&document, &mut names);
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            let schema = document["components"]["schemas"].get(&name);
            assert!(schema.is_some(), "{name} is nowhere defined");
        }
    }

    #[test]
    fn only_what_is_asked_for_may_leave_fields_out() {
        let document = document();
        let types = &document["components"]["schemas"];
        assert!(types["NewTicket"].get("required").is_none());
        let fields = types["Ticket"]["properties"].as_object().unwrap();
        let required = types["Ticket"]["required"].as_array().unwrap();
        assert_eq!(required.len(), fields.len());
    }
}
