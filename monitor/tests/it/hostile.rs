//! Requests that no honest client sends, as bytes, and what the human's door answers.
//!
//! In each request `HOST` stands for where the hub is, `TOKEN` for its token and `COOKIE` for a
//! browser's cookie. Whatever comes, the hub goes on, and nothing is written but by those who may.

use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::{PATIENCE, Swarm};

/// Closed without an answer.
const CLOSED: u16 = 0;

/// What is sent and what comes back: one status for each answer.
type Case = (&'static str, String, &'static [u16]);

/// A request of one line, with the hub's name and the token.
fn asks(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: HOST\r\nauthorization: Bearer TOKEN\r\n\r\n")
}

/// The same with more headers.
fn with(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: HOST\r\nauthorization: Bearer TOKEN\r\n{headers}\r\n\r\n")
}

/// The same from somebody without the token.
fn stranger(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: HOST\r\n{headers}\r\n\r\n")
}

/// A new ticket by a body of this kind.
fn posts(kind: &str, body: &str) -> String {
    let length = body.len();
    let headers = format!("content-type: {kind}\r\ncontent-length: {length}");
    with("POST /api/v1/tickets", &headers) + body
}

fn json(body: &str) -> String {
    posts("application/json", body)
}

/// A write by a browser that has the cookie.
fn browser(headers: &str) -> String {
    let body = "{\"title\":\"x\"}";
    let headers = format!(
        "cookie: COOKIE\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}",
        body.len()
    );
    stranger("POST /api/v1/tickets", headers.trim_end()) + body
}

/// A read by a browser that has the cookie.
fn reads(headers: &str) -> String {
    stranger(
        "GET /api/v1/tickets",
        &format!("cookie: COOKIE\r\n{headers}"),
    )
}

/// Which name is asked for, and who asks from where.
fn names_and_origins() -> Vec<Case> {
    let bearer = "authorization: Bearer TOKEN";
    let raw = |head: &str| format!("{head}\r\n{bearer}\r\n\r\n");
    vec![
        (
            "another name",
            raw("GET /api/v1/tickets HTTP/1.1\r\nhost: evil.example"),
            &[421],
        ),
        (
            "another name with our port",
            raw("GET / HTTP/1.1\r\nhost: evil.example:3000"),
            &[421],
        ),
        (
            "our name as a part",
            raw("GET / HTTP/1.1\r\nhost: HOST.evil.example"),
            &[421],
        ),
        (
            "a user before our name",
            raw("GET / HTTP/1.1\r\nhost: x@HOST"),
            &[421],
        ),
        ("no name", raw("GET / HTTP/1.1"), &[421]),
        ("an empty name", raw("GET / HTTP/1.1\r\nhost:"), &[421]),
        ("no name in HTTP/1.0", raw("GET / HTTP/1.0"), &[421]),
        (
            "two names",
            raw("GET / HTTP/1.1\r\nhost: HOST\r\nhost: evil.example"),
            &[421],
        ),
        (
            "two names, ours last",
            raw("GET / HTTP/1.1\r\nhost: evil.example\r\nhost: HOST"),
            &[421],
        ),
        (
            "another name in the address",
            raw("GET http://evil.example/api/v1/tickets HTTP/1.1\r\nhost: HOST"),
            &[421],
        ),
        (
            "our name in the address",
            raw("GET http://HOST/api/v1/tickets HTTP/1.1\r\nhost: HOST\r\nconnection: close"),
            &[200],
        ),
        (
            "another name passed on",
            with("GET /api/v1/tickets", "x-forwarded-host: evil.example"),
            &[200],
        ),
        (
            "a foreign page",
            browser("origin: http://evil.example"),
            &[403],
        ),
        ("a page of nowhere", browser("origin: null"), &[403]),
        (
            "a page on another port",
            browser("origin: http://127.0.0.1:1"),
            &[403],
        ),
        ("a page by https", browser("origin: https://HOST"), &[403]),
        ("a cookie alone", browser(""), &[403]),
        (
            "another site",
            browser("sec-fetch-site: cross-site"),
            &[403],
        ),
        ("a neighbour", browser("sec-fetch-site: same-site"), &[403]),
        ("typed in", browser("sec-fetch-site: none"), &[403]),
        ("nonsense", browser("sec-fetch-site: SAME-ORIGIN"), &[403]),
        (
            "two stories",
            browser("sec-fetch-site: same-origin\r\norigin: http://evil.example"),
            &[403],
        ),
        (
            "a foreign read",
            reads("sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors"),
            &[403],
        ),
        (
            "a neighbour's read",
            reads("sec-fetch-site: same-site\r\nsec-fetch-mode: cors"),
            &[403],
        ),
        (
            "a foreign read, old browser",
            reads("origin: http://evil.example"),
            &[403],
        ),
        (
            "our own read",
            reads("sec-fetch-site: same-origin\r\nsec-fetch-mode: cors"),
            &[200],
        ),
        (
            "a program on a foreign page",
            with("POST /api/v1/resume", "origin: http://evil.example"),
            &[403],
        ),
    ]
}

