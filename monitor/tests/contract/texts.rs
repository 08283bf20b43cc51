//! Texts: hostile ones, too long ones, ones that are no text; and standard input.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use crate::place::{Place, Run, binary};

on_every_door!(
    a_text_may_begin_with_a_dash,
    a_description_may_come_from_standard_input,
    standard_input_must_have_something,
    standard_input_has_an_end,
    what_is_too_long_is_refused,
    what_is_no_text_is_refused,
    titles_are_one_line_without_control_characters,
    nothing_steers_the_terminal,
);

fn a_text_may_begin_with_a_dash(place: &Place) {
    place.create(&["- one", "--description", "-1, 0 or 1"]);
    place.ok(&["comment", "1", "- done\n- tested", "--author", "me"]);
    place.ok(&[
        "update",
        "1",
        "-d",
        "--verbose prints more",
        "--title",
        "-- two",
    ]);
    let ticket = place.show(1);
    assert_eq!(ticket["title"], "-- two");
    assert_eq!(ticket["description"], "--verbose prints more");
    assert_eq!(ticket["comments"][0]["body"], "- done\n- tested");
}

fn a_description_may_come_from_standard_input(place: &Place) {
    let id = place.ok_with(&["create", "one", "-d", "-"], "line one\n\nline two\n");
    assert_eq!(id, "1");
    assert_eq!(place.show(1)["description"], "line one\n\nline two");
    place.ok_with(&["update", "1", "--description", "-"], "ünïcödé");
    assert_eq!(place.show(1)["description"], "ünïcödé");
}

fn standard_input_must_have_something(place: &Place) {
    place.create(&["one"]);
    let closed = format!("exec \"{}\" create x -d - <&-", binary().display());
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", &closed]).current_dir(place.folder());
    sh.envs(
        place
            .program()
            .get_envs()
            .filter_map(|(k, v)| Some((k, v?))),
    );
    let output = sh.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("there is nothing on standard input"),
        "{said}"
    );
    for args in [&["create", "x", "-d", "-"][..], &["comment", "1", "-"]] {
        let said = Run::of(place.program().args(args), "").fails(1);
        assert!(
            said.contains("there is nothing on standard input"),
            "{said}"
        );
    }
    assert_eq!(place.ok(&["count"]), "1");
}

fn standard_input_has_an_end(place: &Place) {
    let endless = format!("yes | \"{}\" create x -d -", binary().display());
    let mut sh = std::process::Command::new("sh");
    sh.args(["-c", &endless]).current_dir(place.folder());
    sh.envs(
        place
            .program()
            .get_envs()
            .filter_map(|(k, v)| Some((k, v?))),
    );
    let said = Run::of(&mut sh, "").fails(1);
    assert!(
        said.contains("standard input has more than 262144 bytes"),
        "{said}"
    );
    assert_eq!(place.ok(&["count"]), "0");
}

fn what_is_too_long_is_refused(place: &Place) {
    place.create(&[&"x".repeat(500)]);
    let said = place.fails(&["create", &"x".repeat(501)], 1);
    assert!(
        said.contains("the title has 501 characters: at most 500"),
        "{said}"
    );
    let most = "x".repeat(256 * 1024);
    place.ok_with(&["update", "1", "-d", "-"], &most);
    assert_eq!(
        place.show(1)["description"].as_str().map(str::len),
        Some(most.len())
    );
    for args in [
        &["create", "y", "-d", "-"][..],
        &["comment", "1", "-"],
        &["answer", "1", "-"],
    ] {
        let said = Run::of(place.program().args(args), format!("{most}x")).fails(1);
        assert!(said.contains("more than 262144 bytes"), "{said}");
    }
    let long = "x".repeat(65);
    assert!(
        place
            .fails(&["create", "y", "--label", &long], 1)
            .contains("is not a label")
    );
    let said = place.fails(&["learn", &"x".repeat(5000)], 1);
    assert!(
        said.contains("the learning has 5000 bytes: at most 4096"),
        "{said}"
    );
    assert_eq!(place.ok(&["count"]), "1");
    assert_eq!(place.ok(&["comments", "1"]), "No comments.");
}

fn what_is_no_text_is_refused(place: &Place) {
    place.create(&["one"]);
    let wrong = OsStr::from_bytes(b"caf\xe9");
    for before in [
        &["create"][..],
        &["comment", "1"],
        &["update", "1", "--title"],
    ] {
        let said = Run::of(place.program().args(before).arg(wrong), "").fails(2);
        assert!(
            said.contains("the argument 'caf\u{fffd}' is not UTF-8 text"),
            "{said}"
        );
    }
    let said = Run::of(
        place.program().args(["comment", "1", "-"]),
        b"one\ncaf\xe9\n",
    )
    .fails(1);
    assert!(
        said.contains("standard input is not UTF-8 text (line 2)"),
        "{said}"
    );
    assert_eq!(place.ok(&["comments", "1"]), "No comments.");
}

fn titles_are_one_line_without_control_characters(place: &Place) {
    place.create(&["one"]);
    for title in [
        "two\nlines",
        "tab\there",
        "esc \x1b[2J",
        "bell\x07",
        "c1 \u{9b}2J",
    ] {
        for args in [&["create", title][..], &["update", "1", "--title", title]] {
            let said = place.fails(args, 1);
            assert!(
                said.contains("the title has a control character"),
                "{said:?}"
            );
            assert!(!said.contains('\x1b'));
        }
    }
    let said = place.fails(&["create", "x", "--created-by", "a\x1b[2J"], 1);
    assert!(
        said.contains("--created-by 'a[2J' is not a name"),
        "{said:?}"
    );
    assert_eq!(place.ok(&["count"]), "1");
}

fn nothing_steers_the_terminal(place: &Place) {
    let bad = "red \x1b[31m bell \x07 back \u{202e} end";
    place.create(&["one", "-d", bad]);
    place.ok(&["comment", "1", bad]);
    place.ok(&["learn", bad]);
    place.ok(&["claim-next", "--agent", "agent"]);
    for args in [
        &["show", "1"][..],
        &["comments", "1"],
        &["log"],
        &["search", "red"],
        &["learnings"],
        &["attempts", "1"],
    ] {
        let printed = place.ok(args);
        for c in ['\x1b', '\x07', '\u{202e}'] {
            assert!(!printed.contains(c), "{args:?}: {printed:?}");
        }
    }
    assert_eq!(
        place.show(1)["description"],
        bad,
        "JSON has the text as it is"
    );
    let said = place.fails(&["list", "--status", "\x1b[2J"], 1);
    assert!(!said.contains('\x1b'), "{said:?}");
    let said = place.fails(&["--\x1b[2J"], 2);
    assert!(!said.contains('\x1b'), "{said:?}");
}
