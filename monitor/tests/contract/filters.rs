//! Finding tickets: `list`, `count`, `search`, and what `claim-next` takes.

use serde_json::json;

use crate::place::{Place, ids};

on_every_door!(
    without_status_all_but_done,
    every_filter_narrows_the_list_and_the_count,
    a_claim_takes_the_most_urgent_and_then_the_oldest,
    a_claim_skips_what_is_not_to_be_had,
    a_claim_may_be_filtered,
    a_search_finds_titles_descriptions_and_comments,
);

fn without_status_all_but_done(place: &Place) {
    for title in ["open", "in progress", "ready", "done"] {
        place.create(&[title]);
    }
    place.ok(&["update", "2", "--status", "in_progress"]);
    place.ok(&["complete", "3"]);
    place.ok(&["mark-done", "4"]);
    for (filter, found) in [
        (&[][..], &[1, 2, 3][..]),
        (&["--status", "open"], &[1]),
        (&["--status", "done,open"], &[1, 4]),
        (&["--status", "open, in_progress"], &[1, 2]),
        (&["--status", "open,in_progress,ready,done"], &[1, 2, 3, 4]),
    ] {
        assert_eq!(place.listed(filter), found, "{filter:?}");
        let count = place.ok(&[&["count"], filter].concat());
        assert_eq!(count, found.len().to_string(), "{filter:?}");
    }
}

fn every_filter_narrows_the_list_and_the_count(place: &Place) {
    place.create(&[
        "one",
        "--label",
        "core",
        "--label",
        "a/b",
        "--priority",
        "0",
    ]);
    place.create(&[
        "two", "--label", "core", "--parent", "1", "--assign", "agent-1",
    ]);
    place.create(&["three", "--type", "verify", "--blocked-by", "1"]);
    place.create(&["four", "--assign", "human"]);
    place.create(&["five", "--not-before", "+1h"]);
    for (filter, found) in [
        (&["--label", "core"][..], &[1, 2][..]),
        (&["--label", "core", "--label", "a/b"], &[1]),
        (&["--label", "core,a/b"], &[1]),
        (&["--label", "nothing"], &[]),
        (&["--parent", "1"], &[2]),
        (&["--assigned-to", "agent-1"], &[2]),
        (&["--assigned-to", ""], &[1, 3, 5]),
        (&["--type", "verify,proposal"], &[3, 4]),
        (&["--priority", "0"], &[1]),
        (&["--blocked"], &[3]),
        (&["--ready"], &[1]),
        (&["--label", "core", "--assigned-to", "agent-1"], &[2]),
    ] {
        assert_eq!(place.listed(filter), found, "{filter:?}");
        let count = place.ok(&[&["count"], filter].concat());
        assert_eq!(count, found.len().to_string(), "{filter:?}");
    }
    assert_eq!(place.listed(&["--limit", "2"]), [1, 2]);
    assert_eq!(place.listed(&["--limit", "0"]), [0_i64; 0]);
}

fn a_claim_takes_the_most_urgent_and_then_the_oldest(place: &Place) {
    for (title, priority) in [("a", "3"), ("b", "1"), ("c", "2"), ("d", "1"), ("e", "0")] {
        place.create(&[title, "--priority", priority]);
    }
    let order: Vec<i64> = (0..5)
        .map(|_| {
            place.json(&["claim-next", "--agent", "a"])["id"]
                .as_i64()
                .unwrap()
        })
        .collect();
    assert_eq!(order, [5, 2, 4, 3, 1]);
    place.fails(&["claim-next", "--agent", "a"], 1);
}

fn a_claim_skips_what_is_not_to_be_had(place: &Place) {
    place.create(&["assigned", "--assign", "human"]);
    place.create(&["blocker", "--assign", "human"]);
    place.create(&["blocked", "--blocked-by", "2"]);
    place.create(&["deferred", "--not-before", "+1h"]);
    place.create(&["parent", "--wait-for-children"]);
    place.create(&["child", "--parent", "5", "--assign", "human"]);
    let claim = ["claim-next", "--agent", "a", "--format", "json"];
    place.fails(&claim, 1);
    place.ok(&["complete", "2"]);
    place.fails(&claim, 1);
    place.ok(&["mark-done", "2"]);
    assert_eq!(
        place.json(&claim[..3])["id"],
        3,
        "a blocker counts until it is done"
    );
    place.ok(&["mark-done", "6"]);
    assert_eq!(place.json(&claim[..3])["id"], 5);
    place.ok(&["update", "4", "--not-before", "now"]);
    place.ok(&["pause", "a reason"]);
    place.fails(&claim, 1);
    place.ok(&["resume"]);
    assert_eq!(place.json(&claim[..3])["id"], 4);
}

fn a_claim_may_be_filtered(place: &Place) {
    place.create(&["plain"]);
    place.create(&["check", "--type", "verify"]);
    place.create(&["labelled", "--label", "ui", "--label", "fast"]);
    let claim = |filter: &[&str]| {
        place.json(&[&["claim-next", "--agent", "a"], filter].concat())["id"].as_i64()
    };
    assert_eq!(claim(&["--label", "ui", "--label", "fast"]), Some(3));
    place.fails(&["claim-next", "--agent", "a", "--label", "ui"], 1);
    assert_eq!(claim(&["--type", "verify,question"]), Some(2));
    assert_eq!(claim(&[]), Some(1));
}

fn a_search_finds_titles_descriptions_and_comments(place: &Place) {
    place.create(&["Mend the parser"]);
    place.create(&["Other", "-d", "The PARSER is slow: naïve"]);
    place.create(&["Third"]);
    place.ok(&["comment", "3", "I blame the parser"]);
    place.create(&["Finished parser"]);
    place.ok(&["mark-done", "4"]);
    let found = |words: &[&str]| ids(&place.json(&[&["search"], words].concat()));
    assert_eq!(found(&["parser"]), [4, 3, 2, 1]);
    assert_eq!(found(&["parser", "--status", "open"]), [3, 2, 1]);
    assert_eq!(found(&["parser", "--limit", "1"]), [4]);
    assert_eq!(
        found(&["slow", "parser"]),
        [2],
        "several arguments are joined"
    );
    assert_eq!(found(&["\"mend the\""]), [1]);
    assert_eq!(found(&["pars*", "naive"]), [2]);
    assert_eq!(found(&["OR"]), [0_i64; 0]);
    let hit = &place.json(&["search", "blame"])[0];
    assert_eq!(hit["found_in"], "comment");
    assert_eq!(hit["excerpt"], "I [blame] the parser");
    assert_eq!(hit["title"], "Third");
    assert_eq!(
        place.ok(&["search", "mend"]),
        "#1 open task: Mend the parser\n    [Mend] the parser"
    );
    assert_eq!(place.show(3)["comments"][0]["reply_to"], json!(null));
}
