//! Every write appends its row to the activity log, and nothing else does.

use crate::place::Place;

on_every_door!(
    every_write_has_its_row,
    reading_and_refusals_leave_no_row,
    the_log_of_one_ticket_is_its_own
);

/// Commands in an order in which each does something, and the rows that each appends.
const WRITES: [(&[&str], &[&str]); 29] = [
    (&["create", "one"], &["#1 created human one"]),
    (
        &["create", "two", "--blocked-by", "1", "--created-by", "me"],
        &["#2 created me two"],
    ),
    (
        &["create", "three", "--block-dependents-of", "1"],
        &["#2 blocker_added human 3", "#3 created human three"],
    ),
    (
        &["update", "1", "--title", "uno", "--priority", "1"],
        &["#1 updated human title, priority"],
    ),
    (
        &["update", "1", "--label", "a"],
        &["#1 updated human labels"],
    ),
    (&["claim-next", "--agent", "a"], &["#1 claimed a attempt 1"]),
    (
        &["comment", "1", "hm\nmore", "--author", "a"],
        &["#1 commented a hm"],
    ),
    (
        &["unclaim", "1"],
        &[
            "#1 unclaimed human",
            "#1 attempt_ended human attempt 1: released: released by human",
        ],
    ),
    (&["complete", "1"], &["#1 completed human"]),
    (&["mark-done", "1"], &["#1 done human passed"]),
    (
        &["unblock", "2", "--by", "3"],
        &["#2 blocker_removed human 3"],
    ),
    (&["block", "2", "--by", "3"], &["#2 blocker_added human 3"]),
    (
        &["create", "ask", "--type", "question"],
        &["#4 created human ask"],
    ),
    (
        &["answer", "4", "yes"],
        &["#4 done human answered", "#4 commented human yes"],
    ),
    (
        &["create", "idea", "--type", "proposal"],
        &["#5 created human idea"],
    ),
    (&["approve", "5"], &["#5 approved human"]),
    (
        &["create", "idea", "--type", "proposal"],
        &["#6 created human idea"],
    ),
    (
        &["reject", "6", "no"],
        &["#6 done human rejected", "#6 commented human no"],
    ),
    (
        &["create", "check", "--type", "verify"],
        &["#7 created human check"],
    ),
    (
        &["fail", "7", "bad"],
        &[
            "#7 done human failed",
            "#9 created human Re-verify: check",
            "#8 created human Fix: check",
            "#7 commented human bad",
        ],
    ),
    (&["pass", "9"], &["#9 done human passed"]),
    (
        &[
            "learn",
            "what I know",
            "--category",
            "build",
            "--ticket",
            "8",
        ],
        &["#8 learned human build: what I know"],
    ),
    (&["learn", "what I know", "--category", "build"], &[]),
    (&["pause", "why"], &["- paused human why"]),
    (&["drain", "why"], &["- draining human why"]),
    (&["resume"], &["- resumed human"]),
    (&["retry", "8"], &["#8 unclaimed human"]),
    (
        &["cancel", "8", "no need"],
        &["#8 done human cancelled", "#8 commented human no need"],
    ),
    (
        &["reopen", "8", "needed"],
        &[
            "#8 reopened human 10",
            "#8 commented human Taken up again as #10: needed",
            "#10 created human Fix: check",
        ],
    ),
];

fn every_write_has_its_row(place: &Place) {
    let mut before = place.events();
    for (args, rows) in WRITES {
        place.ok(args);
        let now = place.events();
        let log = place.ok(&["log", "--limit", &(now - before).to_string()]);
        let added: Vec<&str> = log
            .lines()
            .filter_map(|l| Some(l.split_once("] ")?.1))
            .collect();
        assert_eq!(added, rows, "{args:?}");
        before = now;
    }
}

fn reading_and_refusals_leave_no_row(place: &Place) {
    place.create(&["one"]);
    let before = place.events();
    for args in [
        &["list"][..],
        &["show", "1"],
        &["count"],
        &["comments", "1"],
        &["search", "one"],
        &["attempts", "1"],
        &["learnings"],
        &["paused"],
        &["log"],
        &["resume"],
    ] {
        place.ok(args);
    }
    for args in [
        &["mark-done", "9"][..],
        &["block", "1", "--by", "1"],
        &["pass", "1"],
        &["create", ""],
    ] {
        place.fails(args, 1);
    }
    assert_eq!(place.events(), before);
}

fn the_log_of_one_ticket_is_its_own(place: &Place) {
    place.create(&["one"]);
    place.create(&["two"]);
    place.ok(&["comment", "1", "hm"]);
    let log = place.json(&["log", "--ticket", "1"]);
    let rows: Vec<&str> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    assert_eq!(rows, ["commented", "created"]);
    assert!(log[0]["id"].as_i64() > log[1]["id"].as_i64());
    assert_eq!(log[0]["ticket_id"], 1);
    assert_eq!(log[0]["agent_id"], "human");
    assert_eq!(log[0]["detail"], "hm");
    assert!(
        place
            .ok(&["log", "--ticket", "1", "--limit", "1"])
            .ends_with("#1 commented human hm")
    );
}
