//! The interview of `swarm init`, in a real terminal, with an agent CLI that does what a plan says and
//! speaks to the real tools. The real `claude` holds one in the end-to-end tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use swarm::{Config, Project};

use crate::support::{Place, Said};
use crate::terminal;

const INTERVIEWER: &str = include_str!("interview/interviewer");
const DESCRIPTION: &str = "# Till\n\nA till for small shops: it adds up what is sold, prints receipts, and closes the day. Cashiers use it on a tablet.\n";
const VERIFY: &str = "#!/bin/sh\nset -eu\npython3 -m pytest -q\n";
const SETUP: &str = "#!/bin/sh\nset -eu\napt-get update\n";

/// Calls that find out everything.
fn calls() -> Vec<(&'static str, Value)> {
    vec![
        ("write_project", json!({ "text": DESCRIPTION })),
        ("write_verify", json!({ "text": VERIFY })),
        ("write_setup", json!({ "text": SETUP })),
        ("set_base_image", json!({ "image": "python:3.13-slim" })),
        ("finish", json!({ "summary": "A till for small shops." })),
    ]
}

/// A repository, and `claude` in the human's path.
fn place(plan: Value) -> Place {
    let mut place = Place::with_repository(&[("app.py", "x = 1\n")]);
    let bin = place.home().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("claude"), INTERVIEWER).unwrap();
    fs::set_permissions(bin.join("claude"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    place.set("PATH", &format!("{}:{path}", bin.display()));
    tell(&place, &plan);
    place
}

fn tell(place: &Place, plan: &Value) {
    fs::write(place.home().join("plan.json"), plan.to_string()).unwrap();
}

fn notes(place: &Place) -> Value {
    let text = fs::read_to_string(place.home().join("notes.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Runs `swarm` in a terminal of its own, and then `stty`, which says how it left it.
fn in_terminal(place: &Place, arguments: &str, typed: &str) -> Said {
    let answers = place.home().join("answers");
    fs::write(&answers, typed).unwrap();
    let mut script = Command::new("script");
    script
        .args(terminal::script(arguments))
        .stdin(Stdio::from(fs::File::open(answers).unwrap()));
    place.say(&mut script)
}

fn first_ticket(place: &Place) -> String {
    let database = place.root().join(".swarm/tickets/tickets.db");
    let rows = rusqlite::Connection::open(database).unwrap();
    rows.query_row("SELECT title FROM tickets WHERE id = 1", [], |row| {
        row.get(0)
    })
    .unwrap()
}

#[test]
fn an_interview_in_the_terminal_writes_the_project_and_ends_itself() {
    let place = place(json!({ "calls": calls(), "stays": true }));
    let said = in_terminal(&place, "init .", "");
    let text = said.ok();
    assert!(
        text.contains("Now claude asks you about the project"),
        "{text}"
    );
    assert!(text.contains("A till for small shops."), "{text}");
    assert!(
        text.contains("Committed PROJECT.md, verify.sh, project-setup.sh on 'trunk'"),
        "{text}"
    );
    assert!(
        text.contains("asks an agent to break PROJECT.md into tickets"),
        "{text}"
    );
    // The program was ended in the middle of raw mode.
    assert!(
        text.contains(" icanon") && text.contains(" echo "),
        "{text}"
    );
    assert!(
        text.contains("\u{1b}[?25h") && text.contains("\u{1b}[?2004l"),
        "{text}"
    );

    assert_eq!(place.read("PROJECT.md"), DESCRIPTION);
    assert_eq!(place.read("verify.sh"), VERIFY);
    assert_eq!(place.read("project-setup.sh"), SETUP);
    place.assert_executable("verify.sh");
    assert_eq!(
        place.git("log --format=%s"),
        "Describe the project and its gate\nAdd what swarm needs\nFirst\n"
    );
    assert_eq!(place.git("status --porcelain"), "");
    place.assert_in_step();
    assert!(first_ticket(&place).contains("break PROJECT.md into tickets"));
    let project = Project::open(&place.root()).unwrap();
    assert_eq!(
        Config::load(&project).unwrap().image.base,
        "python:3.13-slim"
    );

    let notes = notes(&place);
    assert_eq!(notes["terminal"], true);
    assert!(
        notes["answers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|answer| answer[0] == false),
        "{notes}"
    );
    let arguments = notes["arguments"].as_array().unwrap();
    for wanted in ["Read,Glob,Grep", "--strict-mcp-config", "user"] {
        assert!(
            arguments.iter().any(|argument| argument == wanted),
            "{notes}"
        );
    }
}

#[test]
fn an_interview_that_is_ended_before_leaves_a_working_project() {
    for (calls, code) in [(vec![], 0), (calls()[..2].to_vec(), 1)] {
        let place = place(json!({ "calls": calls, "code": code }));
        let text = in_terminal(&place, "init .", "").ok();
        assert!(text.contains("ended before it was finished"), "{text}");
        assert!(text.contains(" icanon"), "{text}");
        assert!(
            place
                .read("PROJECT.md")
                .contains("What an agent should know")
        );
        assert_eq!(
            place.git("log --format=%s"),
            "Add what swarm needs\nFirst\n"
        );
        assert_eq!(place.git("status --porcelain"), "");
        assert!(first_ticket(&place).contains("Describe the project"));
        assert!(place.swarm("status").ok().contains("1 open"));
    }
}

#[test]
fn a_program_that_does_not_want_to_end_is_ended() {
    let place = place(json!({ "calls": calls(), "stays": true, "stubborn": true }));
    let text = in_terminal(&place, "init .", "").ok();
    assert!(text.contains("A till for small shops."), "{text}");
    assert!(text.contains(" icanon"), "{text}");
}

#[test]
fn a_description_in_a_file_needs_nobody() {
    let place = place(json!({ "calls": calls() }));
    place.write(&[("../brief.txt", "A till. Python.\n")]);
    let text = place.swarm("init . --from-prompt ../brief.txt").ok();
    assert!(text.contains("A till for small shops."), "{text}");
    assert_eq!(place.read("PROJECT.md"), DESCRIPTION);
    let notes = notes(&place);
    assert_eq!(notes["asked"], "swarm: interview\n\nA till. Python.\n\n");
    assert_eq!(notes["terminal"], false);

    place
        .swarm("init . --from-prompt ../missing.txt")
        .refused(&["cannot read ../missing.txt"]);
    place.write(&[("../brief.txt", " \n")]);
    place
        .swarm("init . --from-prompt ../brief.txt")
        .refused(&["is empty"]);
    let both = place.swarm("init . --no-interview --from-prompt ../brief.txt");
    assert_eq!(both.code, 2, "{both:?}");
}

#[test]
fn a_failed_interview_says_what_the_program_said() {
    let place =
        place(json!({ "calls": [], "says": "Not logged in · Please run /login", "code": 1 }));
    place.write(&[("../brief.txt", "A till.\n")]);
    let said = place.swarm("init . --from-prompt ../brief.txt");
    assert!(said.out.contains("is now a project"), "{said:?}");
    said.refused(&["is a project all the same", "Not logged in"]);
    assert!(place.swarm("status").ok().contains("1 open"));
    // Once the human has logged in, the same command asks again.
    tell(&place, &json!({ "calls": calls() }));
    place.swarm("init . --from-prompt ../brief.txt").ok();
    assert_eq!(place.read("PROJECT.md"), DESCRIPTION);
}

#[test]
fn a_project_is_asked_about_again_only_when_the_human_says_so() {
    let place = place(json!({ "calls": calls() }));
    place.swarm("init . --no-interview").ok();
    let id = place.read(".swarm/id");
    let head = place.git("rev-parse HEAD");
    place
        .swarm("init .")
        .refused(&["is a swarm project already", "regenerate"]);
    let text = in_terminal(&place, "init .", "n\n").ok();
    assert!(
        text.contains("Hold the interview again?") && text.contains("Nothing was changed."),
        "{text}"
    );
    assert_eq!(place.git("rev-parse HEAD"), head);

    let text = in_terminal(&place, "init .", "y\n").ok();
    assert!(text.contains("A till for small shops."), "{text}");
    assert_eq!(place.read(".swarm/id"), id);
    assert_eq!(place.read("PROJECT.md"), DESCRIPTION);
    // The ticket that was there stays, and one more asks for the plan.
    assert!(first_ticket(&place).contains("Describe the project"));
    assert!(text.contains("Ticket 2 asks an agent"), "{text}");

    place.git("checkout -q -b other");
    let text = in_terminal(&place, "init .", "y\n");
    assert_eq!(text.code, 1, "{text:?}");
    assert!(text.out.contains("another branch than 'trunk'"), "{text:?}");
}

#[test]
fn what_the_human_has_changed_is_not_overwritten() {
    let place = place(json!({ "calls": calls() }));
    place.swarm("init . --no-interview").ok();
    place.write(&[("verify.sh", "#!/bin/sh\nmine\n")]);
    let text = in_terminal(&place, "init .", "y\n").ok();
    assert!(text.contains("verify.sh has changes of yours"), "{text}");
    assert_eq!(place.read("verify.sh"), "#!/bin/sh\nmine\n");
    assert_eq!(place.read(".swarm/interview/verify.sh"), VERIFY);
    assert_eq!(place.read("PROJECT.md"), DESCRIPTION);
    assert_eq!(place.git("status --porcelain"), " M verify.sh\n");
}

#[test]
fn the_tools_say_what_is_wrong() {
    let place = place(json!({ "calls": [
        ["finish", { "summary": "x" }],
        ["write_project", { "text": "Till" }],
        ["write_verify", { "text": "#!/bin/sh\nexit 0\n" }],
        ["write_setup", { "text": "#!/bin/sh\nif\n" }],
        ["set_base_image", { "image": "no image" }],
    ]}));
    in_terminal(&place, "init .", "").ok();
    let notes = notes(&place);
    let words = [
        "PROJECT.md is not written",
        "heading",
        "runs nothing",
        "syntax",
        "name of an image",
    ];
    for (answer, words) in notes["answers"].as_array().unwrap().iter().zip(words) {
        assert_eq!(answer[0], true, "{answer}");
        assert!(answer[1].as_str().unwrap().contains(words), "{answer}");
    }
    let names = notes["tools"].as_array().unwrap().len();
    assert_eq!(names, 5, "{notes}");
}

#[test]
fn without_an_interview_init_says_why() {
    let place = place(json!({ "calls": [] }));
    let text = place.swarm("init .").ok();
    assert!(
        text.contains("There is no terminal, so no interview"),
        "{text}"
    );

    let place = Place::with_repository(&[("a", "")]);
    let text = place.swarm("init . --backend codex").ok();
    assert!(
        text.contains("The interview needs claude, and this project works with codex"),
        "{text}"
    );

    let mut place = Place::with_repository(&[("a", "")]);
    place.set("PATH", "/nonexistent");
    let text = place.swarm("init .").ok();
    assert!(text.contains("no program 'claude'"), "{text}");
}
