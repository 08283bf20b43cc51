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
            vec!["agents.backend", "telepathy", "\"codex\"", "\"command\""],
        ),
        (
            "[agents.backend]\nkind = \"command\"",
            vec!["agents.backend", "missing field `program`"],
        ),
        (
            "[agents.backend]\nprogram = \"x\"",
            vec!["agents.backend", "missing field `kind`", "\"gemini\""],
        ),
        (
            "[agents.backend]\nkind = \"codex\"\noutput = \"xml\"",
            vec!["agents.backend", "output", "`codex-json`", "`text`"],
        ),
        (
            "[agents.backend]\nkind = \"codex\"\ncolour = 1",
            vec!["agents.backend", "unknown field `colour`", "`model_flag`"],
        ),
        (
            "[backends.x]\nkind = \"codex\"\n[backends.x.patterns]\nlimit = [\"(\"]",
            vec!["backends.x.patterns.limit", "'('", "unclosed group"],
        ),
        (
            "[agents.backend.patterns]\nsession = ['id (.*)']\n[agents.backend]\nkind = \"command\"\nprogram = \"x\"",
            vec!["agents.backend.patterns.session", "(?P<session>"],
        ),
        (
            "[agents.backend]\nkind = \"codex\"\nresume = [\"resume\", \"{sesion}\"]",
            vec!["agents.backend.resume", "{sesion}", "{session}"],
        ),
        (
            "[agents.backend]\nkind = \"command\"\nprogram = \"x\"\nargs = [\"{prompt}\"]",
            vec!["agents.backend.args", "prompt = \"argument\""],
        ),
        (
            "[agents.backend]\nkind = \"codex\"\nsecrets = [\"A B\"]",
            vec!["agents.backend.secrets", "'A B'"],
        ),
        (
            "[backends.claude]\nkind = \"claude\"",
            vec!["backends.claude", "another name"],
        ),
        (
            "[agents.roles.mend]\nbackend = \"other\"",
            vec!["agents.roles.mend.backend", "[backends.other]", "codex"],
        ),
        (
            "[agents.roles.dream]\nmodel = \"x\"",
            vec!["agents.roles", "`propose`"],
        ),
        (
            "[agents.backend]\nkind = \"command\"\nprogram = \"x\"\n[agents.roles.work]\nmodel = \"m\"",
            vec!["agents.roles.work.model", "model_flag"],
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
        (
            "[budgets]\nmax_usd_per_day = 0",
            vec!["budgets.max_usd_per_day", "above 0"],
        ),
        (
            "[budgets]\nmax_usd_per_ticket = \"five\"",
            vec!["budgets.max_usd_per_ticket", "expected f64"],
        ),
        (
            "[prices.\"house-*\"]\ninput = 1",
            vec!["prices.house-*", "missing field `output`"],
        ),
        (
            "[prices.\"house-*\"]\ninput = -1\noutput = 2",
            vec!["prices.\"house-*\"", "per million tokens"],
        ),
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

fn parsed(text: &str) -> Config {
    Config::parse(text, Path::new("c")).unwrap()
}

#[test]
fn every_kind_has_defaults_that_make_sense() {
    use ticket::backend::Kind;
    for kind in Kind::ALL {
        let text = format!("[agents.backend]\nkind = \"{kind}\"\nprogram = \"p\"\n");
        let backend = parsed(&text).agents.backend;
        assert_eq!((backend.kind, backend.name.as_str()), (kind, kind.as_str()));
        assert_eq!(backend.program, "p");
        assert_eq!(backend.resumes(), kind != Kind::Command, "{kind}");
    }
    let text = "[agents.backend]\nkind = \"command\"\nprogram = \"demo-agent\"\nargs = [\"-x\"]\n";
    assert!(!parsed(text).needs_credentials());
    assert!(Config::default().needs_credentials());
}

#[test]
fn what_a_backend_says_is_laid_over_its_kind() {
    let text = "[backends.mine]\nkind = \"codex\"\nprogram = \"my-codex\"\n\
                env = { HTTPS_PROXY = \"http://p\" }\npatterns = { limit = ['stop'] }\n";
    let mine = parsed(text).backends["mine"].clone();
    let codex = backend::defaults(ticket::backend::Kind::Codex);
    assert_eq!(mine.name, "mine");
    assert_eq!(mine.program, "my-codex");
    assert_eq!(mine.resume, codex.resume);
    assert_eq!(mine.patterns.limit, ["stop"]);
    assert_eq!(mine.patterns.auth, codex.patterns.auth);
    assert_eq!(mine.env["HTTPS_PROXY"], "http://p");
}

#[test]
fn roles_choose_their_agent_cli_and_model() {
    let names = |text: &str| {
        let config = parsed(text);
        [Role::Work, Role::Mend, Role::Propose].map(|role| {
            let cli = config.cli(role);
            format!("{} {}", cli.backend.name, cli.model.unwrap_or_default())
        })
    };
    let all = |what: &str| [what, what, what].map(String::from);
    assert_eq!(names(""), all("claude "));
    assert_eq!(names("[agents]\nmodel = \"m\""), all("claude m"));
    let text = "[agents]\nmodel = \"m\"\n\
                [agents.roles.propose]\nmodel = \"cheap\"\n\
                [agents.roles.work]\nbackend = \"gemini\"\n";
    assert_eq!(names(text), ["gemini ", "gemini ", "claude cheap"]);
    let text =
        "[agents.roles.mend]\nbackend = \"x\"\nmodel = \"m\"\n[backends.x]\nkind = \"codex\"\n";
    assert_eq!(names(text), ["claude ", "x m", "claude "]);
    assert_eq!(parsed(text).clis().len(), 2);
    let settings = parsed(text).agent_settings(Role::Work, BTreeMap::new(), BTreeMap::new());
    assert_eq!(settings.mend.unwrap().backend.name, "x");
    let settings = parsed("").agent_settings(Role::Work, BTreeMap::new(), BTreeMap::new());
    assert_eq!(settings.mend, None);
}

#[test]
fn an_opencode_model_says_which_key_is_needed() {
    let text = |model: &str, more: &str| {
        format!("[agents]\nmodel = \"{model}\"\n[agents.backend]\nkind = \"opencode\"\n{more}")
    };
    let secrets = |text: &str| parsed(text).cli(Role::Work).backend.secrets;
    assert_eq!(secrets(&text("openai/gpt-5", "")), ["OPENAI_API_KEY"]);
    assert_eq!(secrets(&text("mine/m", "")).len(), 1);
    assert_eq!(
        secrets(&text("openai/m", "secrets = [\"MY_KEY\"]")),
        ["MY_KEY"]
    );
}
