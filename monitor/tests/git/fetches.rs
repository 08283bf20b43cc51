//! Who may fetch, and what.

use ticket::wire::Role;

use crate::fixture::{HUMAN, Hub, git, try_git};

#[test]
fn attempts_runners_and_verifiers_fetch_on_their_listener() {
    let hub = Hub::with(&[("README", "hello\n")]);
    let attempt = hub.attempt("agent-1", "Work");
    let runner = hub.enroll("agent-2", Role::Worker);
    let verifier = hub.enroll("verifier-1", Role::Verifier);
    for (n, token) in [&attempt.token, &runner, &verifier].into_iter().enumerate() {
        let dir = hub.clone_with(&format!("clone-{n}"), token);
        assert!(dir.join("README").exists());
    }
}

#[test]
fn the_human_fetches_on_the_other_listener_only() {
    let hub = Hub::with(&[("README", "hello\n")]);
    let attempt = hub.attempt("agent-1", "Work");
    for (token, address, let_in) in [
        (HUMAN, &hub.human, true),
        (HUMAN, &hub.agents, false),
        (&attempt.token, &hub.human, false),
        ("", &hub.human, false),
        ("wrong", &hub.agents, false),
    ] {
        let header = format!("http.extraHeader=Authorization: Bearer {token}");
        let output = try_git(hub.dir.path(), &["-c", &header, "ls-remote", address]);
        assert_eq!(output.status.success(), let_in, "{token} {address}");
    }
}

#[test]
fn old_protocols_are_spoken_too() {
    let hub = Hub::with(&[("README", "hello\n")]);
    let attempt = hub.attempt("agent-1", "Work");
    let header = format!("http.extraHeader=Authorization: Bearer {}", attempt.token);
    for version in ["0", "1", "2"] {
        let protocol = format!("protocol.version={version}");
        let name = format!("clone-{version}");
        let args = [
            "-c",
            &header,
            "-c",
            &protocol,
            "clone",
            "-q",
            &hub.agents,
            &name,
        ];
        git(hub.dir.path(), &args);
    }
}

#[test]
fn a_commit_is_fetched_by_its_id_whatever_the_protocol() {
    let hub = Hub::with(&[("README", "hello\n")]);
    let attempt = hub.attempt("agent-1", "Work");
    let commit = hub.push(&attempt, &[("file", "x\n")]);
    let verifier = hub.enroll("verifier-1", Role::Verifier);
    for version in ["0", "2"] {
        let dir = hub.clone_with(&format!("clone-{version}"), &verifier);
        let protocol = format!("protocol.version={version}");
        let id = commit.to_string();
        git(&dir, &["-c", &protocol, "fetch", "-q", "origin", &id]);
        git(&dir, &["checkout", "-q", &id]);
        assert!(dir.join("file").exists());
    }
}

#[test]
fn a_fetch_with_a_long_history_is_sent_compressed() {
    let hub = Hub::with(&[("README", "hello\n")]);
    let attempt = hub.attempt("agent-1", "Work");
    let dir = hub.worktree(&attempt);
    for n in 0..80 {
        git(
            &dir,
            &["commit", "-q", "--allow-empty", "-m", &n.to_string()],
        );
    }
    let other = hub.attempt("agent-2", "Other");
    let id = hub.push(&other, &[("file", "x\n")]).to_string();
    // git compresses a request of more than a kilobyte; the local commits make it longer.
    git(
        &dir,
        &["-c", "protocol.version=0", "fetch", "-q", "origin", &id],
    );
    git(&dir, &["fetch", "-q", "origin", &other.branch()]);
}
