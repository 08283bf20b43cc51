//! The endpoint against clients that are not git.

use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::blocking::{Client, Response};

use ticket::attempt::Outcome;
use ticket::wire::EndAttempt;

use crate::fixture::{Attempt, Hub, commit_all, git, until, write};

const ZERO: &str = "0000000000000000000000000000000000000000";

fn hub() -> (Hub, Attempt) {
    let hub = Hub::with(&[("README", "hello\n")]);
    let attempt = hub.attempt("agent-1", "Work");
    (hub, attempt)
}

fn push(hub: &Hub, token: &str, body: Vec<u8>) -> Response {
    Client::new()
        .post(format!("{}/git-receive-pack", hub.agents))
        .bearer_auth(token)
        .header("content-type", "application/x-git-receive-pack-request")
        .body(body)
        .send()
        .unwrap()
}

fn packet(line: &str) -> String {
    format!("{:04x}{line}", line.len() + 4)
}

#[test]
fn nobody_is_let_in_without_a_token() {
    let (hub, _) = hub();
    for address in [
        format!("{}/info/refs?service=git-upload-pack", hub.agents),
        format!("{}/info/refs?service=git-receive-pack", hub.human),
    ] {
        let answer = Client::new().get(address).send().unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(
            answer.headers()["www-authenticate"],
            "Basic realm=\"swarm\""
        );
    }
    let answer = push(&hub, "wrong", b"0000".to_vec());
    assert_eq!(answer.status(), 401);
}

#[test]
fn only_the_smart_protocol_is_spoken() {
    let (hub, attempt) = hub();
    let get = |path: &str| {
        let request = Client::new().get(format!("{}{path}", hub.agents));
        request.bearer_auth(&attempt.token).send().unwrap().status()
    };
    assert_eq!(get("/info/refs"), 400);
    assert_eq!(get("/info/refs?service=git-upload-archive"), 400);
    assert_eq!(get("/info/refs?service=git-upload-pack"), 200);
    assert_eq!(get("/HEAD"), 404);
    assert_eq!(get("/config"), 404);
    assert_eq!(get("/objects/info/packs"), 404);
}

#[test]
fn a_body_of_another_type_is_refused() {
    let (hub, attempt) = hub();
    let request = Client::new().post(format!("{}/git-receive-pack", hub.agents));
    let answer = request
        .bearer_auth(&attempt.token)
        .body("0000")
        .send()
        .unwrap();
    assert_eq!(answer.status(), 400);
}

#[test]
fn what_is_no_push_is_refused() {
    let (hub, attempt) = hub();
    let head = hub.head();
    let refs = hub.refs();
    let name = format!("refs/heads/{}", attempt.branch());
    for body in [
        String::new(),
        "PACK".into(),
        packet(&format!("{ZERO} {head} {name}\0report-status")),
        packet("push-cert\0report-status"),
        format!("{}0000", packet(&format!("{ZERO} {head} refs/heads/a b\0"))),
        packet(&format!("{ZERO} {head} {name}")).repeat(1_000),
    ] {
        let answer = push(&hub, &attempt.token, body.clone().into_bytes());
        assert_eq!(answer.status(), 400, "{:?}", &body[..body.len().min(80)]);
    }
    assert_eq!(hub.refs(), refs);
}

#[test]
fn an_empty_push_only_tells_that_one_may() {
    let (hub, attempt) = hub();
    let answer = push(&hub, &attempt.token, b"0000".to_vec());
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().unwrap().len(), 0);
}

#[test]
fn a_refusal_without_side_band_is_plain() {
    let (hub, attempt) = hub();
    let line = format!("{ZERO} {} refs/heads/main\0report-status", hub.head());
    let body = format!("{}0000", packet(&line));
    let report = push(&hub, &attempt.token, body.into_bytes())
        .text()
        .unwrap();
    assert!(report.starts_with("000eunpack ok\n"), "{report}");
    assert!(report.contains("ng refs/heads/main an agent pushes its own branch only"));
    assert!(report.ends_with("0000"));
}

