//! Learnings, and claims withheld.

use serde_json::json;

use crate::place::{Place, ids, is_time};

on_every_door!(
    learnings_are_kept_once_and_found_again,
    a_learning_is_printed_on_one_line,
    a_pause_withholds_claims_and_nothing_else,
);

fn learnings_are_kept_once_and_found_again(place: &Place) {
    place.create(&["one"]);
    place.ok(&[
        "learn",
        "Use nextest",
        "--category",
        "build",
        "--ticket",
        "1",
        "--author",
        "agent-1",
    ]);
    place.ok(&["learn", "Tabs, not spaces"]);
    place.ok(&["learn", "Use nextest", "--category", "build"]);
    place.ok_with(
        &["learn", "-", "--category", "build"],
        "The linker is slow\n",
    );
    let all = place.json(&["learnings"]);
    assert_eq!(ids(&all), [1, 2, 3]);
    assert_eq!(
        (
            &all[0]["body"],
            &all[0]["category"],
            &all[0]["author"],
            &all[0]["ticket_id"]
        ),
        (
            &json!("Use nextest"),
            &json!("build"),
            &json!("agent-1"),
            &json!(1)
        )
    );
    assert_eq!(
        (&all[1]["category"], &all[1]["ticket_id"]),
        (&json!("general"), &json!(null))
    );
    assert!(is_time(all[0]["created_at"].as_str().unwrap()));
    for (filter, found) in [
        (&["--category", "build"][..], &[1, 3][..]),
        (&["--search", "NEXTEST use"], &[1]),
        (&["--search", "nothing"], &[]),
        (&["--limit", "2"], &[2, 3]),
        (&["--category", "build", "--limit", "1"], &[3]),
    ] {
        let learnings = place.json(&[&["learnings"], filter].concat());
        assert_eq!(ids(&learnings), found, "{filter:?}");
    }
}

fn a_learning_is_printed_on_one_line(place: &Place) {
    place.create(&["one"]);
    place.ok(&[
        "learn",
        "two\nlines",
        "--category",
        "build",
        "--ticket",
        "1",
    ]);
    let line = place.ok(&["learnings"]);
    assert!(line.ends_with("] build human: two lines (#1)"), "{line}");
}

fn a_pause_withholds_claims_and_nothing_else(place: &Place) {
    place.create(&["one"]);
    place.create(&["two"]);
    place.ok(&["claim-next", "--agent", "a"]);
    place.ok(&["pause", "first"]);
    place.ok(&["pause", "second"]);
    assert_eq!(place.ok(&["paused"]), "Claims are withheld: second");
    place.fails(&["claim-next", "--agent", "b"], 1);
    place.ok(&["complete", "1"]);
    place.ok(&["update", "2", "--title", "dos"]);
    place.ok(&["resume"]);
    assert_eq!(place.json(&["claim-next", "--agent", "b"])["id"], 2);
}
