//! The lines are as Claude Code printed them, shortened to what is read.

use ticket::halt::Trouble;

use super::*;

fn run(resumed: bool, lines: &[&str], exit: Exit, stderr: &str) -> Ending {
    let mut transcript = Transcript::new(resumed);
    for line in lines {
        transcript.line(line, false);
    }
    transcript.ending(exit, stderr)
}

const INIT: &str = r#"{"type":"system","subtype":"init","cwd":"/w","session_id":"6b56830d-9e11-442b-878c-ced91aa13501","tools":["Bash"],"model":"claude-sonnet-5-5","permissionMode":"bypassPermissions","claude_code_version":"2.1.329"}"#;
const DONE: &str = r#"{"duration_api_ms":185,"stop_reason":"end_turn","session_id":"1242fb1b-e842-4a4a-8353-eb343fa751a8","total_cost_usd":0.0037,"permission_denials":[],"terminal_reason":"completed","is_error":false,"num_turns":3,"subtype":"success","api_error_status":null,"result":"Done. git said: ?? hello.txt","type":"result"}"#;
const LIMIT_EVENT: &str = r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795255200,"rateLimitType":"five_hour","overageStatus":"rejected","isUsingOverage":false},"session_id":"s"}"#;
const LIMIT_RESULT: &str = r#"{"type": "result", "subtype": "success", "is_error": true, "api_error_status": 429, "api_error_type": "rate_limit_error", "api_error": "usage_limit_reached", "terminal_reason": "api_error", "num_turns": 1, "result": "You've hit your 5-hour limit · resets 10am (UTC)"}"#;
const THROTTLE_EVENT: &str = r#"{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","rateLimitType":"five_hour"},"session_id":"s"}"#;
const ALLOWED_EVENT: &str = r#"{"type":"rate_limit_event","rate_limit_info":{"status":"allowed_warning","resetsAt":1795255200,"rateLimitType":"five_hour"},"session_id":"s"}"#;

/// A synthetic assistant line and the result of a failed request.
fn failed(error: &str, status: &str, said: &str) -> [String; 2] {
    [
        format!(
            r#"{{"type":"assistant","message":{{"model":"<synthetic>","content":[{{"type":"text","text":"{said}"}}]}},"error":"{error}","is_api_error_message":true,"session_id":"s"}}"#
        ),
        format!(
            r#"{{"type":"result","subtype":"success","is_error":true,"api_error_status":{status},"terminal_reason":"api_error","num_turns":1,"result":"{said}"}}"#
        ),
    ]
}

fn failure(error: &str, status: &str, said: &str) -> Ending {
    let [assistant, result] = failed(error, status, said);
    run(false, &[INIT, &assistant, &result], Exit::Code(1), "")
}

#[test]
fn success_is_what_the_result_says() {
    let said = Some("Done. git said: ?? hello.txt".to_owned());
    assert_eq!(
        run(false, &[INIT, DONE], Exit::Code(0), ""),
        Ending::Completed(said.clone())
    );
    assert_eq!(
        run(
            false,
            &[INIT, ALLOWED_EVENT, DONE],
            Exit::Code(0),
            "warning"
        ),
        Ending::Completed(said.clone())
    );
    // Ended by us because it did not exit after its result.
    assert_eq!(
        run(false, &[INIT, DONE], Exit::Signal(15), ""),
        Ending::Completed(said)
    );
}

#[test]
fn the_last_of_several_results_counts() {
    let [assistant, broken] = failed("server_error", "500", "API Error: 500");
    let ending = run(
        false,
        &[INIT, DONE, INIT, &assistant, &broken],
        Exit::Code(1),
        "",
    );
    assert_eq!(ending, Ending::Service("API Error: 500".into()));
}

#[test]
fn our_own_limits() {
    let turns = r#"{"type":"result","subtype":"error_max_turns","is_error":true,"terminal_reason":"max_turns","num_turns":4,"errors":["Reached maximum number of turns (3)"]}"#;
    let budget = r#"{"type":"result","subtype":"error_max_budget_usd","is_error":true,"terminal_reason":"budget_exhausted","num_turns":2,"errors":["Reached maximum budget ($0.5)"]}"#;
    assert_eq!(
        run(false, &[INIT, turns], Exit::Code(1), ""),
        Ending::MaxTurns
    );
    assert_eq!(
        run(false, &[INIT, budget], Exit::Code(1), ""),
        Ending::Budget
    );
}

