//! The program itself: how it is started wrongly, and that it gives up on a hub that refuses.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use agent_runner::exit;
use agent_runner::process::{Exit, capture};

use crate::fixture::PATIENCE;

fn runner(args: &[&str], env: &[(&str, &str)]) -> (Exit, String) {
    let mut command = Command::new(crate::programs::program("agent-runner"));
    command.args(args).env_clear().envs(env.iter().copied());
    let done = capture(&mut command, None, 10_000, PATIENCE).unwrap();
    (
        done.exit,
        String::from_utf8_lossy(&done.stderr).into_owned(),
    )
}

#[test]
fn wrong_use_gets_one_sentence() {
    let usage = Exit::Code(i32::from(exit::USAGE));
    for (args, env, part) in [
        (vec![], vec![("SWARM_CODE", "x")], "SWARM_HUB is not set"),
        (
            vec![],
            vec![("SWARM_HUB", "http://hub")],
            "SWARM_CODE is not set",
        ),
        (vec!["--what"], vec![], "unknown argument '--what'"),
        (vec!["--work"], vec![], "--work needs a folder"),
        (vec!["a\n\u{1b}[2J"], vec![], "unknown argument 'a [2J'"),
    ] {
        let (code, said) = runner(&args, &env);
        assert_eq!(code, usage);
        assert!(said.contains(part), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_used_code_ends_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let body = r#"{"error":{"kind":"unauthorized","message":"this code was used"}}"#;
        let _ = write!(
            stream,
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    });
    let (code, said) = runner(&[], &[("SWARM_HUB", &url), ("SWARM_CODE", "used-up-code")]);
    assert_eq!(code, Exit::Code(i32::from(exit::REFUSED)));
    assert_eq!(said, "agent-runner: this code was used\n");
}
