//! The words that scripts read: what each command prints for its own table row of the contract.

use crate::place::{Place, is_time};

on_every_door!(
    every_command_says_what_it_did,
    empty_answers_are_sentences,
    a_list_is_a_table_in_the_order_of_the_ids,
    show_has_labelled_lines,
    comments_are_one_line_each,
    the_log_is_newest_first,
    a_claimed_ticket_is_printed_as_show_prints_it,
);

fn every_command_says_what_it_did(place: &Place) {
    for (args, said) in [
        (&["create", "one"][..], "1"),
        (&["create", "two", "--blocked-by", "1"], "2"),
        (&["update", "1", "--title", "uno"], "Ticket 1 updated."),
        (&["count"], "2"),
        (&["comment", "1", "hm"], "Comment added to ticket 1."),
        (&["complete", "1"], "Ticket 1 work complete."),
        (&["unclaim", "1"], "Ticket 1 unclaimed."),
        (&["mark-done", "1"], "Ticket 1 done."),
        (&["create", "three"], "3"),
        (
            &["block", "2", "--by", "3"],
            "Ticket 2 is now blocked by ticket 3.",
        ),
        (
            &["unblock", "2", "--by", "3"],
            "Ticket 2 is no longer blocked by ticket 3.",
        ),
        (&["create", "ask", "--type", "question"], "4"),
        (&["answer", "4", "yes"], "Ticket 4 answered."),
        (&["create", "propose", "--type", "proposal"], "5"),
        (&["approve", "5"], "Ticket 5 approved."),
        (&["create", "propose", "--assign", "human"], "6"),
        (&["reject", "6", "no"], "Ticket 6 rejected."),
        (&["create", "check", "--type", "verify"], "7"),
        (&["pass", "7", "fine"], "Ticket 7 passed."),
        (&["create", "check", "--type", "verify"], "8"),
        (
            &["fail", "8", "broken"],
            "Ticket 8 failed: ticket 9 is to fix it, ticket 10 to check again.",
        ),
        (&["learn", "cargo is slow here"], "Learning 1 kept."),
        (
            &["pause", "release day"],
            "Claims are withheld until 'ticket resume'; agents of a running swarm stand still.",
        ),
        (
            &["drain", "release day"],
            "Claims are withheld until 'ticket resume'; what runs is finished.",
        ),
        (&["paused"], "Claims are withheld: release day"),
        (&["resume"], "Claims go on."),
        (&["resume"], "Claims were not withheld."),
        (&["paused"], "Claims are not withheld."),
        (&["retry", "9"], "Ticket 9 will be tried again."),
        (&["cancel", "9", "no need"], "Ticket 9 cancelled."),
        (&["reopen", "9", "needed after all"], "11"),
    ] {
        assert_eq!(place.ok(args), said, "{args:?}");
    }
}

fn empty_answers_are_sentences(place: &Place) {
    assert_eq!(place.ok(&["list"]), "No tickets found.");
    assert_eq!(place.ok(&["search", "word"]), "No tickets found.");
    assert_eq!(place.ok(&["learnings"]), "No learnings.");
    assert_eq!(place.ok(&["count"]), "0");
    assert_eq!(place.ok(&["log", "--ticket", "7"]), "No activity.");
    assert_eq!(place.ok(&["log", "--limit", "0"]), "No activity.");
    place.create(&["one"]);
    assert_eq!(place.ok(&["comments", "1"]), "No comments.");
    assert_eq!(place.ok(&["attempts", "1"]), "No attempts.");
}

fn a_list_is_a_table_in_the_order_of_the_ids(place: &Place) {
    place.create(&["one", "--priority", "4"]);
    place.create(&["two", "--priority", "0", "--assign", "agent-1"]);
    let table = place.ok(&["list"]);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["ID", "Status", "Type", "Assigned", "Title"]);
    assert_eq!(rows[1], ["1", "open", "task", "-", "one"]);
    assert_eq!(rows[2], ["2", "open", "task", "agent-1", "two"]);
    assert_eq!(rows.len(), 3);
    let columns: Vec<usize> = table.lines().map(|l| l.rfind(' ').unwrap()).collect();
    assert!(
        columns.iter().all(|c| *c == columns[0]),
        "columns:\n{table}"
    );
}

