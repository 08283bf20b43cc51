//! Whether an answer is as the OpenAPI document says.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// The document of the hub's routes.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(monitor::routes::openapi::document);
/// By what was asked and answered.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Checks an answer of a hub against the document. What is not in it, such as the runners' own
/// routes, is nobody's concern here.
pub fn check(method: &Method, path: &str, status: StatusCode, content_type: &str, body: &[u8]) {
    let Some(path) = path.strip_prefix("/api/v1") else {
        return;
    };
    let method = method.as_str().to_lowercase();
    let Some((template, operation)) = operation(&method, path) else {
        return;
    };
    let responses = &operation["responses"];
    let named = responses.get(status.as_str()).map(|_| status.as_str());
    assert!(
        named.is_some() || !status.is_success(),
        "{method} {template} answered {status}, which is not in the document"
    );
    let content = &responses[named.unwrap_or("default")]["content"];
    let Some(content) = content.as_object() else {
        assert!(body.is_empty(), "{method} {template} {status} has a body");
        return;
    };
    let kind = content_type.split(';').next().unwrap_or_default();
    let Some(schema) = content.get("application/json").map(|c| &c["schema"]) else {
        return;
    };
    assert_eq!(kind, "application/json", "{method} {template} {status}");
    let body: Value = serde_json::from_slice(body).unwrap();
    let place = format!("{method} {template} {status}");
    let validator = validator(&place, schema);
    let faults: Vec<String> = validator
        .iter_errors(&body)
        .map(|e| e.to_string())
        .collect();
    assert!(faults.is_empty(), "{place}: {faults:?} in {body}");
}

/// The operation that a request belongs to, with its path in the document.
fn operation(method: &str, path: &str) -> Option<(&'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object()?;
    let fits = |template: &str| {
        let (given, known) = (path.split('/'), template.split('/'));
        given.clone().count() == known.clone().count()
            && given.zip(known).all(|(g, k)| g == k || k.starts_with('{'))
    };
    let mut found: Vec<&str> = paths
        .keys()
        .map(String::as_str)
        .filter(|t| fits(t))
        .collect();
    found.sort_by_key(|template| template.contains('{'));
    let template = *found.first()?;
    Some((template, paths[template].get(method)?))
}

fn validator(place: &str, schema: &Value) -> Arc<Validator> {
    let mut known = VALIDATORS.lock().unwrap_or_else(|e| e.into_inner());
    let made = known.entry(place.to_owned()).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["components"] = DOCUMENT["components"].clone();
        Arc::new(jsonschema::validator_for(&whole).unwrap())
    });
    made.clone()
}
