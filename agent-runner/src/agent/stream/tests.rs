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
            said
        }
    );
    let in_words = run(false, &[INIT, LIMIT_RESULT], Exit::Code(1), "");
    assert!(
        matches!(&in_words, Ending::RateLimited { limit, .. }
            if limit.resets_at.is_some_and(|at| at % (24 * 3600) == 10 * 3600)),
        "{in_words:?}"
    );
    for (said, resets_at) in [
        (
            "Claude AI usage limit reached|1755615600",
            Some(1_755_615_600),
        ),
        ("You've hit your limit · resets whenever", None),
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
fn a_limit_that_is_told_in_words_ends_when_they_say() {
    let result = r#"{"type":"result","subtype":"success","is_error":true,"num_turns":1,"result":"You've hit your limit · resets 4:50am (Europe/Rome)"}"#;
    let Ending::RateLimited { limit, .. } = run(false, &[INIT, result], Exit::Code(1), "") else {
        panic!("no limit was seen");
    };
    let at = limit.resets_at.unwrap() % (24 * 3600);
    let (winter, summer) = (3 * 3600 + 50 * 60, 2 * 3600 + 50 * 60);
    assert!(at == winter || at == summer, "{at}");
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

mod counting {
    use std::fs;
    use std::os::unix::fs::symlink;

    use ticket::usage::Usage;

    use super::*;

    /// An assistant line: its message's id and model, its tokens, and a block of text.
    fn said(id: &str, model: &str, [input, output, read, write]: [u64; 4], text: &str) -> String {
        format!(
            r#"{{"type":"assistant","message":{{"id":"{id}","model":"{model}","content":[{{"type":"text","text":"{text}"}}],"usage":{{"input_tokens":{input},"output_tokens":{output},"cache_read_input_tokens":{read},"cache_creation_input_tokens":{write},"service_tier":"standard"}},"stop_reason":null}},"parent_tool_use_id":null,"session_id":"s"}}"#
        )
    }

    /// One model of a result.
    fn of_model(model: &str, [input, output, read, write]: [u64; 4], cost: &str) -> String {
        format!(
            r#""{model}":{{"inputTokens":{input},"outputTokens":{output},"cacheReadInputTokens":{read},"cacheCreationInputTokens":{write},"webSearchRequests":0,"costUSD":{cost},"contextWindow":1000000,"costBasis":"list"}}"#
        )
    }

    /// A result; without `since` as 2.1.197 prints it.
    fn result(since: Option<&str>, whole: &str) -> String {
        let since = since.map_or(String::new(), |since| {
            format!(r#","model_usage_since_last_result":{{{since}}}"#)
        });
        format!(
            r#"{{"type":"result","subtype":"success","is_error":false,"num_turns":3,"result":"Done.","total_cost_usd":9.9,"usage":{{"input_tokens":1,"output_tokens":1}},"modelUsage":{{{whole}}}{since}}}"#
        )
    }

    fn transcript(lines: &[String]) -> Transcript {
        let mut transcript = Transcript::new(true);
        for line in lines {
            transcript.line(line, false);
        }
        transcript
    }

    fn used(model: &str, tokens: [u64; 4], cost_microusd: Option<u64>) -> ModelUsage {
        let [
            input_tokens,
            output_tokens,
            cache_read_tokens,
            cache_write_tokens,
        ] = tokens;
        ModelUsage {
            model: model.into(),
            usage: Usage {
                input_tokens,
                output_tokens,
                cache_read_tokens,
                cache_write_tokens,
                cost_microusd,
            },
        }
    }

    const OPUS: &str = "claude-opus-5-5";
    const HAIKU: &str = "claude-haiku-5-5";

    #[test]
    fn a_run_used_what_its_results_say_since_the_last_one() {
        let recorded = of_model(OPUS, [84, 127, 4266, 0], "0.0037292000000000002");
        let before = of_model(OPUS, [900, 900, 900, 900], "5.5");
        let half = of_model(HAIKU, [10, 20, 30, 40], "0.01");
        for (what, lines, expected) in [
            (
                "one result of a resumed conversation, whose total goes on",
                vec![result(Some(&recorded), &before)],
                vec![used(OPUS, [84, 127, 4266, 0], Some(3729))],
            ),
            (
                "two results, as background work makes them",
                vec![
                    said("m1", OPUS, [84, 1, 4266, 0], "a"),
                    result(Some(&recorded), &recorded),
                    said("m2", OPUS, [84, 1, 4266, 0], "a"),
                    result(Some(&format!("{recorded},{half}")), &before),
                ],
                vec![
                    used(HAIKU, [10, 20, 30, 40], Some(10_000)),
                    used(OPUS, [168, 254, 8532, 0], Some(7458)),
                ],
            ),
            (
                "2.1.197 says what the whole run used, in each result",
                vec![result(None, &half), result(None, &recorded)],
                vec![used(OPUS, [84, 127, 4266, 0], Some(3729))],
            ),
            (
                "nothing at all",
                vec![INIT.to_owned(), result(Some(""), "")],
                vec![],
            ),
            (
                "a price that the CLI makes up is none",
                vec![result(
                    Some(&of_model("strange", [1, 2, 3, 4], "0.42").replace("list", "unknown")),
                    "",
                )],
                vec![used("strange", [1, 2, 3, 4], None)],
            ),
            (
                "numbers that are none",
                vec![result(
                    Some(r#""x":{"inputTokens":-1,"outputTokens":"9","costUSD":-5}"#),
                    "",
                )],
                vec![],
            ),
        ] {
            assert_eq!(transcript(&lines).usage(), expected, "{what}");
            assert_eq!(transcript(&lines).final_usage(), expected, "{what}");
        }
    }

    #[test]
    fn until_a_result_each_message_counts_once() {
        let text = "x".repeat(400);
        let lines = [
            said("m1", OPUS, [10, 1, 100, 5], &text),
            said("m1", OPUS, [10, 1, 100, 5], &text),
            said("m2", OPUS, [20, 3, 200, 0], "short"),
            said("m3", HAIKU, [7, 50, 0, 0], "in a subagent"),
            said("m4", "<synthetic>", [0, 0, 0, 0], "API Error"),
        ];
        let guessed = [
            used(HAIKU, [7, 50, 0, 0], None),
            used(OPUS, [30, 203, 300, 5], None),
        ];
        assert_eq!(transcript(&lines).usage(), guessed);
        let whole = of_model(OPUS, [31, 250, 300, 5], "0.02");
        let mut with_result = lines.to_vec();
        with_result.push(result(Some(&whole), &whole));
        assert_eq!(
            transcript(&with_result).usage(),
            [used(OPUS, [31, 250, 300, 5], Some(20_000))]
        );
        with_result.push(said("m5", OPUS, [1, 1, 0, 0], "and on"));
        assert_eq!(
            transcript(&with_result).usage(),
            [used(OPUS, [32, 251, 300, 5], None)],
            "the guess has no price yet"
        );
    }

    #[test]
    fn many_messages_are_added_up_within_bounds() {
        let lines: Vec<String> = (0..10_000)
            .map(|n| said(&format!("m{n}"), OPUS, [1, 1, 0, 0], ""))
            .collect();
        assert_eq!(
            transcript(&lines).usage(),
            [used(OPUS, [10_000, 10_000, 0, 0], None)]
        );
    }

    #[test]
    fn a_cut_run_counts_what_the_conversation_has_of_it() {
        let home = tempfile::tempdir().unwrap();
        let project = home.path().join("projects/-work");
        let subagents = project.join("s/subagents");
        fs::create_dir_all(&subagents).unwrap();
        let main = project.join("s.jsonl");
        let earlier = said("m0", OPUS, [999, 999, 999, 999], "an earlier run");
        fs::write(&main, format!("{earlier}\n")).unwrap();
        let archive = Archive::before(home.path(), "s");

        let lines = [
            said("m1", OPUS, [10, 1, 100, 5], "hello"),
            said("m2", OPUS, [20, 1, 200, 0], "hello"),
        ];
        let cut = transcript(&lines).with_archive(archive.clone());
        assert_eq!(
            cut.final_usage(),
            [used(OPUS, [30, 2, 300, 5], None)],
            "nothing was written"
        );

        let written = [
            &*earlier,
            &said("m1", OPUS, [10, 77, 100, 5], "hello"),
            &said("m1", OPUS, [10, 77, 100, 5], "hello"),
            r#"{"type":"cost-state","totalCostUSD":1.6}"#,
            "{broken",
        ];
        fs::write(&main, written.join("\n")).unwrap();
        let of_subagent = said("m9", HAIKU, [5, 6, 7, 8], "");
        fs::write(subagents.join("agent-1.jsonl"), of_subagent).unwrap();
        fs::write(subagents.join("agent-1.meta.json"), &earlier).unwrap();
        symlink("/dev/zero", project.join("link.jsonl")).unwrap();
        symlink("/dev/zero", subagents.join("agent-2.jsonl")).unwrap();
        nix::unistd::mkfifo(
            &subagents.join("agent-3.jsonl"),
            nix::sys::stat::Mode::S_IRWXU,
        )
        .unwrap();
        assert_eq!(
            cut.final_usage(),
            [
                used(HAIKU, [5, 6, 7, 8], None),
                used(OPUS, [30, 78, 300, 5], None)
            ],
        );

        let whole = of_model(OPUS, [1, 2, 3, 4], "0.5");
        let mut ended = lines.to_vec();
        ended.push(result(Some(&whole), &whole));
        assert_eq!(
            transcript(&ended).with_archive(archive).final_usage(),
            [used(OPUS, [1, 2, 3, 4], Some(500_000))],
            "a result says it better"
        );
    }
}
