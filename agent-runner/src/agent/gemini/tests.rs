//! Lines that `gemini` 0.61.0 printed against a scripted service.

use super::*;
use crate::agent::backend::tests::defaults;

const INIT: &str = r#"{"type":"init","timestamp":"2026-11-21T16:28:18.012Z","session_id":"11111111-1111-4111-8111-111111111111","model":"gemini-2.5-pro"}"#;
const ASKED: &str = r#"{"type":"message","timestamp":"2026-11-21T16:28:18.013Z","role":"user","content":"please make a file\n"}"#;
const TOOL: &str = r#"{"type":"tool_use","timestamp":"2026-11-21T16:28:18.249Z","tool_name":"run_shell_command","tool_id":"r_0","parameters":{"command":"echo made > made.txt; ls","description":"make"}}"#;
const RAN: &str = r#"{"type":"tool_result","timestamp":"2026-11-21T16:28:18.697Z","tool_id":"r_0","status":"success","output":"made.txt"}"#;
const SAID: &str = r#"{"type":"message","timestamp":"2026-11-21T16:28:18.776Z","role":"assistant","content":"All done: ","delta":true}"#;
const MORE: &str = r#"{"type":"message","timestamp":"2026-11-21T16:28:18.777Z","role":"assistant","content":"made.txt is there.","delta":true}"#;
const DONE: &str = r#"{"type":"result","timestamp":"2026-11-21T16:28:18.796Z","status":"success","stats":{"total_tokens":2120,"input_tokens":2000,"output_tokens":100,"cached":1200,"input":800,"duration_ms":784,"tool_calls":1,"models":{"gemini-x":{"total_tokens":2120,"input_tokens":2000,"output_tokens":100,"cached":1200,"input":800}}}}"#;

fn gemini() -> Gemini {
    Gemini::new(Patterns::new(&defaults("gemini").patterns).unwrap())
}

fn failed(message: &str, code: i32) -> Ending {
    let mut gemini = gemini();
    let result = serde_json::json!({"type": "result", "status": "error",
        "error": {"type": "unknown", "message": message}, "stats": {"models": {}}});
    for line in [INIT, ASKED, &result.to_string()] {
        gemini.line(line, false);
    }
    assert!(gemini.is_done() && !gemini.is_served());
    gemini.ending(Exit::Code(code), "")
}

#[test]
fn a_message_that_comes_in_pieces_is_put_together() {
    let mut gemini = gemini();
    for line in [INIT, ASKED] {
        gemini.line(line, false);
    }
    assert!(!gemini.is_served(), "the prompt is no answer");
    for line in [SAID, TOOL, RAN, SAID, MORE, DONE] {
        gemini.line(line, false);
    }
    assert!(gemini.is_served() && gemini.is_done());
    assert_eq!(
        gemini.ending(Exit::Code(0), ""),
        Ending::Completed(Some("All done: made.txt is there.".into()))
    );
    let used = &gemini.usage()[0];
    assert_eq!(used.model, "gemini-x");
    let expected = Usage {
        input_tokens: 800,
        output_tokens: 120,
        cache_read_tokens: 1200,
        ..Usage::default()
    };
    assert_eq!(used.usage, expected);
}

#[test]
fn each_failure_is_what_it_says() {
    for (message, code, word) in [
        (
            r#"[API Error: {"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
            144,
            "auth-failed",
        ),
        (
            r#"[API Error: {"error":{"code":403,"message":"The caller does not have permission","status":"PERMISSION_DENIED"}}]"#,
            147,
            "auth-failed",
        ),
        (
            "[API Error: You have exhausted your daily quota on this model.]\nPlease wait and try again later.",
            173,
            "rate-limited",
        ),
        (
            "[API Error: Resource has been exhausted (e.g. check quota).\nSuggested retry after 3s.]",
            173,
            "infra-failed",
        ),
        (
            r#"[API Error: {"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}]"#,
            247,
            "infra-failed",
        ),
        (
            r#"[API Error: {"error":{"code":500,"message":"An internal error has occurred.","status":"INTERNAL"}}]"#,
            244,
            "infra-failed",
        ),
        (
            "[API Error: models/nope is not found for API version v1beta]",
            1,
            "infra-failed",
        ),
        (
            r#"[API Error: {"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#,
            144,
            "agent-failed",
        ),
        (
            "Reached max session turns for this session.",
            53,
            "agent-failed",
        ),
    ] {
        assert_eq!(
            failed(message, code).outcome().0.as_str(),
            word,
            "{message}"
        );
    }
    assert_eq!(failed("Reached max session turns", 53), Ending::MaxTurns);
}

#[test]
fn a_limit_says_when_it_ends() {
    let now = ticket::moment::now();
    let said = "[API Error: You have exhausted your capacity on this model. Your quota will reset after 13h19m1s.]";
    let Ending::RateLimited { limit, .. } = failed(said, 173) else {
        panic!("{:?}", failed(said, 173));
    };
    let span = limit.resets_at.unwrap() - now;
    assert!((span - (13 * 3600 + 19 * 60 + 1)).abs() < 5, "{span}");
}

#[test]
fn what_went_wrong_before_the_first_line_is_told_on_standard_error() {
    let gone = "Error resuming session: Invalid session identifier \"1\".\n  Searched for sessions in /x.\n";
    assert!(matches!(
        gemini().ending(Exit::Code(42), gone),
        Ending::NoConversation(_)
    ));
    let login = gemini().ending(Exit::Code(41), "Invalid auth method selected.\n");
    assert!(matches!(login, Ending::Auth(_)), "{login:?}");
    let flag = gemini().ending(Exit::Code(1), "Unknown argument: x\n");
    assert!(matches!(flag, Ending::NotStarted(_)), "{flag:?}");
    assert!(matches!(
        gemini().ending(Exit::Code(0), ""),
        Ending::Failed(_)
    ));
}
