//! How each kind is called with its defaults.

use super::*;

/// The defaults of a kind, as a project gets them.
pub fn defaults(kind: &str) -> Backend {
    let all: toml::Table =
        toml::from_str(include_str!("../../../../templates/backends.toml")).unwrap();
    let mut backend = all[kind].as_table().unwrap().clone();
    backend.insert("kind".into(), kind.into());
    backend.try_into().unwrap()
}

fn line(backend: &Backend, model: Option<&str>, session: &Session) -> String {
    arguments(backend, model, session, None).join(" ")
}

#[test]
fn each_kind_begins_and_resumes_a_conversation() {
    let (new, old) = (Session::New("u".into()), Session::Resume("u".into()));
    let claude = r#"--dangerously-skip-permissions --settings {"disableAllHooks":true} --strict-mcp-config --more"#;
    let codex = "exec --json --dangerously-bypass-approvals-and-sandbox --skip-git-repo-check --model m --more";
    let gemini = "--output-format stream-json --approval-mode yolo --skip-trust --model m";
    for (kind, begun, resumed) in [
        (
            "claude",
            format!("-p --output-format stream-json --verbose --model m --session-id u {claude}"),
            format!("-p --output-format stream-json --verbose --model m --resume u {claude}"),
        ),
        ("codex", format!("{codex} -"), format!("{codex} resume u -")),
        (
            "opencode",
            "run --format json --auto --model m --more".into(),
            "run --format json --auto --model m --session u --more".into(),
        ),
        (
            "gemini",
            format!("{gemini} --session-id u --more"),
            format!("{gemini} --resume u --more"),
        ),
    ] {
        let backend = Backend {
            args: vec!["--more".into()],
            ..defaults(kind)
        };
        assert_eq!(line(&backend, Some("m"), &new), begun);
        assert_eq!(line(&backend, Some("m"), &old), resumed);
        assert!(!line(&backend, None, &new).contains("--model"), "{kind}");
        assert!(backend.resumes());
        assert_eq!(
            backend.names_sessions(),
            matches!(kind, "claude" | "gemini")
        );
        Patterns::new(&backend.patterns).unwrap();
    }
}

#[test]
fn the_smallest_budget_counts() {
    for (given, left, expected) in [
        (
            &["--max-turns", "9"][..],
            Some(1_500_000),
            "--max-turns 9 --max-budget-usd 1.5",
        ),
        (&[], Some(3), "--max-budget-usd 0.000003"),
        (&[], None, ""),
        (
            &["--max-budget-usd", "2"],
            Some(1_500_000),
            "--max-budget-usd 2 --max-budget-usd 1.5",
        ),
        (
            &["--max-budget-usd", "1"],
            Some(1_500_000),
            "--max-budget-usd 1",
        ),
        (
            &["--max-budget-usd", "much"],
            Some(1_000_000),
            "--max-budget-usd much --max-budget-usd 1",
        ),
        (
            &["--max-budget-usd"],
            Some(1_000_000),
            "--max-budget-usd --max-budget-usd 1",
        ),
    ] {
        let backend = Backend {
            args: given.iter().map(|word| (*word).to_owned()).collect(),
            ..defaults("claude")
        };
        let words = arguments(&backend, None, &Session::New("u".into()), left.map(Usd));
        let line = words.join(" ");
        let after = line.split_once("--strict-mcp-config").unwrap().1.trim();
        assert_eq!(after, expected);
        let codex = arguments(&defaults("codex"), None, &Session::start(), left.map(Usd));
        assert!(!codex.join(" ").contains("usd"), "it takes none");
    }
}

#[test]
fn a_prompt_goes_where_it_is_wanted() {
    for (words, expected) in [
        (
            vec!["--ask", "{prompt}", "--yes"],
            vec!["--ask", "P", "--yes"],
        ),
        (vec!["--ask={prompt}"], vec!["--ask=P"]),
        (vec!["run"], vec!["run", "P"]),
    ] {
        let mut words: Vec<String> = words.into_iter().map(Into::into).collect();
        pass(&mut words, PROMPT, "P").unwrap();
        assert_eq!(words, expected);
    }
}

#[test]
fn a_prompt_is_not_read_for_marks_and_not_longer_than_an_argument() {
    let mut words = vec!["{prompt}".to_owned()];
    pass(&mut words, PROMPT, "{session} {model} {args}").unwrap();
    assert_eq!(words, ["{session} {model} {args}"]);
    let long = "x".repeat(ARGUMENT_LIMIT + 1);
    let error = pass(&mut vec![], PROMPT, &long).unwrap_err().to_string();
    assert!(error.contains("131072 bytes"), "{error}");
}
