//! `ticket create --file`: a whole graph in one transaction.

use serde_json::json;

use crate::place::{Place, Run};

on_every_door!(
    a_file_becomes_a_graph_and_its_ids_are_printed_in_order,
    an_array_on_standard_input_does_as_well,
    a_graph_is_made_whole_or_not_at_all,
    the_order_in_the_file_does_not_matter,
    ten_thousand_tickets_are_one_transaction,
);

const GRAPH: &str = r#"{"key": "ship", "title": "Ship", "blocked_by": ["check", 1], "priority": 1}
{"key": "check", "title": "Check", "type": "verify", "assign": "human", "blocked_by": ["build"]}

{"key": "build", "title": "Build", "description": "All of it", "labels": ["core"], "parent": "ship"}
{"title": "Later", "not_before": "+1h", "parent": 1, "wait_for_children": true, "created_by": "me"}
"#;

fn a_file_becomes_a_graph_and_its_ids_are_printed_in_order(place: &Place) {
    place.create(&["there already"]);
    place.file("graph.jsonl", GRAPH);
    assert_eq!(place.ok(&["create", "--file", "graph.jsonl"]), "2\n3\n4\n5");
    let (ship, check, build, later) = (place.show(2), place.show(3), place.show(4), place.show(5));
    assert_eq!(ship["blocked_by"], json!([1, 3]));
    assert_eq!(
        (&ship["children"], &ship["priority"]),
        (&json!([4]), &json!(1))
    );
    assert_eq!(
        (&check["blocked_by"], &check["type"]),
        (&json!([4]), &json!("verify"))
    );
    assert_eq!(
        (&check["assigned_to"], &check["blocks"]),
        (&json!("human"), &json!([2]))
    );
    assert_eq!(
        (&build["parent_id"], &build["labels"]),
        (&json!(2), &json!(["core"]))
    );
    assert_eq!(build["description"], "All of it");
    assert_eq!(
        (&later["parent_id"], &later["wait_for_children"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(later["created_by"], "me");
    assert!(later["not_before"].as_i64().unwrap() > chrono::Utc::now().timestamp());
    assert_eq!(place.listed(&["--ready"]), [1, 4]);
}

fn an_array_on_standard_input_does_as_well(place: &Place) {
    let array = r#"[{"key": "a", "title": "A"}, {"title": "B", "blocked_by": ["a"]}]"#;
    let made = place.ok_with(&["create", "--file", "-", "--format", "json"], array);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert_eq!(
        made,
        json!([{ "key": "a", "id": 1 }, { "key": null, "id": 2 }])
    );
    assert_eq!(place.show(2)["blocked_by"], json!([1]));
}

fn a_graph_is_made_whole_or_not_at_all(place: &Place) {
    place.create(&["there already"]);
    let before = place.events();
    for (graph, sentence) in [
        ("", "the file holds no ticket"),
        (
            "{\"title\": \"A\"}\n{\"title\": ",
            "the file is not JSON: EOF while parsing",
        ),
        (
            "{\"title\": \"A\"}\n{\"titel\": \"B\"}",
            "line 2: unknown field 'titel'",
        ),
        (
            "{\"title\": \"A\"}\n{\"title\": \"\"}",
            "line 2: the title cannot be empty",
        ),
        (
            "{\"title\": \"A\"}\n{\"title\": \"B\", \"priority\": 9}",
            "line 2: priority 9 is out of range",
        ),
        (
            "{\"title\": \"A\"}\n{\"title\": \"B\", \"blocked_by\": [99]}",
            "ticket 99 not found",
        ),
        (
            "{\"title\": \"A\"}\n{\"title\": \"B\", \"parent\": 99}",
            "ticket 99 not found",
        ),
        (
            "{\"key\": \"menu\", \"title\": \"A\"}\n{\"title\": \"B\", \"parent\": \"menue\"}",
            "did you mean menu?",
        ),
        (
            "{\"key\": \"a\", \"title\": \"A\"}\n{\"key\": \"a\", \"title\": \"B\"}",
            "line 2: the key 'a' is taken by line 1",
        ),
        (
            "{\"key\": \"a\", \"title\": \"A\", \"blocked_by\": [\"b\"]}\n{\"key\": \"b\", \"title\": \"B\", \"blocked_by\": [\"a\"]}",
            "circle of blockers: a waits for b waits for a",
        ),
    ] {
        place.file("graph.jsonl", graph);
        let said = place.fails(&["create", "--file", "graph.jsonl"], 1);
        assert!(said.contains(sentence), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    place.file("graph.jsonl", b"{\"title\": \"A\"}\n{\"title\": \"\xff\"}");
    let said = place.fails(&["create", "--file", "graph.jsonl"], 1);
    assert!(
        said.contains("graph.jsonl is not UTF-8 text (line 2)"),
        "{said}"
    );
    assert_eq!(place.ok(&["count"]), "1");
    assert_eq!(place.events(), before);
}

fn the_order_in_the_file_does_not_matter(place: &Place) {
    let lines = [
        r#"{"key": "b", "title": "b", "blocked_by": ["a"]}"#,
        r#"{"key": "a", "title": "a"}"#,
        r#"{"key": "fix", "title": "fix", "block_dependents_of": ["a"]}"#,
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let file = order.map(|n| lines[n]).join("\n");
        let made = place.ok_with(&["create", "--file", "-"], &file);
        let made: Vec<i64> = made.lines().map(|id| id.parse().unwrap()).collect();
        let id = |line| made[order.iter().position(|n| *n == line).unwrap()];
        let mut blockers = [id(1), id(2)];
        blockers.sort_unstable();
        assert_eq!(
            place.show(id(0))["blocked_by"],
            json!(blockers),
            "{order:?}"
        );
        assert_eq!(
            place.events() % 4,
            0,
            "three are created, and one gets a blocker"
        );
    }
}

fn ten_thousand_tickets_are_one_transaction(place: &Place) {
    let lines: Vec<String> = (0..10_000)
        .map(|n| match n {
            0 => r#"{"key": "k0", "title": "first"}"#.to_owned(),
            _ => format!(
                r#"{{"key": "k{n}", "title": "t{n}", "blocked_by": ["k{}"]}}"#,
                n - 1
            ),
        })
        .collect();
    place.file("graph.jsonl", lines.join("\n"));
    let made = place.ok(&["create", "--file", "graph.jsonl"]);
    assert_eq!(made.lines().count(), 10_000);
    assert_eq!(place.listed(&["--ready"]), [1]);
    let closed = format!(
        "{}\n{{\"title\": \"x\", \"blocked_by\": [\"k10\"",
        lines.join("\n")
    );
    Run::of(place.program().args(["create", "--file", "-"]), closed).fails(1);
    assert_eq!(place.ok(&["count"]), "10000");
}
