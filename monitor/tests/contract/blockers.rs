//! What waits for what.

use serde_json::json;

use crate::place::Place;

on_every_door!(
    a_new_ticket_blocks_the_dependents_of_another,
    blocking_an_assigned_ticket_releases_it,
    circles_are_refused_and_shown,
    a_done_blocker_frees_its_dependents,
    a_parent_waits_for_its_children_only_when_told_to,
);

fn a_new_ticket_blocks_the_dependents_of_another(place: &Place) {
    place.create(&["old"]);
    place.create(&["first", "--blocked-by", "1"]);
    place.create(&["second", "--blocked-by", "1"]);
    place.create(&["free"]);
    let new = place.create(&["new", "--block-dependents-of", "1"]);
    assert_eq!(place.show(2)["blocked_by"], json!([1, new]));
    assert_eq!(place.show(3)["blocked_by"], json!([1, new]));
    assert_eq!(place.show(4)["blocked_by"], json!([]));
    assert_eq!(place.show(new)["blocks"], json!([2, 3]));
    assert_eq!(place.show(new)["blocked_by"], json!([]));
}

fn blocking_an_assigned_ticket_releases_it(place: &Place) {
    place.create(&["work"]);
    place.create(&["question", "--assign", "human"]);
    place.ok(&["claim-next", "--agent", "a"]);
    place.ok(&["block", "1", "--by", "2"]);
    let work = place.show(1);
    assert_eq!(
        (&work["status"], &work["assigned_to"]),
        (&json!("open"), &json!(null))
    );
    assert_eq!(work["attempts"][0]["outcome"], "released");
    place.fails(&["claim-next", "--agent", "a"], 1);
    assert!(
        place
            .fails(&["block", "1", "--by", "2"], 1)
            .contains("already blocked by ticket 2")
    );
    place.ok(&["unblock", "1", "--by", "2"]);
    assert!(
        place
            .fails(&["unblock", "1", "--by", "2"], 1)
            .contains("not blocked by ticket 2")
    );
    assert_eq!(place.json(&["claim-next", "--agent", "b"])["attempt"], 2);
}

fn circles_are_refused_and_shown(place: &Place) {
    place.create(&["one"]);
    place.create(&["two", "--blocked-by", "1"]);
    place.create(&["three", "--blocked-by", "2"]);
    let said = place.fails(&["block", "1", "--by", "3"], 1);
    assert_eq!(
        said,
        "ticket: that would be a circle of blockers: #1 waits for #3 waits for #2 waits for #1"
    );
    let said = place.fails(
        &[
            "create",
            "x",
            "--blocked-by",
            "3",
            "--block-dependents-of",
            "1",
        ],
        1,
    );
    assert!(said.contains("circle of blockers"), "{said}");
    assert_eq!(place.ok(&["count"]), "3");
    assert_eq!(place.show(1)["blocked_by"], json!([]));
}

fn a_done_blocker_frees_its_dependents(place: &Place) {
    place.create(&["one", "--assign", "human"]);
    place.create(&["two", "--blocked-by", "1"]);
    for step in ["complete", "mark-done"] {
        place.fails(&["claim-next", "--agent", "a"], 1);
        place.ok(&[step, "1"]);
    }
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 2);
    assert_eq!(
        place.show(2)["blocked_by"],
        json!([1]),
        "the relation stays"
    );
}

fn a_parent_waits_for_its_children_only_when_told_to(place: &Place) {
    place.create(&["free parent"]);
    place.create(&["waiting parent", "--wait-for-children"]);
    place.create(&["child", "--parent", "1", "--assign", "human"]);
    place.create(&["child", "--parent", "2", "--assign", "human"]);
    assert_eq!(place.show(2)["children"], json!([4]));
    assert!(
        place
            .ok(&["show", "2"])
            .contains("Waits for:   its children")
    );
    assert_eq!(place.listed(&["--blocked"]), [2]);
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 1);
    place.fails(&["claim-next", "--agent", "a"], 1);
    place.ok(&["update", "4", "--parent", "1"]);
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 2);
}
