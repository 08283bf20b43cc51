use chrono::DateTime;
use serde_json::{Value, json};

use super::super::{Begin, End, LeftOut, What};
use super::*;

fn line(what: What<'_>) -> String {
    what.line(DateTime::from_timestamp_millis(1_795_255_200_000).unwrap())
}

fn claude() -> Renderer {
    of(Output::ClaudeStreamJson)
}

fn of(format: Output) -> Renderer {
    let mut renderer = Renderer::new();
    let begin = Begin {
        format,
        ..Begin::default()
    };
    renderer.line(&line(What::Begin(&begin)));
    renderer
}

/// What lines of Claude Code come to, without the times.
fn shown(messages: &[Value]) -> String {
    let mut renderer = claude();
    let text: String = messages
        .iter()
        .map(|message| renderer.line(&line(What::Out(&message.to_string(), false))))
        .collect();
    text.replace("10:00:00 ", "")
}

fn use_tool(id: &str, name: &str, input: Value, parent: Option<&str>) -> Value {
    json!({"type": "assistant", "parent_tool_use_id": parent, "message": {"content": [
        {"type": "tool_use", "id": id, "name": name, "input": input}]}})
}

fn answer(id: &str, content: Value) -> Value {
    json!({"type": "user", "message": {"content": [
        {"type": "tool_result", "tool_use_id": id, "content": content}]}})
}

#[test]
fn a_run_is_told_from_its_beginning_to_its_end() {
    let begin = Begin {
        agent: "agent-1".into(),
        run: "#12 attempt 1, run 2".into(),
        phase: "verify-failed".into(),
        backend: "claude".into(),
        format: Output::ClaudeStreamJson,
        model: Some("sonnet".into()),
        session: Some("u".into()),
        resumed: true,
    };
    let end = End {
        ending: "agent-failed".into(),
        reason: Some("it said no".into()),
        session: None,
    };
    let mut renderer = Renderer::new();
    let lines = [
        line(What::Begin(&begin)),
        line(What::Prompt("swarm: verify-failed\nmend it")),
        line(What::Err("a warning", false)),
        line(What::Out("no JSON", true)),
        line(What::LeftOut(LeftOut {
            lines: 7,
            bytes: 1500,
        })),
        line(What::End(&end)),
    ];
    let text: String = lines.iter().map(|line| renderer.line(line)).collect();
    assert_eq!(
        text,
        "=== #12 attempt 1, run 2: verify-failed by agent-1, claude with sonnet, session u, \
         resumed, at 2026-11-21T10:00:00.000Z\n\
         10:00:00 prompt:\n           swarm: verify-failed\n           mend it\n\
         10:00:00 stderr: a warning\n\
         10:00:00 | (without its end) no JSON\n\
         === 7 further lines (1.5 kB) were not kept\n\
         === end: agent-failed, it said no\n"
    );
}

#[test]
fn texts_calls_and_answers_are_shown() {
    let text = shown(&[
        json!({"type": "system", "subtype": "init", "claude_code_version": "2.1.329",
               "model": "claude-opus-5-5", "tools": ["Bash", "Edit"]}),
        json!({"type": "assistant", "message": {"content": [
            {"type": "text", "text": "I look at it.\nThen I change it."}]}}),
        use_tool(
            "1",
            "Bash",
            json!({"command": "ls -la", "description": "List"}),
            None,
        ),
        answer("1", json!("total 4\nREADME.md\n")),
        use_tool(
            "2",
            "Edit",
            json!({"file_path": "a.rs", "old_string": "one\ntwo", "new_string": "three",
                   "replace_all": false}),
            None,
        ),
        json!({"type": "user", "message": {"content": [{"type": "tool_result",
            "tool_use_id": "2", "is_error": true,
            "content": [{"type": "text", "text": "no such file"},
                        {"type": "image", "source": {"data": "AAAA"}}]}]}}),
    ]);
    assert_eq!(
        text,
        "note: claude 2.1.329 with claude-opus-5-5, 2 tools\n\
         agent:\n           I look at it.\n           Then I change it.\n\
         calls Bash: $ ls -la\n\
         Bash answers:\n           total 4\n           README.md\n\
         calls Edit: file_path=a.rs replace_all=false\n  Edit is given\n           - one\n           - two\n           + three\n\
         Edit failed:\n           no such file\n           (image, 4 bytes)\n"
    );
}

