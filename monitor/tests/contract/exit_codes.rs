//! 0 done, 1 not found or refused, 2 usage; and nothing half done.

use crate::place::Place;

on_every_door!(
    what_is_not_there_is_one,
    what_is_refused_is_one,
    what_cannot_be_read_is_two,
    nothing_to_claim_is_one_and_silent,
    a_refused_creation_creates_nothing,
    a_refused_change_changes_nothing,
    help_and_version_are_zero,
    refusals_are_json_when_json_is_asked_for,
);

fn what_is_not_there_is_one(place: &Place) {
    place.create(&["one"]);
    for args in [
        &["show", "9"][..],
        &["show", "0"],
        &["update", "9", "--title", "x"],
        &["comment", "9", "x"],
        &["comments", "9"],
        &["complete", "9"],
        &["mark-done", "9"],
        &["unclaim", "9"],
        &["block", "9", "--by", "1"],
        &["block", "1", "--by", "9"],
        &["unblock", "9", "--by", "1"],
        &["unblock", "1", "--by", "9"],
        &["answer", "9", "x"],
        &["approve", "9"],
        &["reject", "9", "x"],
        &["pass", "9"],
        &["fail", "9", "x"],
        &["attempts", "9"],
        &["diff", "9"],
        &["learn", "x", "--ticket", "9"],
        &["create", "x", "--parent", "9"],
        &["create", "x", "--blocked-by", "9"],
        &["create", "x", "--block-dependents-of", "9"],
        &["update", "1", "--parent", "9"],
    ] {
        let said = place.fails(args, 1);
        let id = if args.contains(&"0") { 0 } else { 9 };
        assert_eq!(said, format!("ticket: ticket {id} not found"), "{args:?}");
    }
    assert!(
        place
            .fails(&["comment", "1", "x", "--reply-to", "9"], 1)
            .contains("no comment 9")
    );
    assert!(
        place
            .fails(&["diff", "1", "--attempt", "9"], 1)
            .contains("no attempt 9")
    );
}

