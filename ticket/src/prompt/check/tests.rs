use std::path::Path;

use super::*;

fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let faults = Templates::load(dir.path()).unwrap().faults();
    let folder = format!("{}/", dir.path().display());
    let shown = faults.iter().map(Fault::to_string);
    shown.map(|fault| fault.replace(&folder, "")).collect()
}

fn folder_of_built_in_templates() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/prompts"))
}

#[test]
fn the_built_in_templates_are_sound() {
    let templates = Templates::load(folder_of_built_in_templates()).unwrap();
    assert_eq!(templates.own().len(), Kind::ALL.len());
    assert_eq!(templates.faults(), []);
}

#[test]
fn what_is_wrong_is_found_with_its_line() {
    for (text, expected) in [
        (
            "One\n{{ ticket.titel }}",
            "work.md, line 2: there is no variable ticket.titel; did you mean ticket.title?",
        ),
        (
            "{{ tikcet.title }}",
            "work.md, line 1: there is no variable tikcet.title; did you mean ticket.title?",
        ),
        (
            "a\nb\n{% if resumd %}x{% endif %}",
            "work.md, line 3: there is no variable resumd; did you mean resumed?",
        ),
        (
            "ok {{ agent }}\n{% if false %}{{ nonsense }}{% endif %}",
            "work.md, line 2: there is no variable nonsense",
        ),
        (
            "a\n{% for c in comments %}\n{{ c.bdy }}{% endfor %}",
            "work.md, line 3: `c.bdy` is undefined",
        ),
        (
            "a\n{% for c in comments %}{{ (c.bdy ~ \"x\") | data }}{% endfor %}",
            "work.md, line 2: `c.bdy` is undefined",
        ),
        (
            "{{ agent }}\n{% if %}",
            "work.md, line 2: syntax error: unexpected end of block",
        ),
        (
            "{{ agent | no_such_filter }}",
            "work.md, line 1: unknown filter: filter no_such_filter is unknown",
        ),
        (
            "{% if ticket.id == 0 %}never{% endif %}",
            "work.md: it is empty: nothing would be asked",
        ),
        (
            "x {{ start.commit }}",
            "work.md, line 1: `start.commit` is undefined",
        ),
        (" \n", "work.md: it is empty: nothing would be asked"),
    ] {
        assert_eq!(faults(&[("work.md", text)]), [expected], "{text}");
    }
}

#[test]
fn what_is_right_is_let_through() {
    for text in [
        "{{ ticket.title | upper }} {{ comments | length }} {{ comments[0].body if comments else '' }}",
        "{% set x = agent %}{{ x }}{% for n in range(2) %}{{ loop.index }}{{ n }}{% endfor %}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(ticket.id) }}",
        "{{ ticket.labels.0 if ticket.labels else 'none' }} <{{ fence }}>",
        "a\n{{ '{{ nonsense }}' }} and nonsense",
    ] {
        assert_eq!(faults(&[("work.md", text)]), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn an_included_template_is_named_when_it_is_at_fault() {
    let found = faults(&[
        ("work.md", "fine\n{{ 1 // 0 }}"),
        ("conflict.md", "{% include \"work\" %}"),
    ]);
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|fault| fault.starts_with("work.md, line 2:")),
        "{found:?}"
    );
}

#[test]
fn a_misspelt_file_is_noticed_and_others_are_left_alone() {
    let found = faults(&[
        ("wrok.md", "x"),
        ("README.md", "x"),
        ("work.md~", "x"),
        ("notes.txt", "x"),
    ]);
    assert_eq!(
        found,
        [
            "wrok.md: no prompt has this name: use work, verify-failed, conflict, bounced, propose; did you mean work.md?"
        ]
    );
}

#[test]
fn propose_has_its_own_variables() {
    assert_eq!(
        faults(&[(
            "propose.md",
            "{{ agent }} {{ known[0].title if known else '' }}"
        )]),
        Vec::<String>::new()
    );
    assert_eq!(
        faults(&[("propose.md", "{{ ticket.title }}")]),
        ["propose.md, line 1: there is no variable ticket.title"]
    );
}

/// The variables that the tables of docs/prompts.md name, from the table below a heading on. The
/// second column says what a variable is; what a record is made of has a table of its own.
fn documented(heading: &str) -> Vec<String> {
    let mut names = Vec::new();
    expand("", heading, &mut names);
    names.sort();
    names
}

fn expand(prefix: &str, heading: &str, names: &mut Vec<String>) {
    let doc = include_str!("../../../../docs/prompts.md");
    let section = doc.split("\n#").map(|part| part.trim_start_matches('#'));
    let is_wanted = |part: &&str| part.lines().next().unwrap().trim() == heading;
    let section = section
        .into_iter()
        .find(is_wanted)
        .unwrap_or_else(|| panic!("{heading}"));
    for row in section.lines().filter_map(|line| line.strip_prefix("| `")) {
        let (field, rest) = row.split_once("` | ").unwrap();
        let name = format!("{prefix}{field}");
        let (of, suffix) = match rest.split(" | ").next().unwrap().strip_prefix("list of ") {
            Some(many) => (many.trim_end_matches('s'), "[]"),
            None => (rest.split(" | ").next().unwrap(), ""),
        };
        let record = [
            "ticket", "comment", "answer", "attempt", "learning", "finding", "proposal", "start",
            "cost",
        ]
        .contains(&of);
        if record {
            let article = if of.starts_with('a') { "An" } else { "A" };
            expand(
                &format!("{name}{suffix}."),
                &format!("{article} {of}"),
                names,
            );
        }
        names.push(name);
    }
}

#[test]
fn the_documentation_lists_exactly_the_variables_that_there_are() {
    let of_tickets = variables(Kind::Work);
    assert_eq!(documented("Variables of prompts for a ticket"), of_tickets);
    for kind in [Kind::VerifyFailed, Kind::Conflict, Kind::Bounced] {
        assert_eq!(variables(kind), of_tickets);
    }
    assert_eq!(
        documented("Variables of `propose`"),
        variables(Kind::Propose)
    );
}
