//! Lines that `codex` 0.169.0 printed against a scripted service.

use super::*;
use crate::agent::backend::tests::defaults;

const STARTED: &str =
    r#"{"type":"thread.started","thread_id":"01a1feea-2efd-7500-a01f-499f136dc1a5"}"#;
const WARNED: &str = r#"{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata for `gpt-5` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."}}"#;
const TURN: &str = r#"{"type":"turn.started"}"#;
const RETRY: &str = r#"{"type":"error","message":"Reconnecting... 1/5 (stream disconnected before completion: error sending request)"}"#;
const RAN: &str = r#"{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"/bin/bash -lc 'echo made > made.txt; ls'","aggregated_output":"made.txt\n","exit_code":0,"status":"completed"}}"#;
const SAID: &str = r#"{"type":"item.completed","item":{"id":"item_2","type":"agent_message","text":"All done: made.txt is there."}}"#;
const DONE: &str = r#"{"type":"turn.completed","usage":{"input_tokens":2000,"cached_input_tokens":1200,"cache_write_input_tokens":0,"output_tokens":100,"reasoning_output_tokens":20}}"#;

fn codex() -> Codex {
    let patterns = Patterns::new(&defaults("codex").patterns).unwrap();
    Codex::new(patterns, Some("gpt-5"), "/nonexistent".into(), None)
}

fn failed(message: &str) -> Ending {
    let mut codex = codex();
    let event = serde_json::json!({"type": "turn.failed", "error": {"message": message}});
    for line in [STARTED, WARNED, TURN, &event.to_string()] {
        codex.line(line, false);
    }
    codex.ending(Exit::Code(1), "WARNING: proceeding\n")
}

#[test]
fn a_turn_that_completes_is_a_run_that_ended_well() {
    let mut codex = codex();
    let mut shown = Vec::new();
    for line in [STARTED, WARNED, TURN, RETRY] {
        shown.extend(codex.line(line, false));
    }
    assert!(!codex.is_served() && !codex.is_done());
    for line in [RAN, SAID, DONE] {
        shown.extend(codex.line(line, false));
    }
    assert!(codex.is_served() && codex.is_done());
    let id = "01a1feea-2efd-7500-a01f-499f136dc1a5";
    assert_eq!(codex.session().as_deref(), Some(id));
    assert!(shown.contains(&"$ /bin/bash -lc 'echo made > made.txt; ls'".to_owned()));
    assert_eq!(
        codex.ending(Exit::Code(0), ""),
        Ending::Completed(Some("All done: made.txt is there.".into()))
    );
    let used = &codex.usage()[0];
    assert_eq!(used.model, "gpt-5");
    let expected = Usage {
        input_tokens: 800,
        output_tokens: 100,
        cache_read_tokens: 1200,
        ..Usage::default()
    };
    assert_eq!(used.usage, expected);
}

#[test]
fn each_failure_is_what_it_says() {
    for (said, word) in [
        (
            "unexpected status 401 Unauthorized: Incorrect API key provided: dummy., url: http://x",
            "auth-failed",
        ),
        (
            "unexpected status 403 Forbidden: Country not supported, url: http://x",
            "auth-failed",
        ),
        (
            "Quota exceeded. Check your plan and billing details.",
            "auth-failed",
        ),
        (
            "exceeded retry limit, last status: 429 Too Many Requests",
            "infra-failed",
        ),
        (
            "We’re currently experiencing high demand, which may cause temporary errors.",
            "infra-failed",
        ),
        (
            "Selected model is at capacity. Please try a different model.",
            "infra-failed",
        ),
        (
            "stream disconnected before completion: error sending request",
            "infra-failed",
        ),
        (
            "stream disconnected before completion: Transport error: network error: error decoding response body",
            "infra-failed",
        ),
        ("The model `nope` does not exist", "infra-failed"),
        (
            "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying.",
            "agent-failed",
        ),
        ("something else", "agent-failed"),
    ] {
        assert_eq!(failed(said).outcome().0.as_str(), word, "{said}");
    }
    let too_long = "Codex ran out of room in the model's context window. Start a new thread";
    assert!(matches!(failed(too_long), Ending::Unusable(_)));
    assert!(matches!(
        failed("The model `nope` does not exist"),
        Ending::NoModel(_)
    ));
}

#[test]
fn a_usage_limit_says_when_it_ends() {
    let said = "You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), visit https://chatgpt.com/settings/usage to purchase more credits or try again at 6:22 PM.";
    let Ending::RateLimited { limit, .. } = failed(said) else {
        panic!("{:?}", failed(said));
    };
    let at = limit.resets_at.unwrap();
    assert_eq!(
        at % (24 * 3600),
        18 * 3600 + 22 * 60,
        "UTC, as in a container"
    );
    let said = "You've hit your usage limit. Try again in 4 days 20 hours 9 minutes.";
    let now = ticket::moment::now();
    let Ending::RateLimited { limit, .. } = failed(said) else {
        panic!("{:?}", failed(said));
    };
    let span = limit.resets_at.unwrap() - now;
    assert!((span - (4 * 86_400 + 20 * 3600 + 540)).abs() < 5, "{span}");
    let vague = failed("The usage limit has been reached");
    assert!(matches!(vague, Ending::RateLimited { limit, .. } if limit.resets_at.is_none()));
}

#[test]
fn a_conversation_that_is_gone_is_told_on_standard_error() {
    let said = "Error: thread/resume: thread/resume failed: no rollout found for thread id 01a1fee9 (code -32600)\n\nStack backtrace:\n   0: <unknown>\n";
    assert!(matches!(
        codex().ending(Exit::Code(1), said),
        Ending::NoConversation(_)
    ));
    let refused = codex().ending(Exit::Code(2), "error: unexpected argument '--x' found\n");
    assert!(matches!(refused, Ending::NotStarted(_)));
}

#[test]
fn a_cut_stream_is_no_success() {
    let mut codex = codex();
    for line in [STARTED, TURN, SAID, "{\"type\":\"turn.comp"] {
        codex.line(line, false);
    }
    assert!(matches!(codex.ending(Exit::Code(0), ""), Ending::Failed(_)));
    assert!(matches!(codex.ending(Exit::Code(1), ""), Ending::Failed(_)));
    assert_eq!(codex.ending(Exit::Signal(9), ""), Ending::Killed(9));
    assert_eq!(codex.ending(Exit::Code(143), ""), Ending::Killed(15));
}