fn show_has_labelled_lines(place: &Place) {
    place.create(&["first"]);
    place.create(&[
        "The title",
        "-d",
        "line one\nline two",
        "--blocked-by",
        "1",
        "--parent",
        "1",
    ]);
    place.create(&["third", "--blocked-by", "2"]);
    place.ok(&[
        "update",
        "2",
        "--label",
        "b",
        "--label",
        "a",
        "--not-before",
        "+1d",
    ]);
    place.ok(&["comment", "2", "said", "--author", "me"]);
    let shown = place.ok(&["show", "2"]);
    assert!(shown.starts_with("Ticket #2\n"), "{shown}");
    for line in [
        "Title:       The title",
        "Status:      open",
        "Type:        task",
        "Priority:    2",
        "Assigned to: -",
        "Labels:      a, b",
        "Created by:  human",
        "Parent:      #1",
        "Blocked by:  #1",
        "Blocks:      #3",
        "Description:",
        "line one",
        "line two",
        "Comments (1):",
    ] {
        assert!(shown.lines().any(|l| l == line), "{line} in:\n{shown}");
    }
    for label in ["Created at:  ", "Updated at:  ", "Not before:  "] {
        let line = shown.lines().find_map(|l| l.strip_prefix(label));
        assert!(line.is_some_and(is_time), "{label} in:\n{shown}");
    }
    assert!(shown.trim_end().ends_with("] me: said"), "{shown}");
    assert!(!place.ok(&["show", "1"]).contains("Comments"));
    assert!(place.ok(&["show", "1"]).contains("Children:    #2"));
}

fn comments_are_one_line_each(place: &Place) {
    place.create(&["one"]);
    place.ok(&["comment", "1", "first"]);
    place.ok(&["comment", "1", "second", "--author", "agent-1"]);
    let said = place.ok(&["comments", "1"]);
    let lines: Vec<&str> = said.lines().collect();
    for (line, rest) in lines.iter().zip(["human: first", "agent-1: second"]) {
        let (time, text) = line.strip_prefix('[').unwrap().split_once("] ").unwrap();
        assert!(is_time(time), "{line}");
        assert_eq!(text, rest);
    }
    assert_eq!(lines.len(), 2);
}

fn the_log_is_newest_first(place: &Place) {
    place.create(&["the title"]);
    place.ok(&["comment", "1", "hm", "--author", "agent-1"]);
    place.ok(&["complete", "1"]);
    let log = place.ok(&["log", "--limit", "3"]);
    let rows: Vec<&str> = log
        .lines()
        .map(|line| {
            let (time, row) = line.strip_prefix('[').unwrap().split_once("] ").unwrap();
            assert!(is_time(time), "{line}");
            row
        })
        .collect();
    assert_eq!(
        rows,
        [
            "#1 completed human",
            "#1 commented agent-1 hm",
            "#1 created human the title"
        ]
    );
    for _ in 0..25 {
        place.ok(&["comment", "1", "again"]);
    }
    assert_eq!(place.ok(&["log"]).lines().count(), 20);
    assert_eq!(place.ok(&["log", "--limit", "22"]).lines().count(), 22);
}

fn a_claimed_ticket_is_printed_as_show_prints_it(place: &Place) {
    place.create(&["one", "-d", "text"]);
    let claimed = place.ok(&["claim-next", "--agent", "a"]);
    assert_eq!(claimed, place.ok(&["show", "1"]));
    assert!(claimed.starts_with("Ticket #1\n"));
    assert!(claimed.contains("\nAssigned to: a\n"));
}
