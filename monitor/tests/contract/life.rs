//! A ticket's life: its types, open, in_progress, ready, done, and back.

use serde_json::json;

use crate::place::Place;

on_every_door!(
    the_type_follows_the_assignee,
    a_ticket_goes_from_open_to_done,
    an_unclaimed_ticket_is_open_and_nobodys,
    a_done_ticket_stays_done,
    every_done_ticket_has_a_resolution,
    an_update_changes_what_it_names_and_nothing_else,
);

fn the_type_follows_the_assignee(place: &Place) {
    place.create(&["one"]);
    for (args, kind) in [
        (&["x"][..], "task"),
        (&["x", "--assign", "agent-1"], "task"),
        (&["x", "--blocked-by", "1"], "task"),
        (&["x", "--assign", "human"], "proposal"),
        (&["x", "--assign", "human", "--blocked-by", "1"], "question"),
        (
            &["x", "--assign", "human", "--block-dependents-of", "1"],
            "question",
        ),
        (&["x", "--assign", "human", "--parent", "1"], "proposal"),
        (&["x", "--assign", "human", "--type", "verify"], "verify"),
        (&["x", "--type", "question"], "question"),
    ] {
        let id = place.create(args);
        assert_eq!(place.show(id)["type"], kind, "{args:?}");
    }
}

fn a_ticket_goes_from_open_to_done(place: &Place) {
    place.create(&["one"]);
    let status = || place.show(1)["status"].as_str().unwrap().to_owned();
    assert_eq!(status(), "open");
    place.ok(&["claim-next", "--agent", "a"]);
    assert_eq!(status(), "in_progress");
    place.ok(&["complete", "1"]);
    assert_eq!(status(), "ready");
    place.ok(&["mark-done", "1"]);
    assert_eq!(status(), "done");
    assert_eq!(place.ok(&["count"]), "0");
    assert_eq!(place.show(1)["assigned_to"], "a", "who did it stays known");
}

fn an_unclaimed_ticket_is_open_and_nobodys(place: &Place) {
    place.create(&["one"]);
    place.ok(&["claim-next", "--agent", "a"]);
    place.ok(&["unclaim", "1"]);
    let ticket = place.show(1);
    assert_eq!(
        (&ticket["status"], &ticket["assigned_to"]),
        (&json!("open"), &json!(null))
    );
    assert_eq!(
        place.json(&["claim-next", "--agent", "b"])["assigned_to"],
        "b"
    );
}

fn a_done_ticket_stays_done(place: &Place) {
    place.create(&["one"]);
    place.ok(&["mark-done", "1"]);
    for args in [
        &["unclaim", "1"][..],
        &["complete", "1"],
        &["mark-done", "1"],
        &["update", "1", "--status", "open"],
        &["update", "1", "--status", "in_progress"],
        &["update", "1", "--status", "done"],
    ] {
        place.fails(args, 1);
    }
    assert_eq!(place.show(1)["status"], "done");
}

fn every_done_ticket_has_a_resolution(place: &Place) {
    for (kind, resolution) in [
        ("task", "passed"),
        ("question", "answered"),
        ("proposal", "approved"),
        ("verify", "passed"),
    ] {
        let id = place.create(&["x", "--type", kind]).to_string();
        assert_eq!(
            place.json(&["mark-done", &id])["resolution"],
            resolution,
            "{kind}"
        );
    }
    for resolution in [
        "landed",
        "no-change",
        "answered",
        "approved",
        "rejected",
        "passed",
        "failed",
        "cancelled",
        "duplicate",
    ] {
        let id = place.create(&["x"]).to_string();
        let done = place.json(&["mark-done", &id, "--resolution", resolution]);
        assert_eq!(done["resolution"], resolution);
        assert!(
            place
                .ok(&["show", &id])
                .contains(&format!("Resolution:  {resolution}\n"))
        );
    }
}

fn an_update_changes_what_it_names_and_nothing_else(place: &Place) {
    place.create(&["one", "-d", "text", "--priority", "1", "--label", "a"]);
    let mut expected = place.show(1);
    for (args, field, value) in [
        (["--title", "uno"], "title", json!("uno")),
        (["--description", "- more"], "description", json!("- more")),
        (["--type", "verify"], "type", json!("verify")),
        (["--status", "in_progress"], "status", json!("in_progress")),
        (["--assign", "human"], "assigned_to", json!("human")),
        (["--status", "ready"], "status", json!("ready")),
    ] {
        let said = place.ok(&["update", "1", args[0], args[1]]);
        assert_eq!(said, "Ticket 1 updated.");
        expected[field] = value;
        let mut now = place.show(1);
        now["updated_at"] = expected["updated_at"].clone();
        assert_eq!(now, expected, "{args:?}");
    }
}
