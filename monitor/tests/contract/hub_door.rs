//! What only the way through a hub can refuse, and which door is taken.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::place::{Door, Place, Run, program};

#[test]
fn a_hub_needs_its_token() {
    let place = Place::new(Door::Hub);
    let url = place.hub_file().url;
    for token in [None, Some("")] {
        let mut command = program(place.folder());
        command.env("TICKET_URL", &url).arg("list");
        command.envs(token.map(|t| ("TICKET_TOKEN", t)));
        let said = Run::of(&mut command, "").fails(1);
        assert_eq!(
            said,
            "ticket: TICKET_URL is set but TICKET_TOKEN is not: set both, or neither"
        );
    }
    let mut command = program(place.folder());
    command.env("TICKET_URL", &url).env("TICKET_TOKEN", "wrong");
    let said = Run::of(command.args(["list", "--format", "json"]), "").fails(1);
    assert!(said.contains("\"kind\":\"unauthorized\""), "{said}");
    let mut command = program(place.folder());
    command.env("TICKET_URL", &url).env("TICKET_TOKEN", "a\nb");
    let said = Run::of(command.arg("list"), "").fails(1);
    assert!(
        said.contains("TICKET_TOKEN has a character that no token has"),
        "{said}"
    );
}

#[test]
fn an_address_must_be_one() {
    let place = Place::new(Door::File);
    for url in ["localhost", "127.0.0.1:3000", "ftp://127.0.0.1"] {
        let mut command = program(place.folder());
        command.env("TICKET_URL", url).env("TICKET_TOKEN", "x");
        let said = Run::of(command.arg("list"), "").fails(1);
        assert!(
            said.contains(&format!("TICKET_URL '{url}' is no address")),
            "{said}"
        );
    }
}

#[test]
fn a_hub_that_is_away_is_named() {
    let place = Place::new(Door::File);
    let away = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for args in [&["list"][..], &["create", "x"], &["log", "--follow"]] {
        let mut command = program(place.folder());
        command
            .env("TICKET_URL", format!("http://{away}/"))
            .env("TICKET_TOKEN", "x");
        let said = Run::of(command.args(args), "").fails(1);
        assert!(
            said.contains(&format!("the hub at http://{away} does not answer")),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert_eq!(
        place.ok(&["count"]),
        "0",
        "nothing went to the file instead"
    );
}

#[test]
fn a_hub_that_talks_rubbish_is_found_out() {
    let place = Place::new(Door::File);
    for (status, body, sentence) in [
        ("200 OK", "<html>", "unreadable answer"),
        ("200 OK", "{\"what\": 1}", "unreadable answer"),
        ("200 OK", "", "unreadable answer"),
        ("502 Bad Gateway", "<html>", "status 502"),
        ("404 Not Found", "{}", "status 404"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let rubbish = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let mut command = program(place.folder());
        command.env("TICKET_URL", url).env("TICKET_TOKEN", "x");
        let said = Run::of(command.args(["show", "1"]), "").fails(1);
        rubbish.join().unwrap();
        assert!(said.contains(sentence), "{status}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn the_command_line_wins_over_the_environment() {
    let place = Place::new(Door::Hub);
    place.create(&["through the hub"]);
    place.ok(&["--db", "other.db", "migrate"]);
    assert_eq!(place.ok(&["--db", "other.db", "count"]), "0");
    assert_eq!(place.ok(&["count"]), "1");
    let mut command = place.program();
    command.env("TICKET_DB", place.folder().join("other.db"));
    assert_eq!(
        Run::of(command.arg("count"), "").ok(),
        "1",
        "the address wins over the file"
    );
}

#[test]
fn a_hub_migrates_its_own_database() {
    for door in [Door::Hub, Door::HubFile] {
        let place = Place::new(door);
        let said = place.ok(&["migrate"]);
        assert_eq!(said, "The hub keeps its database at the newest version.");
        let json = place.json(&["migrate"]);
        assert_eq!(json, serde_json::json!({ "version": null, "applied": [] }));
        assert!(!place.folder().join("tickets.db").exists());
    }
}

#[test]
fn both_doors_lead_to_the_same_queue() {
    let place = Place::new(Door::HubFile);
    place.create(&["beside the database"]);
    let hub = place.hub_file();
    let mut command = program(std::env::temp_dir().as_path());
    command
        .env("TICKET_URL", hub.url)
        .env("TICKET_TOKEN", hub.token);
    assert!(
        Run::of(command.args(["show", "1"]), "")
            .ok()
            .contains("beside the database")
    );
}

#[test]
fn an_agent_uses_the_same_command_in_its_own_name() {
    let place = Place::new(Door::Hub);
    place.create(&["work"]);
    place.create(&["other work", "--assign", "human"]);
    let agent = place.agent("agent-1");
    agent
        .run(&["comment", "1", "mine", "--author", "human"])
        .ok();
    assert!(place.ok(&["comments", "1"]).ends_with("] agent-1: mine"));
    let follow_up = agent
        .run(&["create", "follow-up", "--created-by", "human"])
        .ok();
    assert_eq!(
        place.show(follow_up.parse().unwrap())["created_by"],
        "agent-1"
    );
    for (args, what) in [
        (&["mark-done", "1"][..], "mark a ticket as done"),
        (&["comment", "2", "x"], "comment on ticket 2"),
        (
            &["update", "1", "--status", "open"],
            "change the assignee or status",
        ),
        (&["claim-next", "--agent", "agent-1"], "claim a ticket"),
        (&["pause", "x"], "pause the swarm"),
    ] {
        let said = agent.run(args).fails(1);
        assert!(
            said.contains(&format!("agent-1 may not {what}")),
            "{args:?}: {said}"
        );
    }
    let json = |args: &[&str]| -> serde_json::Value {
        let args = [args, &["--format", "json"]].concat();
        serde_json::from_str(&agent.run(&args).ok()).unwrap()
    };
    assert_eq!(
        json(&["complete", "1"])["status"],
        "in_progress",
        "its word is not evidence"
    );
    let given_back = json(&["block", "1", "--by", "2"]);
    assert_eq!(
        (&given_back["id"], &given_back["status"]),
        (&1.into(), &"open".into())
    );
}
