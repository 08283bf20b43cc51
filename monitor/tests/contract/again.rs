//! Tickets that nobody needs, that are tried again, and that were not done after all.

use serde_json::json;

use crate::place::Place;

on_every_door!(
    a_cancelled_ticket_frees_what_waited_and_keeps_the_reason,
    a_task_is_tried_again_at_once,
    only_what_waits_for_an_agent_is_tried_again,
    a_done_ticket_is_taken_up_again_by_a_new_one,
    only_a_done_ticket_is_reopened,
);

fn a_cancelled_ticket_frees_what_waited_and_keeps_the_reason(place: &Place) {
    place.create(&["one"]);
    place.create(&["two", "--blocked-by", "1"]);
    assert_eq!(
        place.json(&["cancel", "1", "- no need"])["resolution"],
        "cancelled"
    );
    assert_eq!(place.show(1)["comments"][0]["body"], "- no need");
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 2);
    place.ok(&["cancel", "2"]);
    assert_eq!(place.show(2)["comments"], json!([]));
    assert!(place.fails(&["cancel", "2", "again"], 1).contains("done"));
    assert_eq!(place.show(2)["comments"], json!([]), "all or nothing");
    place.fails(&["cancel", "9"], 1);
}

fn a_task_is_tried_again_at_once(place: &Place) {
    place.create(&["one", "--assign", "human", "--type", "task"]);
    place.fails(&["claim-next", "--agent", "a"], 1);
    let task = place.json(&["retry", "1"]);
    assert_eq!(
        (&task["status"], &task["assigned_to"]),
        (&json!("open"), &json!(null))
    );
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 1);
}

fn only_what_waits_for_an_agent_is_tried_again(place: &Place) {
    place.create(&["ask", "--type", "question", "--assign", "human"]);
    place.create(&["work"]);
    place.ok(&["claim-next", "--agent", "a"]);
    place.create(&["over"]);
    place.ok(&["mark-done", "3"]);
    for (id, words) in [
        ("1", "is a question: it waits for what you say"),
        ("2", "'ticket unclaim 2' takes it from its agent"),
        (
            "3",
            "'ticket reopen 3 \"WHY\"' makes one that goes on with it",
        ),
        ("9", "not found"),
    ] {
        let said = place.fails(&["retry", id], 1);
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(place.show(2)["status"], "in_progress");
}

fn a_done_ticket_is_taken_up_again_by_a_new_one(place: &Place) {
    place.create(&["all of it"]);
    place.create(&[
        "Mend the menu",
        "-d",
        "It flickers.",
        "--parent",
        "1",
        "--priority",
        "1",
        "--label",
        "ui",
    ]);
    place.create(&["waits", "--blocked-by", "2"]);
    place.ok(&["mark-done", "2", "--resolution", "landed"]);
    assert_eq!(place.ok(&["reopen", "2", "It still flickers."]), "4");
    let new = place.show(4);
    for (field, value) in [
        ("title", json!("Mend the menu")),
        ("status", json!("open")),
        ("type", json!("task")),
        ("priority", json!(1)),
        ("labels", json!(["ui"])),
        ("parent_id", json!(1)),
        ("resolution", json!(null)),
    ] {
        assert_eq!(new[field], value, "{field}");
    }
    assert_eq!(
        new["description"],
        "It flickers.\n\nTicket #2 was done (landed) and is taken up again: It still flickers."
    );
    let old = place.show(2);
    assert_eq!(
        (&old["status"], &old["resolution"]),
        (&json!("done"), &json!("landed"))
    );
    assert_eq!(
        old["comments"][0]["body"],
        "Taken up again as #4: It still flickers."
    );
    let log = place.json(&["log", "--ticket", "2", "--limit", "1"]);
    assert_eq!(
        (&log[0]["action"], &log[0]["detail"]),
        (&json!("reopened"), &json!("4"))
    );
    // Who waited for the old one waits no more.
    place.ok(&["cancel", "4"]);
    place.ok(&["mark-done", "1"]);
    assert_eq!(place.json(&["claim-next", "--agent", "a"])["id"], 3);
    place.ok(&["doctor"]);
}

fn only_a_done_ticket_is_reopened(place: &Place) {
    place.create(&["one"]);
    let said = place.fails(&["reopen", "1", "why"], 1);
    assert!(said.contains("ticket 1 is open, not done"), "{said}");
    place.ok(&["mark-done", "1"]);
    place.fails(&["reopen", "1", "  "], 1);
    assert_eq!(place.show(1)["comments"], json!([]));
    assert_eq!(place.ok(&["count", "--status", "open,done"]), "1");
    place.create(&["check", "--type", "verify"]);
    place.ok(&["pass", "2"]);
    place.ok(&["reopen", "2", "once more"]);
    let again = place.show(3);
    assert_eq!(
        (&again["type"], &again["assigned_to"]),
        (&json!("verify"), &json!("human"))
    );
}