/// Where the token may be and where not.
fn tokens() -> Vec<Case> {
    vec![
        (
            "none",
            stranger("GET /api/v1/tickets", "accept: */*"),
            &[401],
        ),
        (
            "in the query",
            stranger("GET /api/v1/tickets?token=TOKEN", "accept: */*"),
            &[401],
        ),
        (
            "as a cookie",
            stranger("GET /api/v1/tickets", "cookie: swarm=TOKEN"),
            &[401],
        ),
        (
            "by another scheme",
            stranger("GET /api/v1/tickets", "authorization: Token TOKEN"),
            &[401],
        ),
        (
            "without a scheme",
            stranger("GET /api/v1/tickets", "authorization: TOKEN"),
            &[401],
        ),
        (
            "with more behind it",
            stranger("GET /api/v1/tickets", "authorization: Bearer TOKENx"),
            &[401],
        ),
        (
            "a part of it",
            stranger("GET /api/v1/tickets", "authorization: Bearer "),
            &[401],
        ),
        (
            "in a form",
            stranger(
                "POST /login",
                "content-type: application/x-www-form-urlencoded\r\ncontent-length: 0",
            ),
            &[405],
        ),
        (
            "a wrong login",
            stranger("GET /login?token=wrong", "accept: */*"),
            &[401],
        ),
        (
            "a login without one",
            stranger("GET /login", "accept: */*"),
            &[400],
        ),
    ]
}

/// Bodies.
fn bodies() -> Vec<Case> {
    let deep = format!(
        "{{\"title\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    vec![
        (
            "a form",
            posts("application/x-www-form-urlencoded", "title=x"),
            &[400],
        ),
        (
            "a form from a page",
            stranger(
                "POST /api/v1/tickets",
                "cookie: COOKIE\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 7",
            ) + "title=x",
            &[403],
        ),
        (
            "JSON as text",
            posts("text/plain", "{\"title\":\"x\"}"),
            &[400],
        ),
        ("JSON of no kind", posts("", "{\"title\":\"x\"}"), &[400]),
        (
            "a multipart form",
            posts("multipart/form-data; boundary=x", "--x--"),
            &[400],
        ),
        ("nothing", json(""), &[400]),
        ("half of it", json("{\"title\":\"x\""), &[400]),
        ("more behind it", json("{\"title\":\"x\"}{}"), &[400]),
        (
            "the same key twice",
            json("{\"title\":\"x\",\"title\":\"y\"}"),
            &[400],
        ),
        (
            "an unknown key",
            json("{\"title\":\"x\",\"__proto__\":{}}"),
            &[400],
        ),
        (
            "a mark before it",
            json("\u{feff}{\"title\":\"x\"}"),
            &[400],
        ),
        ("half a character", json("{\"title\":\"\\ud800\"}"), &[400]),
        ("a null byte", json("{\"title\":\"x\\u0000\"}"), &[400]),
        (
            "a line break in a title",
            json("{\"title\":\"x\\r\\ny: z\"}"),
            &[400],
        ),
        (
            "a number beyond numbers",
            json("{\"title\":\"x\",\"parent\":1e400}"),
            &[400],
        ),
        (
            "a parent far away",
            json("{\"title\":\"x\",\"parent\":9223372036854775807}"),
            &[404],
        ),
        ("no end of brackets", json(&deep), &[400]),
        ("a list in place of a ticket", json("[]"), &[400]),
        (
            "a body announced too large",
            with(
                "POST /api/v1/tickets",
                "content-type: application/json\r\ncontent-length: 99999999999",
            ),
            &[413],
        ),
        (
            "a body beyond numbers",
            with(
                "POST /api/v1/tickets",
                "content-type: application/json\r\ncontent-length: 99999999999999999999999",
            ),
            &[400],
        ),
        (
            "a body on a read",
            with("GET /api/v1/tickets/count", "content-length: 2") + "{}",
            &[200],
        ),
    ]
}

