//! Lines that `opencode` 1.18.33 printed against a scripted service.

use super::*;
use crate::agent::backend::tests::defaults;

const START: &str = r#"{"type":"step_start","timestamp":1795278262413,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"id":"prt_1","messageID":"msg_1","sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","type":"step-start"}}"#;
const TOOL: &str = r#"{"type":"tool_use","timestamp":1795278262997,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"type":"tool","tool":"bash","callID":"call_1","state":{"status":"completed","input":{"command":"echo made > made.txt; ls","description":"make"},"output":"made.txt\n","title":"echo made > made.txt; ls"}}}"#;
const STEP: &str = r#"{"type":"step_finish","timestamp":1795278263188,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"id":"prt_2","reason":"tool-calls","type":"step-finish","tokens":{"total":1050,"input":400,"output":50,"reasoning":5,"cache":{"write":7,"read":600}},"cost":0.0012}}"#;
const TEXT: &str = r#"{"type":"text","timestamp":1795278263468,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"id":"prt_3","type":"text","text":"All done: made.txt is there."}}"#;
const STOP: &str = r#"{"type":"step_finish","timestamp":1795278263634,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"id":"prt_4","reason":"stop","type":"step-finish","tokens":{"total":1050,"input":400,"output":50,"reasoning":0,"cache":{"write":0,"read":600}},"cost":0}}"#;

fn opencode() -> Opencode {
    let patterns = Patterns::new(&defaults("opencode").patterns).unwrap();
    Opencode::new(patterns, Some("t/m"))
}

fn failed(error: &str) -> Ending {
    let mut opencode = opencode();
    let line = format!(r#"{{"type":"error","timestamp":1,"sessionID":"ses_1","error":{error}}}"#);
    opencode.line(&line, false);
    opencode.ending(Exit::Code(1), "")
}

#[test]
fn a_run_ends_well_with_its_last_words() {
    let mut opencode = opencode();
    for line in [START, TOOL, STEP] {
        opencode.line(line, false);
    }
    assert!(!opencode.is_done(), "a tool was called");
    for line in [START, TEXT, STOP] {
        opencode.line(line, false);
    }
    assert!(opencode.is_done() && opencode.is_served());
    let session = opencode.session();
    assert_eq!(session.as_deref(), Some("ses_e0113c60affeOoOiS6lmVxkqOa"));
    let said = Ending::Completed(Some("All done: made.txt is there.".into()));
    assert_eq!(opencode.ending(Exit::Code(0), ""), said);
    let expected = Usage {
        input_tokens: 800,
        output_tokens: 105,
        cache_read_tokens: 1200,
        cache_write_tokens: 7,
        cost_microusd: Some(1200),
    };
    assert_eq!(opencode.usage()[0].usage, expected);
}

#[test]
fn a_last_step_that_was_not_told_is_no_failure() {
    let mut opencode = opencode();
    for line in [START, TEXT] {
        opencode.line(line, false);
    }
    assert!(!opencode.is_done());
    assert!(matches!(
        opencode.ending(Exit::Code(0), ""),
        Ending::Completed(Some(_))
    ));
    assert!(matches!(
        opencode.ending(Exit::Code(1), ""),
        Ending::Failed(_)
    ));
}

#[test]
fn each_failure_is_what_it_says() {
    for (error, word) in [
        (
            r#"{"name":"APIError","data":{"message":"Incorrect API key provided: dummy.","statusCode":401,"isRetryable":false,"responseBody":"{\"error\": {\"code\": \"invalid_api_key\"}}"}}"#,
            "auth-failed",
        ),
        (
            r#"{"name":"APIError","data":{"message":"Internal server error","statusCode":500,"isRetryable":true}}"#,
            "infra-failed",
        ),
        (
            r#"{"name":"APIError","data":{"message":"Cannot connect to API: The socket connection was closed unexpectedly. For more information, pass `verbose: true` in the second argument to fetch()","isRetryable":true}}"#,
            "infra-failed",
        ),
        (
            r#"{"name":"APIError","data":{"message":"The model `nope` does not exist","statusCode":404,"isRetryable":false}}"#,
            "infra-failed",
        ),
        (
            r#"{"name":"APIError","data":{"message":"You exceeded your current quota","statusCode":429,"responseBody":"{\"error\":{\"code\":\"insufficient_quota\"}}"}}"#,
            "auth-failed",
        ),
        (
            r#"{"name":"ContextOverflowError","data":{"message":"Your input exceeds the context window of this model."}}"#,
            "agent-failed",
        ),
    ] {
        assert_eq!(failed(error).outcome().0.as_str(), word, "{error}");
    }
}

#[test]
fn a_limit_ends_when_the_service_says() {
    let error = r#"{"name":"APIError","data":{"message":"The usage limit has been reached","statusCode":429,"isRetryable":true,"responseBody":"{\"error\": {\"type\": \"usage_limit_reached\", \"message\": \"The usage limit has been reached\", \"resets_at\": 1795285896, \"resets_in_seconds\": 7200}}"}}"#;
    let Ending::RateLimited { limit, said } = failed(error) else {
        panic!("{:?}", failed(error));
    };
    assert_eq!(limit.resets_at, Some(1_795_285_896));
    assert_eq!(said, "APIError 429: The usage limit has been reached");
}

#[test]
fn a_conversation_that_is_gone_is_told_on_standard_error() {
    let ending = opencode().ending(Exit::Code(1), "Error: Session not found\n");
    assert!(matches!(ending, Ending::NoConversation(_)), "{ending:?}");
}
