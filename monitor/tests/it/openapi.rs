//! The OpenAPI document: it names every route, and every answer that these tests get is as it says.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::document::DOCUMENT;
use crate::fixture::{Swarm, kind};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every operation: path in the document, method, what it says.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let item = item.as_object().unwrap();
        item.iter()
            .map(move |(method, what)| (path.as_str(), method.as_str(), what))
    })
}

/// A path with something in the place of its parameters.
fn filled(template: &str) -> String {
    let parts = template.split('/').map(|part| match part {
        "{name}" | "{form}" => "nothing",
        part if part.starts_with('{') => "999",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn the_served_document_is_the_one_of_the_routes() {
    let swarm = Swarm::start().await;
    let (status, served) = swarm.human().get("/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(&served, &*DOCUMENT);
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
    let stranger = swarm.human().with_token("wrong");
    let (status, _) = stranger.get("/openapi.json").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_operation_of_the_document_is_there_and_no_other() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let mut methods: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, method, _) in operations() {
        methods.entry(path).or_default().insert(method);
    }
    assert!(methods.len() > 30, "{methods:?}");
    for (template, documented) in methods {
        // They wait, or end the hub; other tests ask for them.
        if ["/events", "/shutdown"].contains(&template) {
            continue;
        }
        for method in METHODS {
            let path = format!("{}/api/v1{}", human.url, filled(template));
            let request = human
                .http
                .request(method.to_uppercase().parse().unwrap(), path);
            let request = request.bearer_auth(&human.token).json(&json!({}));
            let response = request.send().await.unwrap();
            let status = response.status();
            let is_taken = status != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(
                is_taken,
                documented.contains(method),
                "{method} {template}: {status}"
            );
            let bytes = response.bytes().await.unwrap();
            let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let message = body["error"]["message"].as_str().unwrap_or_default();
            assert!(
                !message.starts_with(&format!("there is no {} ", method.to_uppercase())),
                "{template}: {message}"
            );
        }
    }
}

/// The document is made from the routes that are added by `routes!`. Only the agents' own routes are
/// added otherwise.
#[test]
fn no_route_of_people_is_added_past_the_document() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes");
    let not_in_the_api = [
        "attempts.rs",
        "enroll.rs",
        "frozen.rs",
        "health.rs",
        "landings.rs",
        "login.rs",
        "metrics.rs",
        "proposals.rs",
        "transcripts.rs",
        "verifications.rs",
        "work.rs",
    ];
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        seen += 1;
        if text.contains(".route(") {
            assert!(
                not_in_the_api.contains(&name.as_str()),
                "{name}: use routes!"
            );
        }
    }
    assert!(seen > 20);
    let door = include_str!("../../src/listener/human.rs");
    assert!(
        !door.contains(".route("),
        "the human's door adds routes by routes!"
    );
}

#[test]
fn the_document_is_complete_in_itself() {
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} is there twice");
        assert!(
            operation["summary"].is_string(),
            "{method} {path} says nothing"
        );
        let declared: BTreeSet<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|p| p["in"] == "path")
            .map(|p| p["name"].as_str().unwrap())
            .collect();
        let in_path = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(declared, in_path.collect(), "{method} {path}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                parameter["description"].is_string(),
                "{method} {path}: {parameter}"
            );
        }
        assert!(
            operation["responses"]["default"].is_object(),
            "{method} {path}"
        );
    }
    assert!(DOCUMENT["components"]["schemas"]["ErrorBody"].is_object());
}

#[tokio::test]
async fn a_refusal_has_one_shape_wherever_it_comes_from() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    for (method, path, body, status, word) in [
        (Method::GET, "/nothing", Value::Null, 404, "not-found"),
        (Method::DELETE, "/tickets", Value::Null, 405, "invalid"),
        (Method::GET, "/tickets/x", Value::Null, 400, "invalid"),
        (
            Method::GET,
            "/tickets?colour=red",
            Value::Null,
            400,
            "invalid",
        ),
        (
            Method::POST,
            "/tickets",
            json!({ "title": "" }),
            400,
            "invalid",
        ),
        (Method::GET, "/tickets/77", Value::Null, 404, "not-found"),
    ] {
        let request = human.request(method, path).json(&body);
        let (found, body) = crate::fixture::answer(request).await;
        assert_eq!(
            (found.as_u16(), kind(&body)),
            (status, word),
            "{path}: {body}"
        );
        assert!(body["error"]["message"].is_string(), "{body}");
    }
}
