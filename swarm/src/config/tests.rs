//! What the sentences of a broken configuration say.

use super::*;

fn sentence(text: &str) -> String {
    let error = Config::parse(text, Path::new("config.toml")).unwrap_err();
    error.to_string()
}

#[test]
fn an_empty_file_is_the_default() {
    let config = Config::parse("", Path::new("config.toml")).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn a_broken_file_names_key_expectation_and_file() {
    let table = [
        (
            "[agents]\ncount = \"three\"",
            vec!["agents.count", "expected u32"],
        ),
        ("[agents]\ncount = 0", vec!["agents.count", "from 1 to 64"]),
        (
            "[agents]\ncolour = 1",
            vec!["agents", "unknown field `colour`", "timeout_minutes"],
        ),
        (
            "[agent]\ncount = 1",
            vec!["unknown field `agent`", "`agents`"],
        ),
        (
            "[limits]\nmemory = \"lots\"",
            vec!["limits.memory", "\"4g\""],
        ),
        (
            "[limits]\ncpus = \"2\"",
            vec!["limits.cpus", "expected f64"],
        ),
        (
            "[network]\naccess = \"none\"",
            vec!["network.access", "`hub-only`"],
        ),
        (
            "[agents.backend]\nkind = \"telepathy\"",
            vec!["agents.backend", "`command`"],
        ),
        (
            "[agents.backend]\nkind = \"command\"",
            vec!["agents.backend", "missing field `program`"],
        ),
        ("[agents.env]\n\"A B\" = \"x\"", vec!["agents.env", "'A B'"]),
        (
            "[agents.env]\nTICKET_TOKEN = \"x\"",
            vec!["agents.env.TICKET_TOKEN"],
        ),
        ("[monitor]\nport = 70000", vec!["monitor.port", "u16"]),
        (
            "[project]\nbranch = \"a..b\"",
            vec!["project.branch", "a branch name"],
        ),
        (
            "[queue]\nlease_seconds = 1",
            vec!["queue.lease_seconds", "10"],
        ),
        ("[agents]\n\ncount = = 3", vec!["line 3"]),
    ];
    for (text, words) in table {
        let sentence = sentence(text);
        assert!(!sentence.contains('\n'), "{sentence:?}");
        assert!(sentence.ends_with("in config.toml"), "{sentence}");
        for word in words {
            assert!(
                sentence.contains(word),
                "{text:?} gives {sentence:?}, without {word:?}"
            );
        }
    }
}

#[test]
fn both_backends_are_tables() {
    let text = "[agents.backend]\nkind = \"command\"\nprogram = \"demo-agent\"\nargs = [\"-x\"]\n";
    let config = Config::parse(text, Path::new("c")).unwrap();
    assert!(!config.needs_credentials());
    assert!(Config::default().needs_credentials());
}