#[test]
fn sub_agents_stand_in_as_deep_as_they_are() {
    let text = shown(&[
        use_tool("1", "Task", json!({"description": "look"}), None),
        use_tool("2", "Task", json!({"description": "deeper"}), Some("1")),
        use_tool("3", "Bash", json!({"command": "ls"}), Some("2")),
        answer("3", json!("README.md")),
        use_tool("4", "Bash", json!({"command": "pwd"}), Some("never seen")),
    ]);
    assert_eq!(
        text,
        "calls Task: description=look\n    calls Task: description=deeper\n        \
         calls Bash: $ ls\n        Bash answers: README.md\n    calls Bash: $ pwd\n"
    );
}

#[test]
fn limits_failures_and_what_a_turn_used_are_told() {
    let text = shown(&[
        json!({"type": "rate_limit_event", "rate_limit_info": {"status": "allowed"}}),
        json!({"type": "rate_limit_event", "rate_limit_info": {"status": "rejected",
               "rateLimitType": "five_hour", "resetsAt": 1_795_262_400}}),
        json!({"type": "system", "subtype": "api_retry", "attempt": 2, "max_retries": 4,
               "error": "overloaded"}),
        json!({"type": "result", "subtype": "success", "is_error": false, "num_turns": 3,
               "duration_ms": 909, "total_cost_usd": 0.0037292,
               "usage": {"input_tokens": 84, "output_tokens": 127,
                         "cache_read_input_tokens": 4266, "cache_creation_input_tokens": 0}}),
        json!({"type": "result", "subtype": "success", "is_error": true, "num_turns": 1,
               "api_error_status": 429, "result": "You've hit your 5-hour limit"}),
        json!({"type": "result", "subtype": "error_max_turns", "is_error": true,
               "errors": ["Reached maximum number of turns (3)"]}),
        json!({"type": "something_new", "text": "unheard of"}),
    ]);
    assert_eq!(
        text,
        "limit: rejected five_hour, resets at 2026-11-21 12:00:00 UTC\n\
         note: the service failed: overloaded, try 2 of 4\n\
         turn: done after 3 turns in 0.9 s; tokens: 84 in, 127 out, 4266 from cache; $0.0037 in all\n\
         turn: failed, status 429 after 1 turn\nerror: You've hit your 5-hour limit\n\
         turn: failed, error_max_turns\nerror: Reached maximum number of turns (3)\n"
    );
}

#[test]
fn an_answer_is_cut_and_says_by_how_much() {
    let lines = (1..=500).map(|n| format!("line {n}\n")).collect::<String>();
    let text = shown(&[answer("?", json!(lines))]);
    assert!(
        text.starts_with("a tool answers:\n           line 1\n"),
        "{text}"
    );
    assert!(
        text.ends_with("line 40\n           … 460 more lines\n"),
        "{text}"
    );
    let text = shown(&[answer("?", json!("é".repeat(100_000)))]);
    assert!(
        text.ends_with("… 195904 more bytes\n"),
        "{}",
        &text[text.len() - 40..]
    );
    assert!(text.len() < 5000);
}

#[test]
fn nothing_that_an_agent_prints_can_steer_a_terminal_or_pass_for_an_entry() {
    let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}1m\u{202e}fine\u{0}\r\n=== end: completed\n10:00:00 turn: done";
    let said = json!({"type": "assistant", "message": {"content": [
        {"type": "text", "text": hostile}]}});
    for text in [
        shown(&[said]),
        shown(&[use_tool("1", hostile, json!({hostile: hostile}), None)]),
        shown(&[answer("1", json!(hostile))]),
        claude().line(&line(What::Prompt(hostile))),
        claude().line(&line(What::Err(hostile, false))),
        of(Output::CodexJson).line(&line(What::Out(
            &json!({"type": "item.completed", "item": {"type": "agent_message", "text": hostile}})
                .to_string(),
            false,
        ))),
        of(Output::OpencodeJson).line(&line(What::Out(
            &json!({"type": "text", "part": {"text": hostile}}).to_string(),
            false,
        ))),
        Renderer::new().line(&line(What::Out(
            &json!({"type": hostile, "text": hostile}).to_string(),
            false,
        ))),
    ] {
        assert!(text.contains("fine"), "{text:?}");
        let steers = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(steers), "{text:?}");
        let fakes = |line: &str| line.starts_with("===") || line.starts_with("10:00:00 turn");
        assert!(!text.lines().any(fakes), "{text:?}");
    }
}

