//! `ticket prompt`: what an agent would be told.

use serde_json::json;

use crate::place::{Door, Place};

on_every_door!(
    a_prompt_is_what_the_next_attempt_would_get,
    a_ticket_that_is_not_claimable_has_a_prompt_and_a_reason,
    each_kind_says_on_its_first_line_what_it_is,
    a_template_of_the_project_counts,
    a_prompt_needs_a_ticket_and_a_proposal_has_none,
);

/// Standard output and standard error of a call that succeeds.
fn both(place: &Place, args: &[&str]) -> (String, String) {
    let output = place.program().args(args).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

fn a_prompt_is_what_the_next_attempt_would_get(place: &Place) {
    place.create(&["The great plan"]);
    place.create(&["Mend it", "-d", "It is broken", "--parent", "1"]);
    place.ok(&["comment", "2", "Round up"]);
    place.ok(&["learn", "Use nextest"]);
    let before = place.events();
    let (prompt, said) = both(place, &["prompt", "2"]);
    assert_eq!(said, "");
    assert_eq!(prompt.lines().next(), Some("swarm: work"));
    for part in [
        "You are agent-1,",
        "on the branch `ticket/2/1`",
        "Mend it\n\nIt is broken",
        "The great plan",
        "human: Round up",
        "general: Use nextest",
        "From main, as it is now",
    ] {
        assert!(prompt.contains(part), "{part} is missing in:\n{prompt}");
    }
    let whole = place.json(&["prompt", "#2", "--agent", "agent-7"]);
    assert_eq!(
        (
            &whole["kind"],
            &whole["ticket"],
            &whole["attempt"],
            &whole["branch"]
        ),
        (&json!("work"), &json!(2), &json!(1), &json!("ticket/2/1"))
    );
    assert_eq!(whole["start"], json!({ "from": "main" }));
    assert_eq!(whole["withheld"], json!(null));
    assert!(whole["text"].as_str().unwrap().contains("You are agent-7,"));
    assert_eq!(place.events(), before, "it claims nothing");
    assert_eq!(place.show(2)["status"], "open");
}

fn a_ticket_that_is_not_claimable_has_a_prompt_and_a_reason(place: &Place) {
    for title in ["one", "two", "three", "four", "five"] {
        place.create(&[title]);
    }
    place.ok(&["claim-next", "--agent", "a"]);
    place.ok(&["block", "2", "--by", "1"]);
    place.ok(&["mark-done", "3"]);
    place.ok(&["update", "4", "--assign", "human"]);
    for (id, why) in [
        ("1", "a works on it"),
        ("2", "it waits for #1"),
        ("3", "it is done"),
        ("4", "it is assigned to human"),
    ] {
        let (prompt, said) = both(place, &["prompt", id]);
        assert!(prompt.contains("swarm: work"));
        let sentence = format!("ticket: ticket {id} would not be claimed now: {why}\n");
        assert_eq!(said, sentence);
    }
    place.ok(&["update", "5", "--not-before", "2100-01-01 00:00:00"]);
    let (_, said) = both(place, &["prompt", "5"]);
    assert!(
        said.contains("it is deferred until 2100-01-01 00:00:00 UTC"),
        "{said}"
    );
    place.ok(&["update", "5", "--not-before", "now"]);
    place.ok(&["pause", "lunch"]);
    let (_, said) = both(place, &["prompt", "5"]);
    assert!(said.contains("claims are withheld: lunch"), "{said}");
}

fn each_kind_says_on_its_first_line_what_it_is(place: &Place) {
    place.create(&["one"]);
    for (kind, line) in [
        ("verify-failed", "swarm: verify failed"),
        ("conflict", "swarm: conflict"),
        ("bounced", "swarm: bounced"),
    ] {
        let (prompt, said) = both(place, &["prompt", "1", "--kind", kind]);
        assert_eq!(prompt.lines().next(), Some(line));
        assert!(said.contains("made up"), "{said}");
    }
    place.create(&["An idea", "--type", "proposal"]);
    let (prompt, _) = both(place, &["prompt", "--kind", "propose"]);
    assert!(prompt.starts_with("swarm: propose\n"), "{prompt}");
    assert!(prompt.contains("An idea"), "{prompt}");
}

fn a_template_of_the_project_counts(place: &Place) {
    place.create(&["one"]);
    let file = place.project.prompts().join("work.md");
    std::fs::write(&file, "Mine: {{ ticket.title | data }}").unwrap();
    let whole = place.json(&["prompt", "1"]);
    assert!(
        whole["text"]
            .as_str()
            .unwrap()
            .starts_with("swarm: work\n\nMine: <data-")
    );
    let own = whole["own_templates"][0].as_str().unwrap();
    assert!(own.ends_with(".swarm/prompts/work.md"), "{own}");
    std::fs::write(&file, "First\n{{ ticket.titel }}").unwrap();
    let said = place.fails(&["prompt", "1"], 1);
    assert!(
        said.contains(".swarm/prompts/work.md, line 2: there is no variable ticket.titel"),
        "{said}"
    );
}

fn a_prompt_needs_a_ticket_and_a_proposal_has_none(place: &Place) {
    place.create(&["one"]);
    place.fails(&["prompt", "9"], 1);
    let said = place.fails(&["prompt"], 2);
    assert!(said.contains("name its id"), "{said}");
    let said = place.fails(&["prompt", "1", "--kind", "propose"], 2);
    assert!(said.contains("about no ticket"), "{said}");
    let said = place.fails(&["prompt", "1", "--kind", "wrk"], 2);
    assert!(said.contains("did you mean work?"), "{said}");
}

#[test]
fn what_was_tried_before_is_in_it() {
    let mut place = Place::new(Door::HubFile);
    place.create(&["one"]);
    let agent = place.agent("agent-1");
    drop(agent.run(&["comment", "1", "half done"]));
    let database = place.project.database();
    place.end_hub();
    let mut store = ticket::Store::open(&database).unwrap();
    let end = ticket::wire::EndAttempt {
        log_tail: Some("AssertionError: 3 != 4".into()),
        snapshot: Some("c".repeat(40)),
        session_id: Some("session".into()),
        ..ticket::wire::EndAttempt::new(ticket::attempt::Outcome::VerifyRed, "the gate stayed red")
    };
    store.end_attempt("agent-1", 1, 1, &end, 3).unwrap();
    drop(store);
    let whole = place.json(&["prompt", "1"]);
    let text = whole["text"].as_str().unwrap();
    assert!(
        text.contains("Attempt 1 by agent-1 ended as verify-red"),
        "{text}"
    );
    assert!(
        text.contains("AssertionError: 3 != 4") && text.contains("half done"),
        "{text}"
    );
    assert_eq!(
        whole["start"],
        json!({ "from": "snapshot", "commit": "c".repeat(40) })
    );
    assert_eq!(
        (&whole["attempt"], &whole["resumed"]),
        (&json!(2), &json!(true))
    );
    let other = place.json(&["prompt", "1", "--agent", "agent-2"]);
    assert_eq!(other["resumed"], json!(false));
    let (red, said) = both(&place, &["prompt", "1", "--kind", "verify-failed"]);
    assert!(
        red.contains("AssertionError: 3 != 4") && !said.contains("made up"),
        "{said}"
    );
}
