//! The JSON of the contract: names, types, nulls, times.

use serde_json::{Value, json};

use crate::place::{Place, is_time};

on_every_door!(
    a_ticket_has_the_fields_of_the_contract,
    show_and_claim_next_add_what_hangs_on_it,
    whoever_changes_a_ticket_gets_it_back,
    what_is_made_is_told_by_its_id,
    lists_are_arrays_also_when_they_are_empty,
);

/// The fields of a ticket and whether each may be null.
const FIELDS: [(&str, &str); 10] = [
    ("id", "number"),
    ("title", "string"),
    ("description", "string or null"),
    ("status", "string"),
    ("type", "string"),
    ("assigned_to", "string or null"),
    ("parent_id", "number or null"),
    ("created_by", "string"),
    ("created_at", "time"),
    ("updated_at", "time"),
];

fn check_fields(ticket: &Value) {
    for (field, kind) in FIELDS {
        let value = ticket
            .get(field)
            .unwrap_or_else(|| panic!("{field} in {ticket}"));
        let fits = match kind {
            "number" => value.is_i64(),
            "string" => value.is_string(),
            "time" => value.as_str().is_some_and(is_time),
            "string or null" => value.is_string() || value.is_null(),
            _ => value.is_i64() || value.is_null(),
        };
        assert!(fits, "{field} is {value}");
    }
}

fn a_ticket_has_the_fields_of_the_contract(place: &Place) {
    place.create(&["one"]);
    place.create(&[
        "two",
        "-d",
        "text",
        "--assign",
        "a",
        "--parent",
        "1",
        "--created-by",
        "me",
    ]);
    let list = place.json(&["list"]);
    let tickets = list.as_array().unwrap();
    tickets.iter().for_each(check_fields);
    let one = &tickets[0];
    for field in ["description", "assigned_to", "parent_id", "resolution"] {
        assert!(one[field].is_null(), "{field}");
    }
    assert_eq!(
        (&one["created_by"], &one["status"]),
        (&json!("human"), &json!("open"))
    );
    let two = &tickets[1];
    assert_eq!(two["description"], "text");
    assert_eq!(two["assigned_to"], "a");
    assert_eq!(two["parent_id"], 1);
    assert_eq!(two["created_by"], "me");
    assert_eq!(two["type"], "task");
    let before: Vec<&str> = tickets
        .iter()
        .map(|t| t["created_at"].as_str().unwrap())
        .collect();
    let now = chrono::Utc::now().format("%Y-%m-%d %H:%M:%S").to_string();
    assert!(
        before.iter().all(|time| *time <= now.as_str()),
        "times are in UTC"
    );
}

fn show_and_claim_next_add_what_hangs_on_it(place: &Place) {
    place.create(&["zero"]);
    place.create(&["one", "--priority", "0"]);
    place.create(&["two", "--blocked-by", "2", "--blocked-by", "1"]);
    place.ok(&["comment", "2", "said", "--author", "me"]);
    let claimed = place.json(&["claim-next", "--agent", "a"]);
    let shown = place.show(2);
    check_fields(&claimed);
    for (field, value) in shown.as_object().unwrap() {
        assert_eq!(&claimed[field], value, "{field}");
    }
    assert_eq!(claimed["attempt"], 1);
    assert!(claimed["lease_seconds"].as_i64().unwrap() > 0);
    assert_eq!(shown["blocks"], json!([3]));
    assert_eq!(place.show(3)["blocked_by"], json!([1, 2]));
    assert_eq!(shown["blocked_by"], json!([]));
    let comment = &shown["comments"][0];
    assert!(comment["id"].is_i64());
    assert_eq!(comment["ticket_id"], 2);
    assert_eq!(comment["author"], "me");
    assert_eq!(comment["body"], "said");
    assert!(is_time(comment["created_at"].as_str().unwrap()));
    assert_eq!(place.json(&["comments", "2"]), shown["comments"]);
    assert_eq!(place.show(1)["comments"], json!([]));
}

fn whoever_changes_a_ticket_gets_it_back(place: &Place) {
    place.create(&["one"]);
    place.create(&["two"]);
    for (args, field, value) in [
        (
            &["update", "1", "--title", "uno"][..],
            "title",
            json!("uno"),
        ),
        (&["update", "1", "--priority", "0"], "priority", json!(0)),
        (
            &["update", "1", "--label", "b", "--label", "a"],
            "labels",
            json!(["a", "b"]),
        ),
        (
            &["update", "1", "--remove-label", "b"],
            "labels",
            json!(["a"]),
        ),
        (&["update", "1", "--parent", "2"], "parent_id", json!(2)),
        (&["update", "1", "--parent", "0"], "parent_id", Value::Null),
        (&["update", "1", "--assign", "a"], "assigned_to", json!("a")),
        (&["update", "1", "--assign", ""], "assigned_to", Value::Null),
        (
            &["update", "1", "--not-before", "2000-01-01T00:00:00Z"],
            "not_before",
            json!(946_684_800),
        ),
        (
            &["update", "1", "--not-before", "now"],
            "not_before",
            json!(0),
        ),
        (&["block", "1", "--by", "2"], "id", json!(1)),
        (&["unblock", "1", "--by", "2"], "id", json!(1)),
        (&["complete", "1"], "status", json!("ready")),
        (&["unclaim", "1"], "status", json!("open")),
        (
            &["mark-done", "1", "--resolution", "duplicate"],
            "resolution",
            json!("duplicate"),
        ),
    ] {
        let changed = place.json(args);
        check_fields(&changed);
        assert_eq!(changed[field], value, "{args:?}");
        let all = place.json(&["list", "--status", "open,in_progress,ready,done"]);
        assert_eq!(changed, all[0], "{args:?}: as list gives it");
    }
}

fn what_is_made_is_told_by_its_id(place: &Place) {
    assert_eq!(place.json(&["create", "one"]), json!({ "id": 1 }));
    assert_eq!(place.json(&["count"]), json!({ "count": 1 }));
    assert_eq!(place.json(&["learn", "this"]), json!({ "id": 1 }));
    assert_eq!(
        place.json(&["learn", "this"]),
        json!({ "id": 1 }),
        "known already"
    );
    assert_eq!(place.json(&["pause", "why"]), json!({ "paused": "why" }));
    assert_eq!(place.json(&["paused"]), json!({ "paused": "why" }));
    assert_eq!(place.json(&["resume"]), json!({ "resumed": true }));
    assert_eq!(place.json(&["resume"]), json!({ "resumed": false }));
    assert_eq!(place.json(&["paused"]), json!({ "paused": null }));
    let said = place.json(&["comment", "1", "hm"]);
    assert_eq!(said, place.json(&["comments", "1"])[0]);
}

fn lists_are_arrays_also_when_they_are_empty(place: &Place) {
    for args in [
        &["list"][..],
        &["search", "word"],
        &["learnings"],
        &["log", "--ticket", "7"],
    ] {
        assert_eq!(place.json(args), json!([]), "{args:?}");
    }
    place.create(&["one"]);
    assert_eq!(place.json(&["comments", "1"]), json!([]));
    assert_eq!(place.json(&["attempts", "1"]), json!([]));
}