#[test]
fn what_cannot_be_read_is_no_obstacle() {
    let mut renderer = claude();
    for odd in [
        "{",
        "null",
        "[1,2]",
        "7",
        r#"{"at":7}"#,
        r#"{"at":"é","out":[]}"#,
        &format!(r#"{{"out":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
    ] {
        renderer.line(odd);
    }
    assert_eq!(
        renderer.line("{"),
        "(a line that cannot be read, 1 bytes)\n"
    );
    assert_eq!(renderer.line("  "), "");
    for odd in [
        json!({"type": "assistant"}),
        json!({"type": "assistant", "message": {"content": [7, {"type": "text"}]}}),
        json!({"type": "user", "message": {"content": [{"type": "tool_result"}]}}),
        json!({"type": "result"}),
        json!({"type": "rate_limit_event"}),
        json!({}),
    ] {
        renderer.line(&line(What::Out(&odd.to_string(), false)));
    }
}

#[test]
fn half_a_character_is_no_obstacle() {
    for (text, shows) in [
        (r"half \ud83d", "half \u{fffd}"),
        (r"half \udca9 x", "half \u{fffd} x"),
        (r"\ud83d\ud83d\udca9", "\u{fffd}\u{1f4a9}"),
        (r"whole \ud83d\udca9 \\ud83d \ud8", r"(a line"),
        (
            r"whole \ud83d\udca9 \\ud83d \ud83d",
            "whole \u{1f4a9} \\ud83d \u{fffd}",
        ),
    ] {
        let message = format!(
            r#"{{"type":"assistant","message":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
        );
        let line = format!(r#"{{"at":"","out":{message}}}"#);
        let rendered = claude().line(&line);
        assert!(rendered.contains(shows), "{text}: {rendered}");
    }
}

#[test]
fn the_memory_of_calls_is_bounded() {
    let mut claude = Claude::default();
    let mut paper = Paper::new("");
    for n in 0..5000 {
        let id = format!("{n}{}", "x".repeat(1000));
        claude.show(&use_tool(&id, "Bash", json!({}), None), &mut paper);
    }
    assert!(format!("{claude:?}").len() < 1_000_000);
}

#[test]
fn objects_of_other_agents_are_shown_by_the_texts_in_them() {
    let mut renderer = Renderer::new();
    for (printed, expected) in [
        (
            json!({"type": "item.completed", "item": {"type": "command_execution",
                   "command": "ls", "aggregated_output": "README.md", "status": "completed"}}),
            "item.completed command_execution completed:\n           ls\n           README.md\n",
        ),
        (
            json!({"type": "text", "part": {"type": "text", "text": "Hello."}}),
            "text text: Hello.\n",
        ),
        (
            json!({"type": "tool_use", "tool_name": "shell", "parameters": {"command": "ls"}}),
            "tool_use:\n           shell\n           {\"command\":\"ls\"}\n",
        ),
        (
            json!({"type": "turn.failed", "error": {"message": "no"}}),
            "turn.failed: no\n",
        ),
        (json!({}), "message:\n"),
    ] {
        let text = renderer.line(&line(What::Out(&printed.to_string(), false)));
        assert_eq!(text, format!("10:00:00 {expected}"));
    }
}

/// What recorded lines come to, without the times.
fn recorded(format: Output, lines: &[&str]) -> String {
    let mut renderer = of(format);
    let mut text = String::new();
    for printed in lines {
        text += &renderer.line(&line(What::Out(printed, false)));
    }
    text += &renderer.line(&line(What::End(&End::default())));
    text.replace("10:00:00 ", "")
}

#[test]
fn a_run_of_codex_is_told() {
    let lines = [
        r#"{"type":"thread.started","thread_id":"01a1feea-2efd-7500-a01f-499f136dc1a5"}"#,
        r#"{"type":"turn.started"}"#,
        r#"{"type":"error","message":"Reconnecting... 1/5 (stream disconnected before completion: error sending request)"}"#,
        r#"{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"/bin/bash -lc 'echo made > made.txt; ls'","aggregated_output":"made.txt\n","exit_code":0,"status":"completed"}}"#,
        r#"{"type":"item.completed","item":{"id":"item_2","type":"agent_message","text":"All done: made.txt is there."}}"#,
        r#"{"type":"turn.completed","usage":{"input_tokens":2000,"cached_input_tokens":1200,"cache_write_input_tokens":0,"output_tokens":100,"reasoning_output_tokens":20}}"#,
    ];
    assert_eq!(
        recorded(Output::CodexJson, &lines),
        "note: codex, conversation 01a1feea-2efd-7500-a01f-499f136dc1a5\n\
         note: Reconnecting... 1/5 (stream disconnected before completion: error sending request)\n\
         calls shell: $ /bin/bash -lc 'echo made > made.txt; ls'\n\
         shell answers: made.txt\n\
         agent: All done: made.txt is there.\n\
         turn: done; tokens: 2000 in, 100 out, 1200 of those in from cache\n=== end: \n"
    );
}

#[test]
fn a_run_of_opencode_is_told() {
    let lines = [
        r#"{"type":"step_start","timestamp":1795278262413,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"id":"prt_1","messageID":"msg_1","sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","type":"step-start"}}"#,
        r#"{"type":"tool_use","timestamp":1795278262997,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"type":"tool","tool":"bash","callID":"call_1","state":{"status":"completed","input":{"command":"echo made > made.txt; ls","description":"make"},"output":"made.txt\n","title":"echo made > made.txt; ls"}}}"#,
        r#"{"type":"step_finish","timestamp":1795278263188,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"id":"prt_2","reason":"tool-calls","type":"step-finish","tokens":{"total":1050,"input":400,"output":50,"reasoning":5,"cache":{"write":7,"read":600}},"cost":0.0012}}"#,
        r#"{"type":"text","timestamp":1795278263468,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"id":"prt_3","type":"text","text":"All done: made.txt is there."}}"#,
        r#"{"type":"step_finish","timestamp":1795278263634,"sessionID":"ses_e0113c60affeOoOiS6lmVxkqOa","part":{"id":"prt_4","reason":"stop","type":"step-finish","tokens":{"total":1050,"input":400,"output":50,"reasoning":0,"cache":{"write":0,"read":600}},"cost":0}}"#,
    ];
    assert_eq!(
        recorded(Output::OpencodeJson, &lines),
        "calls bash: $ echo made > made.txt; ls\nbash answers: made.txt\n\
         turn: tool-calls; tokens: 400 in, 50 out, 600 from cache, 7 to cache; $0.0012\n\
         agent: All done: made.txt is there.\n\
         turn: stop; tokens: 400 in, 50 out, 600 from cache\n=== end: \n"
    );
}

#[test]
fn a_run_of_gemini_is_told_with_its_messages_whole() {
    let lines = [
        r#"{"type":"init","timestamp":"2026-11-21T16:28:18.012Z","session_id":"11111111-1111-4111-8111-111111111111","model":"gemini-2.5-pro"}"#,
        r#"{"type":"message","timestamp":"2026-11-21T16:28:18.013Z","role":"user","content":"please make a file\n"}"#,
        r#"{"type":"tool_use","timestamp":"2026-11-21T16:28:18.249Z","tool_name":"run_shell_command","tool_id":"r_0","parameters":{"command":"echo made > made.txt; ls","description":"make"}}"#,
        r#"{"type":"tool_result","timestamp":"2026-11-21T16:28:18.697Z","tool_id":"r_0","status":"success","output":"made.txt"}"#,
        r#"{"type":"message","timestamp":"2026-11-21T16:28:18.776Z","role":"assistant","content":"All done: ","delta":true}"#,
        r#"{"type":"message","timestamp":"2026-11-21T16:28:18.777Z","role":"assistant","content":"made.txt is there.","delta":true}"#,
        r#"{"type":"result","timestamp":"2026-11-21T16:28:18.796Z","status":"success","stats":{"total_tokens":2120,"input_tokens":2000,"output_tokens":100,"cached":1200,"input":800,"duration_ms":784,"tool_calls":1,"models":{"gemini-x":{"total_tokens":2120,"input_tokens":2000,"output_tokens":100,"cached":1200,"input":800}}}}"#,
    ];
    let told = recorded(Output::GeminiStreamJson, &lines);
    assert_eq!(
        told,
        "note: gemini with gemini-2.5-pro\n\
         calls run_shell_command: $ echo made > made.txt; ls\n\
         run_shell_command answers: made.txt\n\
         agent: All done: made.txt is there.\n\
         turn: done; tokens: 2000 in, 100 out, 1200 of those in from cache\n=== end: \n"
    );
    // Also when it is cut off.
    let cut = recorded(Output::GeminiStreamJson, &lines[4..6]);
    assert_eq!(cut, "agent: All done: made.txt is there.\n=== end: \n");
}