/// Where one request ends and the next begins.
fn frames() -> Vec<Case> {
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked";
    let post = "POST /api/v1/tickets";
    let hidden = "GET /api/v1/backup HTTP/1.1\r\nhost: HOST\r\n\r\n";
    vec![
        (
            "two lengths",
            with(
                post,
                "content-type: application/json\r\ncontent-length: 2\r\ncontent-length: 3",
            ) + "{}",
            &[400],
        ),
        (
            "a signed length",
            with(post, "content-type: application/json\r\ncontent-length: +2") + "{}",
            &[400],
        ),
        (
            "a negative length",
            with(post, "content-type: application/json\r\ncontent-length: -2") + "{}",
            &[400],
        ),
        (
            "a length and chunks",
            with(post, &format!("{chunked}\r\ncontent-length: 4")) + "0\r\n\r\n" + hidden,
            &[400],
        ),
        (
            "chunks and a length",
            with(
                post,
                "content-type: application/json\r\ncontent-length: 4\r\ntransfer-encoding: chunked",
            ) + "0\r\n\r\n"
                + hidden,
            &[400],
        ),
        (
            "an unknown coding",
            with(
                post,
                "content-type: application/json\r\ntransfer-encoding: xchunked",
            ) + "0\r\n\r\n",
            &[400],
        ),
        (
            "chunks that are not last",
            with(
                post,
                "content-type: application/json\r\ntransfer-encoding: chunked, identity",
            ) + "0\r\n\r\n",
            &[400],
        ),
        (
            "chunks in HTTP/1.0",
            format!(
                "{post} HTTP/1.0\r\nhost: HOST\r\nauthorization: Bearer TOKEN\r\n{chunked}\r\n\r\n0\r\n\r\n"
            ),
            &[400],
        ),
        (
            "a chunk beyond numbers",
            with(post, chunked) + "fffffffffffffffff\r\n{}",
            &[400],
        ),
        (
            "a chunk of nonsense",
            with(post, chunked) + "zz\r\n{}\r\n0\r\n\r\n",
            &[400],
        ),
        (
            "two requests at once",
            asks("GET /api/v1/tickets/count")
                + &with("GET /api/v1/tickets/count", "connection: close"),
            &[200, 200],
        ),
        (
            "a second one without the token",
            asks("GET /api/v1/tickets/count")
                + &stranger("GET /api/v1/tickets", "connection: close"),
            &[200, 401],
        ),
    ]
}

/// The first line and the headers.
fn heads() -> Vec<Case> {
    let long = "x".repeat(40_000);
    let many: String = (0..150).map(|n| format!("x-{n}: 1\r\n")).collect();
    vec![
        (
            "a long header",
            with("GET /", &format!("x-long: {long}")),
            &[431],
        ),
        ("a long address", asks(&format!("GET /{long}")), &[431]),
        ("many headers", with("GET /", many.trim_end()), &[431]),
        ("a folded header", with("GET /", "x-a: 1\r\n 2"), &[400]),
        ("a blank before the colon", with("GET /", "x-a : 1"), &[400]),
        ("a null byte in a header", with("GET /", "x-a: \0"), &[400]),
        ("a null byte in the address", asks("GET /\0"), &[400]),
        (
            "a raw byte in the address",
            asks("GET /api/v1/tickets/\u{7f}"),
            &[400],
        ),
        (
            "two blanks",
            "GET  /  HTTP/1.1\r\nhost: HOST\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "no version",
            "GET /\r\nhost: HOST\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "an unknown version",
            "GET / HTTP/9.9\r\nhost: HOST\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "the preface of HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            &[CLOSED],
        ),
        (
            "TLS",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".to_owned(),
            &[400],
        ),
        ("nonsense", "\r\n\r\nhello\r\n\r\n".to_owned(), &[400]),
    ]
}