fn what_is_refused_is_one(place: &Place) {
    place.create(&["one"]);
    place.create(&["two", "--blocked-by", "1"]);
    place.create(&["done"]);
    place.ok(&["mark-done", "3"]);
    for (args, sentence) in [
        (&["create", ""][..], "cannot be empty"),
        (&["create", "  "], "cannot be empty"),
        (&["update", "1", "--title", " "], "cannot be empty"),
        (&["update", "1", "--status", "done"], "mark-done"),
        (
            &["list", "--status", "closed"],
            "unknown status 'closed': use open, in_progress, ready or done",
        ),
        (&["list", "--status", "open,dne"], "did you mean done?"),
        (&["count", "--status", "opne"], "did you mean open?"),
        (&["list", "--type", "tsk"], "did you mean task?"),
        (&["list", "--priority", "7"], "priority 7 is out of range"),
        (
            &["create", "x", "--priority", "5"],
            "priority 5 is out of range: 0 (most urgent) to 4",
        ),
        (
            &["claim-next", "--agent", "a", "--type", "tsk"],
            "did you mean task?",
        ),
        (&["claim-next", "--agent", " "], "--agent ' ' is not a name"),
        (
            &["create", "x", "--label", "two words"],
            "'two words' is not a label",
        ),
        (&["block", "2", "--by", "1"], "already blocked"),
        (&["block", "1", "--by", "1"], "cannot wait for itself"),
        (
            &["block", "1", "--by", "2"],
            "circle of blockers: #1 waits for #2 waits for #1",
        ),
        (&["unblock", "1", "--by", "2"], "not blocked by"),
        (&["update", "1", "--parent", "1"], "cannot be a part"),
        (
            &["unclaim", "3"],
            "a ticket that is done cannot be released",
        ),
        (
            &["complete", "3"],
            "a ticket that is done cannot be completed",
        ),
        (
            &["mark-done", "3"],
            "a ticket that is done cannot be finished",
        ),
        (
            &["update", "3", "--status", "open"],
            "a ticket that is done cannot be released",
        ),
        (
            &["block", "3", "--by", "1"],
            "a ticket that is done cannot be released",
        ),
        (&["answer", "1", "x"], "use 'ticket comment'"),
        (
            &["approve", "1"],
            "cannot approve ticket 1: it is a task that is open",
        ),
        (&["reject", "1", "x"], "cannot reject ticket 1"),
        (&["pass", "1"], "cannot pass ticket 1"),
        (&["fail", "1", "x"], "cannot fail ticket 1"),
        (&["comment", "1", ""], "the comment cannot be empty"),
        (&["learn", " "], "a learning cannot be empty"),
        (
            &["learn", "x", "--category", "two words"],
            "is not a category",
        ),
        (&["pause", " "], "the reason of a pause"),
        (&["search", "*"], "there is no word to search for"),
        (
            &["create", "--file", "nowhere.jsonl"],
            "cannot open nowhere.jsonl",
        ),
    ] {
        let said = place.fails(args, 1);
        assert!(
            said.starts_with("ticket: ") && said.contains(sentence),
            "{args:?}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
    }
}

fn what_cannot_be_read_is_two(place: &Place) {
    place.create(&["one"]);
    for (args, sentence) in [
        (&[][..], "requires a subcommand"),
        (&["nothing"], "unrecognized subcommand 'nothing'"),
        (&["list", "--colour"], "unexpected argument '--colour'"),
        (&["--colour", "list"], "unexpected argument '--colour'"),
        (&["create"], "<TITLE>"),
        (&["create", "--colour"], "there is no such option"),
        (&["create", "x", "y"], "unexpected argument 'y'"),
        (&["create", "x", "--file", "y"], "cannot be used with"),
        (&["comment", "1"], "<BODY>"),
        (&["comment", "1", "--colour"], "there is no such option"),
        (&["block", "1"], "--by <ID>"),
        (&["claim-next"], "--agent <AGENT>"),
        (&["fail", "1"], "<REASON>"),
        (&["reject", "1"], "<REASON>"),
        (&["answer", "1"], "<BODY>"),
        (&["search"], "<WORDS>"),
        (&["update", "1"], "nothing to update"),
        (&["update", "9"], "nothing to update"),
        (
            &["show", "seven"],
            "'seven' for '<ID>': an id is a whole number",
        ),
        (&["show", "1.5"], "an id is a whole number"),
        (&["show", "99999999999999999999"], "an id is a whole number"),
        (
            &["block", "1", "--by", "x"],
            "'x' for '--by <ID>': an id is a whole number",
        ),
        (
            &["create", "x", "--type", "tsk"],
            "unknown type 'tsk': use task, proposal, question or verify; did you mean task?",
        ),
        (
            &["update", "1", "--status", "in-progres"],
            "did you mean in_progress?",
        ),
        (
            &["mark-done", "1", "--resolution", "wontfix"],
            "use landed, no-change, answered, approved, rejected, passed, failed, cancelled or duplicate",
        ),
        (
            &["update", "1", "--not-before", "soon"],
            "'soon' for '--not-before <TIME>': use +30m",
        ),
        (&["list", "--limit", "-1"], "unexpected argument '-1'"),
        (&["log", "--limit", "many"], "use a whole number"),
        (
            &["list", "--format", "yaml"],
            "[possible values: text, json]",
        ),
        (&["completions", "basic"], "[possible values: bash"),
    ] {
        let said = place.fails(args, 2);
        assert!(said.contains(sentence), "{args:?}: {said}");
    }
}

fn nothing_to_claim_is_one_and_silent(place: &Place) {
    for args in [
        &["claim-next", "--agent", "a"][..],
        &["claim-next", "--agent", "a", "--format", "json"],
    ] {
        assert_eq!(place.fails(args, 1), "");
    }
    place.create(&["mine", "--assign", "human"]);
    assert_eq!(place.fails(&["claim-next", "--agent", "a"], 1), "");
}

fn a_refused_creation_creates_nothing(place: &Place) {
    place.create(&["one"]);
    let before = place.events();
    for args in [
        &["create", "x", "--blocked-by", "1", "--blocked-by", "9"][..],
        &["create", "x", "--parent", "9"],
        &["create", "x", "--block-dependents-of", "9"],
        &["create", "x", "--label", "a", "--label", "b c"],
        &["create", "x", "--priority", "9"],
    ] {
        place.fails(args, 1);
    }
    assert_eq!(place.ok(&["count"]), "1");
    assert_eq!(place.show(1)["blocks"], serde_json::json!([]));
    assert_eq!(place.events(), before, "no event without a change");
    assert_eq!(place.create(&["next"]), 2, "no id was used up");
}

fn a_refused_change_changes_nothing(place: &Place) {
    place.create(&["one", "--label", "a"]);
    place.create(&["two", "--blocked-by", "1"]);
    let (before, events) = (place.show(1), place.events());
    for args in [
        &["update", "1", "--title", "new", "--status", "done"][..],
        &["update", "1", "--title", "new", "--priority", "9"],
        &["update", "1", "--title", "new", "--parent", "9"],
        &["update", "1", "--title", "new", "--label", "b c"],
        &["block", "1", "--by", "2"],
        &["fail", "1", "x"],
        &["answer", "1", "x"],
    ] {
        place.fails(args, 1);
    }
    assert_eq!(place.show(1), before);
    assert_eq!(place.events(), events);
}

fn help_and_version_are_zero(place: &Place) {
    assert!(
        place
            .ok(&["--help"])
            .contains("Exit codes: 0 done; 1 not found")
    );
    assert!(
        place
            .ok(&["help", "create"])
            .contains("--wait-for-children")
    );
    assert!(place.ok(&["create", "-h"]).contains("--wait-for-children"));
    assert!(place.ok(&["--version"]).starts_with("ticket "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            place.ok(&["completions", shell]).contains("claim-next"),
            "{shell}"
        );
    }
    let pages = tempfile::tempdir().unwrap();
    let folder = pages.path().join("man1");
    place.ok(&["man", &folder.display().to_string()]);
    let page = std::fs::read_to_string(folder.join("ticket-create.1")).unwrap();
    assert!(page.contains("wait\\-for\\-children"), "{page}");
    let file = folder.join("ticket.1").display().to_string();
    let said = place.fails(&["man", &file], 1);
    assert!(
        said.contains(&format!("cannot write into {file}")),
        "{said}"
    );
}

fn refusals_are_json_when_json_is_asked_for(place: &Place) {
    place.create(&["one"]);
    for (args, code, kind, message) in [
        (
            &["show", "9", "--format", "json"][..],
            1,
            "not-found",
            "ticket 9 not found",
        ),
        (
            &["--format", "json", "unclaim", "9"],
            1,
            "not-found",
            "ticket 9 not found",
        ),
        (
            &["block", "1", "--by", "1", "--format=json"],
            1,
            "refused",
            "ticket 1 cannot wait for itself",
        ),
        (
            &["create", " ", "--format", "json"],
            1,
            "invalid",
            "the title cannot be empty",
        ),
        (
            &["show", "x", "--format", "json"],
            2,
            "usage",
            "invalid value 'x' for '<ID>': an id is a whole number, such as 12",
        ),
        (
            &["--format", "json", "list", "--colour"],
            2,
            "usage",
            "unexpected argument '--colour' found",
        ),
    ] {
        let said: serde_json::Value = serde_json::from_str(&place.fails(args, code)).unwrap();
        assert_eq!(
            said,
            serde_json::json!({ "error": { "kind": kind, "message": message } }),
            "{args:?}"
        );
    }
    let said = place.fails(&["update", "1", "--format", "json"], 2);
    assert!(said.starts_with("{\"error\":{\"kind\":\"usage\""), "{said}");
}
