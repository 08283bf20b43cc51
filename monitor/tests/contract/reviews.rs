//! What only the human says, with the effects of the reference system.

use serde_json::json;

use crate::place::Place;

on_every_door!(
    an_answer_is_a_comment_and_frees_what_waited,
    an_approved_proposal_is_an_open_task,
    a_rejected_proposal_is_done_with_its_reason,
    a_passed_check_is_done,
    a_failed_check_leads_to_a_fix_and_another_check,
    prefixes_do_not_pile_up,
    a_failed_check_is_told_as_json,
);

fn an_answer_is_a_comment_and_frees_what_waited(place: &Place) {
    place.create(&["work"]);
    place.create(&["Which?", "--assign", "human", "--blocked-by", "1"]);
    place.ok(&["unblock", "2", "--by", "1"]);
    place.ok(&["block", "1", "--by", "2"]);
    assert_eq!(place.show(2)["type"], "question");
    place.fails(&["claim-next", "--agent", "a"], 1);
    place.ok_with(&["answer", "2", "-"], "The first.\n");
    let question = place.show(2);
    assert_eq!(
        (&question["status"], &question["resolution"]),
        (&json!("done"), &json!("answered"))
    );
    assert_eq!(question["comments"][0]["body"], "The first.");
    assert_eq!(question["comments"][0]["author"], "human");
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 1);
    assert!(place.fails(&["answer", "2", "again"], 1).contains("done"));
    assert_eq!(place.show(2)["comments"].as_array().unwrap().len(), 1);
}

fn an_approved_proposal_is_an_open_task(place: &Place) {
    place.create(&["Idea", "-d", "text", "--assign", "human", "--priority", "1"]);
    place.fails(&["claim-next", "--agent", "a"], 1);
    let approved = place.json(&["approve", "1"]);
    for (field, value) in [
        ("status", json!("open")),
        ("type", json!("task")),
        ("assigned_to", json!(null)),
        ("resolution", json!(null)),
        ("title", json!("Idea")),
        ("description", json!("text")),
        ("priority", json!(1)),
    ] {
        assert_eq!(approved[field], value, "{field}");
    }
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 1);
    place.fails(&["approve", "1"], 1);
}

fn a_rejected_proposal_is_done_with_its_reason(place: &Place) {
    place.create(&["Idea", "--assign", "human"]);
    place.ok(&["reject", "1", "- not now"]);
    let idea = place.show(1);
    assert_eq!(
        (&idea["status"], &idea["resolution"]),
        (&json!("done"), &json!("rejected"))
    );
    assert_eq!(idea["comments"][0]["body"], "- not now");
    place.fails(&["reject", "1", "again"], 1);
    place.fails(&["approve", "1"], 1);
}

fn a_passed_check_is_done(place: &Place) {
    place.create(&["Check", "--type", "verify"]);
    place.create(&["waits", "--blocked-by", "1"]);
    place.ok(&["pass", "1"]);
    let check = place.show(1);
    assert_eq!(
        (&check["status"], &check["resolution"]),
        (&json!("done"), &json!("passed"))
    );
    assert_eq!(check["comments"], json!([]));
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 2);
    place.create(&["Check", "--type", "verify"]);
    place.ok(&["pass", "3", "looks good"]);
    assert_eq!(place.show(3)["comments"][0]["body"], "looks good");
    place.fails(&["pass", "3"], 1);
}

fn a_failed_check_leads_to_a_fix_and_another_check(place: &Place) {
    place.create(&["Parent"]);
    place.create(&[
        "Check the menu",
        "-d",
        "Click it.",
        "--type",
        "verify",
        "--parent",
        "1",
        "--priority",
        "1",
        "--label",
        "ui",
    ]);
    place.create(&["Ship", "--blocked-by", "2"]);
    place.create(&["Tell", "--blocked-by", "2"]);
    place.ok(&["fail", "2", "It is empty"]);

    let check = place.show(2);
    assert_eq!(
        (&check["status"], &check["resolution"]),
        (&json!("done"), &json!("failed"))
    );
    assert_eq!(check["comments"][0]["body"], "It is empty");
    let (fix, again) = (place.show(5), place.show(6));
    for (field, value) in [
        ("title", json!("Fix: Check the menu")),
        ("type", json!("task")),
        ("status", json!("open")),
        ("assigned_to", json!(null)),
        ("parent_id", json!(1)),
        ("priority", json!(1)),
        ("labels", json!(["ui"])),
        ("blocked_by", json!([])),
        ("blocks", json!([6])),
    ] {
        assert_eq!(fix[field], value, "{field} of the fix");
    }
    assert!(fix["description"].as_str().unwrap().contains("It is empty"));
    for (field, value) in [
        ("title", json!("Re-verify: Check the menu")),
        ("type", json!("verify")),
        ("status", json!("open")),
        ("assigned_to", json!("human")),
        ("blocked_by", json!([5])),
        ("blocks", json!([3, 4])),
    ] {
        assert_eq!(again[field], value, "{field} of the new check");
    }
    assert!(
        again["description"]
            .as_str()
            .unwrap()
            .starts_with("Click it.")
    );
    assert_eq!(place.show(3)["blocked_by"], json!([2, 6]));
    assert_eq!(place.show(4)["blocked_by"], json!([2, 6]));
    assert_eq!(
        place.listed(&["--ready"]),
        [1, 5],
        "the dependents still wait"
    );
    place.ok(&["mark-done", "5"]);
    place.ok(&["pass", "6"]);
    assert_eq!(place.listed(&["--ready"]), [1, 3, 4]);
}

fn prefixes_do_not_pile_up(place: &Place) {
    place.create(&["The menu", "--type", "verify"]);
    place.ok(&["fail", "1", "no"]);
    place.ok(&["fail", "3", "no again"]);
    assert_eq!(place.show(3)["title"], "Re-verify: The menu");
    assert_eq!(place.show(4)["title"], "Fix: The menu");
    assert_eq!(place.show(5)["title"], "Re-verify: The menu");
    assert_eq!(place.show(5)["blocked_by"], json!([4]));
}

fn a_failed_check_is_told_as_json(place: &Place) {
    place.create(&["The menu", "--type", "verify"]);
    let failed = place.json(&["fail", "1", "no"]);
    assert_eq!(
        (&failed["id"], &failed["resolution"]),
        (&json!(1), &json!("failed"))
    );
    assert_eq!((&failed["fix"], &failed["verify"]), (&json!(2), &json!(3)));
}
