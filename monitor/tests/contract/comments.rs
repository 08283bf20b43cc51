//! Comments and their threads.

use serde_json::json;

use crate::place::Place;

on_every_door!(
    the_author_is_human_unless_named,
    an_answer_stands_below_what_it_answers,
    a_reply_stays_on_its_ticket,
    a_comment_may_come_from_standard_input,
);

fn the_author_is_human_unless_named(place: &Place) {
    place.create(&["one"]);
    place.ok(&["comment", "1", "- a list\n- of two"]);
    place.ok(&["comment", "1", "hm", "--author", "agent-1"]);
    let comments = place.json(&["comments", "1"]);
    assert_eq!(comments[0]["author"], "human");
    assert_eq!(comments[0]["body"], "- a list\n- of two");
    assert_eq!(comments[1]["author"], "agent-1");
}

fn an_answer_stands_below_what_it_answers(place: &Place) {
    place.create(&["one"]);
    place.ok(&["comment", "1", "first"]);
    place.ok(&["comment", "1", "second"]);
    place.ok(&["comment", "1", "answer\nin two lines", "--reply-to", "1"]);
    place.ok(&["comment", "1", "deeper", "--reply-to", "3"]);
    let without_times = |text: String| {
        text.lines()
            .map(|line| match (line.find('['), line.find("] ")) {
                (Some(from), Some(to)) => format!("{}{}", &line[..from], &line[to + 2..]),
                _ => line.to_owned(),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        without_times(place.ok(&["comments", "1"])),
        [
            "human: first",
            "  human: answer",
            "  in two lines",
            "    human: deeper",
            "human: second"
        ]
    );
    assert_eq!(
        without_times(place.ok(&["comments", "1", "--ids"])),
        [
            "1: human: first",
            "  3: human: answer",
            "  in two lines",
            "    4: human: deeper",
            "2: human: second"
        ]
    );
    assert!(place.ok(&["show", "1"]).contains("\nComments (4):\n  ["));
    let by_age = place.json(&["comments", "1"]);
    assert_eq!(by_age[2]["reply_to"], json!(1));
}

fn a_reply_stays_on_its_ticket(place: &Place) {
    place.create(&["one"]);
    place.create(&["two"]);
    place.ok(&["comment", "1", "first"]);
    let said = place.fails(&["comment", "2", "x", "--reply-to", "1"], 1);
    assert!(said.contains("ticket 2 has no comment 1"), "{said}");
    assert_eq!(place.json(&["comments", "2"]), json!([]));
}

fn a_comment_may_come_from_standard_input(place: &Place) {
    place.create(&["one"]);
    place.ok_with(&["comment", "1", "-"], "from a pipe\nin two lines\n");
    assert_eq!(
        place.json(&["comments", "1"])[0]["body"],
        "from a pipe\nin two lines"
    );
}