/// Methods.
fn methods() -> Vec<Case> {
    vec![
        (
            "HEAD",
            with("HEAD /api/v1/tickets", "connection: close"),
            &[200],
        ),
        (
            "OPTIONS",
            with(
                "OPTIONS /api/v1/tickets",
                "origin: http://evil.example\r\naccess-control-request-method: POST",
            ),
            &[405],
        ),
        ("OPTIONS of all", asks("OPTIONS *"), &[404]),
        ("TRACE", asks("TRACE /api/v1/tickets"), &[405]),
        ("CONNECT", asks("CONNECT HOST"), &[404]),
        ("a method of its own", asks("BREW /api/v1/tickets"), &[405]),
        (
            "a method in small letters",
            asks("get /api/v1/tickets"),
            &[405],
        ),
        ("no method", asks("(comment) /"), &[400]),
        (
            "another method by a header",
            with("GET /api/v1/paused", "x-http-method-override: DELETE"),
            &[200],
        ),
        (
            "another protocol",
            with(
                "GET /api/v1/tickets",
                "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            ),
            &[200],
        ),
        (
            "a delete of everything",
            asks("DELETE /api/v1/tickets"),
            &[405],
        ),
    ]
}

/// Addresses and what is behind the question mark.
fn addresses() -> Vec<Case> {
    let get = |path: &str| asks(&format!("GET {path}"));
    vec![
        ("up and out", get("/../../etc/passwd"), &[404]),
        (
            "up and out, written otherwise",
            get("/assets/..%2f..%2f..%2fetc%2fpasswd"),
            &[404],
        ),
        (
            "written twice otherwise",
            get("/assets/%252e%252e%252fhub.json"),
            &[404],
        ),
        ("up within", get("/api/v1/../v1/tickets"), &[404]),
        ("two slashes", get("//api/v1/tickets"), &[404]),
        ("backslashes", get("/assets\\..\\page.js"), &[404]),
        ("large letters", get("/API/V1/TICKETS"), &[404]),
        ("a slash behind it", get("/api/v1/tickets/"), &[404]),
        ("a null byte", get("/api/v1/tickets/1%00"), &[400]),
        (
            "a line break",
            get("/api/v1/tickets/1%0d%0aset-cookie:%20a=b"),
            &[400],
        ),
        (
            "a line break in nothing",
            get("/nothing%0d%0aset-cookie:%20a=b"),
            &[404],
        ),
        ("half a character", get("/api/v1/services/%ff/logs"), &[400]),
        (
            "a huge number",
            get("/api/v1/tickets/99999999999999999999"),
            &[400],
        ),
        ("a negative number", get("/api/v1/tickets/-1"), &[404]),
        ("a number that is none", get("/api/v1/tickets/1e3"), &[400]),
        (
            "digits of another script",
            get("/api/v1/tickets/%D9%A1"),
            &[400],
        ),
        (
            "a service elsewhere",
            get("/api/v1/services/..%2fhub/logs"),
            &[404],
        ),
        ("a cursor of words", get("/api/v1/log?after=now"), &[400]),
        (
            "a cursor beyond numbers",
            get("/api/v1/tickets?after=9223372036854775808"),
            &[400],
        ),
        ("a negative limit", get("/api/v1/tickets?limit=-5"), &[400]),
        (
            "the same key twice",
            get("/api/v1/tickets?status=open&status=done"),
            &[400],
        ),
        (
            "a key that is none",
            get("/api/v1/tickets?status[]=open"),
            &[400],
        ),
        (
            "SQL",
            get("/api/v1/tickets?status=open'%20OR%20'1'='1"),
            &[400],
        ),
        (
            "SQL in a label",
            get("/api/v1/tickets?label=x');DROP%20TABLE%20tickets;--"),
            &[400],
        ),
        (
            "a search that is no search",
            get("/api/v1/search?words=%22%22%22%20NEAR(%20*%20OR"),
            &[200],
        ),
    ]
}

/// The statuses of the answers that come until the hub closes, or says no more.
async fn answers(swarm: &Swarm, request: &str) -> (Vec<u16>, String) {
    let mut stream = TcpStream::connect(swarm.running.human).await.unwrap();
    // It may be refused before all of it is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut read = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        // The first answer is waited for, what else comes is there soon.
        let patience = match read.is_empty() {
            true => PATIENCE,
            false => Duration::from_millis(250),
        };
        match tokio::time::timeout(patience, stream.read(&mut piece)).await {
            Ok(Ok(0)) | Ok(Err(_)) | Err(_) => break,
            Ok(Ok(length)) => read.extend_from_slice(&piece[..length]),
        }
    }
    let text = String::from_utf8_lossy(&read).into_owned();
    let mut statuses: Vec<u16> = text
        .split("HTTP/1.")
        .skip(1)
        .filter_map(|answer| answer.get(2..5)?.parse().ok())
        .collect();
    if statuses.is_empty() {
        statuses.push(CLOSED);
    }
    (statuses, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_gets_more_than_it_should() {
    let swarm = Swarm::start().await;
    let human = swarm.human();
    let login = format!("{}/login?token={}", human.url, human.token);
    let login = human.http.get(login).send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let host = swarm.running.human.to_string();

    let cases: Vec<Case> = [
        names_and_origins(),
        tokens(),
        bodies(),
        frames(),
        heads(),
        methods(),
        addresses(),
    ]
    .concat();
    assert!(cases.len() >= 45, "{}", cases.len());
    let mut wrong = Vec::new();
    for (what, request, expected) in cases {
        let request = request
            .replace("HOST", &host)
            .replace("TOKEN", &human.token)
            .replace("COOKIE", &cookie);
        let (statuses, text) = answers(&swarm, &request).await;
        if statuses != expected {
            let answer: String = text.chars().take(200).collect();
            wrong.push(format!(
                "{what}: {statuses:?} and not {expected:?}: {answer:?}"
            ));
        }
        let lower = text.to_lowercase();
        assert!(!lower.contains("\r\nset-cookie: a=b"), "{what}: {text}");
        assert!(!lower.contains("access-control-allow"), "{what}: {text}");
        assert!(!text.contains(&human.token), "{what} is told the token");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // Nothing was written, and the hub goes on.
    let (_, count) = human.get("/tickets/count").await;
    assert_eq!(count["count"], 0);
    let paused = human.request(Method::GET, "/paused").send().await.unwrap();
    assert_eq!(paused.text().await.unwrap(), "null");
}