fn limit(resets_at: Option<i64>) -> UsageLimit {
    UsageLimit {
        resets_at,
        weekly: false,
    }
}

#[test]
fn usage_limits_say_when_they_end() {
    let said = "You've hit your 5-hour limit · resets 10am (UTC)".to_owned();
    assert_eq!(
        run(false, &[INIT, LIMIT_EVENT, LIMIT_RESULT], Exit::Code(1), ""),
        Ending::RateLimited {
            limit: limit(Some(1_795_255_200)),
            said: said.clone()
        }
    );
    assert_eq!(
        run(false, &[INIT, LIMIT_RESULT], Exit::Code(1), ""),
        Ending::RateLimited {
            limit: limit(None),
            said
        }
    );
    for (said, resets_at) in [
        (
            "Claude AI usage limit reached|1755615600",
            Some(1_755_615_600),
        ),
        ("You've hit your limit · resets 4:50am (Europe/Rome)", None),
        ("You're out of usage credits", None),
    ] {
        let result = format!(
            r#"{{"type":"result","subtype":"success","is_error":true,"terminal_reason":"completed","num_turns":1,"result":"{said}"}}"#
        );
        assert_eq!(
            run(false, &[INIT, &result], Exit::Code(1), ""),
            Ending::RateLimited {
                limit: limit(resets_at),
                said: said.into()
            }
        );
    }
}

#[test]
fn a_throttle_is_no_usage_limit() {
    let said = "API Error: Server is temporarily limiting requests (not your usage limit)";
    let [assistant, result] = failed("rate_limit", "429", said);
    assert_eq!(
        run(
            false,
            &[INIT, THROTTLE_EVENT, &assistant, &result],
            Exit::Code(1),
            ""
        ),
        Ending::Service(said.into())
    );
}

#[test]
fn failures_of_the_service_by_their_names() {
    let auth = |error, status, said: &str| {
        assert_eq!(failure(error, status, said), Ending::Auth(said.into()));
    };
    auth(
        "authentication_failed",
        "401",
        "Invalid API key · Fix external API key",
    );
    auth(
        "authentication_failed",
        "null",
        "Not logged in · Please run /login",
    );
    auth(
        "authentication_failed",
        "403",
        "Failed to authenticate: OAuth token revoked.",
    );
    auth("billing_error", "400", "Credit balance is too low");
    auth("oauth_org_not_allowed", "403", "no");
    let service = |error, status, said: &str| {
        assert_eq!(failure(error, status, said), Ending::Service(said.into()));
    };
    service(
        "server_error",
        "529",
        "API Error: Repeated 529 Overloaded errors.",
    );
    service(
        "server_error",
        "500",
        "API Error: 500 Internal server error.",
    );
    service(
        "server_error",
        "null",
        "API Error: Connection refused (ECONNREFUSED)",
    );
    service("overloaded", "529", "x");
    service("unknown", "null", "x");
    assert_eq!(
        failure(
            "model_not_found",
            "404",
            "There's an issue with the selected model (x)"
        ),
        Ending::NoModel("There's an issue with the selected model (x)".into())
    );
    assert_eq!(
        failure("invalid_request", "400", "x"),
        Ending::Unusable("x".into())
    );
}

#[test]
fn a_prompt_that_is_too_long_is_no_fault_of_the_service() {
    let result = r#"{"type":"result","subtype":"success","is_error":true,"api_error_status":400,"terminal_reason":"prompt_too_long","num_turns":1,"result":"Prompt is too long"}"#;
    assert_eq!(
        run(false, &[INIT, result], Exit::Code(1), ""),
        Ending::Unusable("Prompt is too long".into())
    );
}

#[test]
fn a_lost_conversation_is_told_from_an_interrupted_one() {
    let lost = r#"{"type":"result","subtype":"error_during_execution","is_error":true,"num_turns":0,"errors":["No conversation found with session ID: x"]}"#;
    let said = "No conversation found with session ID: x".to_owned();
    assert_eq!(
        run(true, &[lost], Exit::Code(1), ""),
        Ending::NoConversation(said.clone())
    );
    assert_eq!(run(false, &[lost], Exit::Code(1), ""), Ending::Failed(said));
    let interrupted = r#"{"type":"result","subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_tools","num_turns":2,"errors":["[ede_diagnostic] x"]}"#;
    assert_eq!(
        run(true, &[INIT, interrupted], Exit::Code(0), ""),
        Ending::Killed(2)
    );
}