#[test]
fn a_compressed_push_is_read() {
    let (hub, attempt) = hub();
    let line = format!("{ZERO} {} refs/heads/main\0report-status", hub.head());
    let body = format!("{}0000", packet(&line));
    let path = hub.dir.path().join("body");
    std::fs::write(&path, body).unwrap();
    let gzip = std::process::Command::new("gzip")
        .arg("-c")
        .arg(&path)
        .output();
    let answer = Client::new()
        .post(format!("{}/git-receive-pack", hub.agents))
        .bearer_auth(&attempt.token)
        .header("content-type", "application/x-git-receive-pack-request")
        .header("content-encoding", "gzip")
        .body(gzip.unwrap().stdout)
        .send()
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().unwrap().contains("ng refs/heads/main"));
}

/// Begins a request whose body has `length` bytes.
fn begun(hub: &Hub, token: &str, service: &str, length: usize) -> TcpStream {
    let address = hub.agents.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address.strip_suffix("/git").unwrap()).unwrap();
    write!(
        stream,
        "POST /git/git-{service} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {token}\r\n\
         content-type: application/x-git-{service}-request\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    )
    .unwrap();
    stream
}

#[test]
fn one_client_cannot_keep_the_others_waiting() {
    let (hub, attempt) = hub();
    let other = hub.attempt("agent-2", "Other");
    let fetch = |attempt: &Attempt| {
        let address = format!("{}/info/refs?service=git-upload-pack", hub.agents);
        let request = Client::new().get(address).bearer_auth(&attempt.token);
        request.send().unwrap().status()
    };
    let mut open = Vec::new();
    let refused = until(|| {
        open.push(begun(&hub, &attempt.token, "upload-pack", 9_999));
        (fetch(&attempt) == 429).then_some(())
    });
    assert!(refused.is_some());
    assert_eq!(fetch(&other), 200);
    drop(open);
    let again = until(|| (fetch(&attempt) == 200).then_some(()));
    assert!(again.is_some(), "the slots did not come back");
}

#[test]
fn a_client_that_goes_away_in_the_middle_of_a_push_leaves_nothing() {
    let (hub, attempt) = hub();
    let refs = hub.refs();
    let name = format!("refs/heads/{}", attempt.branch());
    let line = packet(&format!("{ZERO} {} {name}\0report-status", hub.head()));
    let body = format!("{line}0000PACK\0\0\0\u{2}");
    let mut stream = begun(&hub, &attempt.token, "receive-pack", 9_999);
    stream.write_all(body.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(!answer.contains("200 OK"), "{answer}");
    assert_eq!(hub.refs(), refs);
}

#[test]
fn what_arrives_while_its_attempt_ends_is_kept() {
    let (hub, attempt) = hub();
    let dir = hub.worktree(&attempt);
    write(&dir, "late", "x\n");
    let commit = commit_all(&dir, "late");
    let name = format!("refs/heads/{}", attempt.branch());
    let line = format!("{ZERO} {commit} {name}\0report-status");
    let mut body = format!("{}0000", packet(&line)).into_bytes();
    let commands = body.len();
    git(&dir, &["pack-objects", "-q", "--all", "pack"]);
    let pack = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pack = pack
        .filter(|path| path.extension().is_some_and(|e| e == "pack"))
        .last();
    body.extend(std::fs::read(pack.unwrap()).unwrap());

    let mut stream = begun(&hub, &attempt.token, "receive-pack", body.len());
    stream.write_all(&body[..commands + 20]).unwrap();
    // git runs by now: the push was let in.
    let running = until(|| {
        let objects = std::fs::read_dir(hub.bare.path().join("objects")).unwrap();
        let names = objects.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.as_encoded_bytes().starts_with(b"tmp_objdir"))
            .last()
    });
    assert!(running.is_some());
    let ended = attempt.clone();
    let end = EndAttempt::new(Outcome::Released, "it is over");
    hub.store(move |store| store.end_attempt(&ended.agent, ended.ticket, ended.number, &end, 5));
    stream.write_all(&body[commands + 20..]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(&format!("ok {name}")), "{answer}");
    assert_eq!(hub.ref_names(), [&attempt.kept(), "refs/heads/main"]);
    assert_eq!(hub.repository().find_commit(&attempt.kept()), Some(commit));
}
