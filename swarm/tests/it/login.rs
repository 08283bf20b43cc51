//! `swarm login`, and what may be seen of a credential.

use std::os::unix::fs::PermissionsExt;

use crate::support::Place;

const FILE: &str = ".swarm/secrets/credentials.json";

#[test]
fn a_login_of_claude_is_taken_and_its_end_is_said() {
    let place = Place::with_project(&[("a", "")]);
    let expires = (chrono::Utc::now().timestamp() + 7 * 3600) * 1000;
    let login = format!(
        r#"{{"claudeAiOauth":{{"accessToken":"sk-planted","refreshToken":"sk-refresh","expiresAt":{expires}}}}}"#
    );
    place.write(&[("../home/.claude/.credentials.json", &login)]);
    let said = place.swarm("login");
    assert!(
        said.err.contains("setup-token") && said.err.contains(" UTC"),
        "{said:?}"
    );
    assert!(said.out.contains("'swarm start' will use it"), "{said:?}");
    assert!(!format!("{said:?}").contains("sk-"), "{said:?}");
    let kept = place.read(FILE);
    assert!(
        kept.contains("sk-planted") && !kept.contains("sk-refresh"),
        "{kept}"
    );
    let mode = std::fs::metadata(place.root().join(FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_key_goes_before_a_login_and_a_mistake_is_refused_before_anything_is_written() {
    let mut place = Place::with_project(&[("a", "")]);
    place.write(&[(
        "../home/.claude/.credentials.json",
        r#"{"claudeAiOauth":{"accessToken":"sk-planted","expiresAt":1}}"#,
    )]);
    place
        .swarm("login")
        .ended_with(5, &["expired at 1970-01-01", "run 'claude' once"]);
    place.set("ANTHROPIC_API_KEY", "sk-ant-oat01-x");
    place
        .swarm("login")
        .ended_with(5, &["belongs into CLAUDE_CODE_OAUTH_TOKEN"]);
    assert!(!place.root().join(FILE).exists());
    place.set("ANTHROPIC_API_KEY", "sk-ant-api03-x");
    let said = place.swarm("login").ok();
    assert!(
        said.starts_with("Took ANTHROPIC_API_KEY of the environment;"),
        "{said}"
    );
}

#[test]
fn a_backend_without_an_account_needs_no_login() {
    let place = Place::with_project(&[("a", "")]);
    place.write(&[(
        ".swarm/config.json",
        r#"{"agents": {"backend": {"kind": "command", "program": "x"}}}"#,
    )]);
    let said = place.swarm("login").ok();
    assert!(said.contains("needs no account"), "{said}");
}

#[test]
fn a_test_message_without_a_topic_says_what_to_write() {
    let place = Place::with_project(&[("a", "")]);
    place
        .swarm("notify test")
        .refused(&["no topic is set", "swarm config set notify.ntfy"]);
    place.write(&[(".swarm/config.json", r#"{"notify": {"ntfy": "ntfy.sh/x"}}"#)]);
    place
        .swarm("notify test")
        .ended_with(7, &["notify.ntfy", "https://ntfy.sh/TOPIC"]);
    place.write(&[(
        ".swarm/config.json",
        r#"{"notify": {"ntfy": "http://127.0.0.1:1/hidden"}}"#,
    )]);
    let said = place.swarm("notify test");
    assert!(
        said.err
            .contains("ntfy at http://127.0.0.1:1/ does not take"),
        "{said:?}"
    );
    assert!(!said.err.contains("hidden"), "{said:?}");
}