#[test]
fn without_a_result_it_was_ended_or_never_began() {
    for (exit, expected) in [
        (Exit::Code(143), Ending::Killed(15)),
        (Exit::Code(129), Ending::Killed(1)),
        (Exit::Signal(9), Ending::Killed(9)),
        (Exit::Code(0), Ending::Killed(2)),
    ] {
        assert_eq!(run(false, &[INIT], exit, "noise"), expected);
    }
    assert_eq!(
        run(false, &[], Exit::Code(1), "error: unknown option '--x'\n"),
        Ending::NotStarted("the agent CLI exited 1: error: unknown option '--x'".into())
    );
    assert_eq!(
        run(false, &[], Exit::Code(1), ""),
        Ending::NotStarted("the agent CLI exited 1 without a word".into())
    );
}

#[test]
fn the_conversation_is_known_from_its_first_line() {
    let mut transcript = Transcript::new(false);
    assert_eq!(transcript.session(), None);
    transcript.line(INIT, false);
    assert_eq!(
        transcript.session().as_deref(),
        Some("6b56830d-9e11-442b-878c-ced91aa13501")
    );
    assert!(!transcript.is_done());
    transcript.line(DONE, false);
    assert!(transcript.is_done());
}

#[test]
fn a_person_sees_what_the_agent_does() {
    let mut transcript = Transcript::new(false);
    let mut shown = |line: &str| transcript.line(line, false);
    assert_eq!(shown(INIT), ["claude 2.1.329 with claude-sonnet-5-5"]);
    assert_eq!(
        shown(
            r#"{"type":"assistant","message":{"content":[{"type":"text","text":"I look.\nThen I act."}]}}"#
        ),
        ["I look.\nThen I act."]
    );
    assert_eq!(
        shown(
            r#"{"type":"assistant","message":{"content":[{"type":"tool_use","name":"Bash","input":{"command":"ls\npwd","description":"look"}}]}}"#
        ),
        ["$ ls ⏎ pwd"]
    );
    assert_eq!(
        shown(
            r#"{"type":"assistant","message":{"content":[{"type":"tool_use","name":"Edit","input":{"file_path":"/w/a.py","old_string":"x"}}]}}"#
        ),
        ["Edit /w/a.py"]
    );
    assert_eq!(
        shown(
            r#"{"type":"user","message":{"content":[{"type":"tool_result","is_error":true,"content":"Exit code 1"}]}}"#
        ),
        ["  failed: Exit code 1"]
    );
    assert_eq!(
        shown(r#"{"type":"system","subtype":"api_retry","attempt":2,"error":"overloaded"}"#),
        ["the service failed (overloaded), try 2"]
    );
    assert_eq!(shown(DONE), ["done after 3 turns, $0.0037 in all"]);
    assert_eq!(shown("plain words"), ["plain words"]);
    assert!(shown(r#"{"type":"stream_event","event":{}}"#).is_empty());
    assert!(shown(r#"{"type":"user","message":{"content":"hello"}}"#).is_empty());
}

#[test]
fn a_weekly_limit_is_known_as_one() {
    let event = LIMIT_EVENT.replace("five_hour", "seven_day");
    let ending = run(false, &[INIT, &event, LIMIT_RESULT], Exit::Code(1), "");
    assert!(matches!(ending.trouble(), Some(Trouble::Limit(limit)) if limit.weekly));
    let said = LIMIT_RESULT.replace("5-hour limit", "weekly limit");
    let ending = run(false, &[INIT, &said], Exit::Code(1), "");
    assert!(matches!(ending.trouble(), Some(Trouble::Limit(limit)) if limit.weekly));
}

#[test]
fn an_answer_of_the_model_serves_and_the_clis_own_words_do_not() {
    let mut transcript = Transcript::new(false);
    let [assistant, _] = failed("rate_limit", "429", "rejected");
    for line in [INIT, &assistant] {
        transcript.line(line, false);
    }
    assert!(!transcript.is_served());
    let answer = r#"{"type":"assistant","message":{"model":"claude-x","content":[]}}"#;
    transcript.line(answer, false);
    assert!(transcript.is_served());
}
