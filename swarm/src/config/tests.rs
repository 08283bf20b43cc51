//! What the sentences of a broken configuration say.

use super::*;

fn sentence(text: &str) -> String {
    let error = Config::parse(text, Path::new("config.json")).unwrap_err();
    error.to_string()
}

#[test]
fn an_empty_file_is_the_default() {
    let config = Config::parse("{}", Path::new("config.json")).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn a_broken_file_names_key_expectation_and_file() {
    let table = [
        (
            r#"{"agents": {"count": "three"}}"#,
            vec![
                "agents.count",
                "expected a whole number from 1 to 64, not \"three\"",
            ],
        ),
        (
            r#"{"agents": {"count": 0}}"#,
            vec!["agents.count", "from 1 to 64"],
        ),
        (
            r#"{"agents": {"colour": 1}}"#,
            vec!["agents.colour: there is no such key", "timeout_minutes"],
        ),
        (
            r#"{"agent": {"count": 1}}"#,
            vec!["agent: there is no such key", "did you mean agents?"],
        ),
        (
            r#"{"limits": {"memory": "lots"}}"#,
            vec!["limits.memory", "\"4g\""],
        ),
        (
            r#"{"limits": {"cpus": "2"}}"#,
            vec!["limits.cpus", "expected a number"],
        ),
        (
            r#"{"network": {"access": "none"}}"#,
            vec!["network.access", "\"hub-only\""],
        ),
        (
            r#"{"agents": {"backend": {"kind": "telepathy"}}}"#,
            vec!["agents.backend", "telepathy", "\"codex\"", "\"command\""],
        ),
        (
            r#"{"agents": {"backend": {"kind": "command"}}}"#,
            vec!["agents.backend", "missing field `program`"],
        ),
        (
            r#"{"agents": {"backend": {"program": "x"}}}"#,
            vec!["agents.backend", "kind is missing", "\"gemini\""],
        ),
        (
            r#"{"agents": {"backend": {"kind": "codex", "output": "xml"}}}"#,
            vec!["agents.backend.output", "\"codex-json\"", "\"text\""],
        ),
        (
            r#"{"agents": {"backend": {"kind": "codex", "colour": 1}}}"#,
            vec!["agents.backend.colour: there is no such key", "model_flag"],
        ),
        (
            r#"{"backends": {"x": {"kind": "codex", "patterns": {"limit": ["("]}}}}"#,
            vec!["backends.x.patterns.limit", "'('", "unclosed group"],
        ),
        (
            r#"{"agents": {"backend": {"patterns": {"session": ["id (.*)"]}, "kind": "command", "program": "x"}}}"#,
            vec!["agents.backend.patterns.session", "(?P<session>"],
        ),
        (
            r#"{"agents": {"backend": {"kind": "codex", "resume": ["resume", "{sesion}"]}}}"#,
            vec!["agents.backend.resume", "{sesion}", "{session}"],
        ),
        (
            r#"{"agents": {"backend": {"kind": "command", "program": "x", "args": ["{prompt}"]}}}"#,
            vec!["agents.backend.args", "prompt = \"argument\""],
        ),
        (
            r#"{"agents": {"backend": {"kind": "codex", "secrets": ["A B"]}}}"#,
            vec!["agents.backend.secrets", "'A B'"],
        ),
        (
            r#"{"backends": {"claude": {"kind": "claude"}}}"#,
            vec!["backends.claude", "another name"],
        ),
        (
            r#"{"agents": {"roles": {"mend": {"backend": "other"}}}}"#,
            vec!["agents.roles.mend.backend", "backends.other", "codex"],
        ),
        (
            r#"{"agents": {"roles": {"dream": {"model": "x"}}}}"#,
            vec!["agents.roles.dream", "propose"],
        ),
        (
            r#"{"agents": {"backend": {"kind": "command", "program": "x"}, "roles": {"work": {"model": "m"}}}}"#,
            vec!["agents.roles.work.model", "model_flag"],
        ),
        (
            r#"{"agents": {"env": {"A B": "x"}}}"#,
            vec!["agents.env", "'A B'"],
        ),
        (
            r#"{"agents": {"env": {"TICKET_TOKEN": "x"}}}"#,
            vec!["agents.env.TICKET_TOKEN"],
        ),
        (
            r#"{"monitor": {"port": 70000}}"#,
            vec!["monitor.port", "from 1 to 65535, not 70000"],
        ),
        (
            r#"{"project": {"branch": "a..b"}}"#,
            vec!["project.branch", "a branch name"],
        ),
        (
            r#"{"queue": {"lease_seconds": 1}}"#,
            vec!["queue.lease_seconds", "10"],
        ),
        ("{\n\"agents\": = 3}", vec!["line 2", "not JSON"]),
        (
            r#"{"budgets": {"max_usd_per_day": 0}}"#,
            vec!["budgets.max_usd_per_day", "above 0"],
        ),
        (
            r#"{"budgets": {"max_usd_per_ticket": "five"}}"#,
            vec!["budgets.max_usd_per_ticket", "expected a number"],
        ),
        (
            r#"{"prices": {"house-*": {"input": 1}}}"#,
            vec![
                "prices.house-*",
                "output is missing: expected a number from 0",
            ],
        ),
        (
            r#"{"prices": {"house-*": {"input": -1, "output": 2}}}"#,
            vec!["prices.house-*.input", "from 0 to 100000, not -1"],
        ),
    ];
    for (text, words) in table {
        let sentence = sentence(text);
        assert!(!sentence.contains('\n'), "{sentence:?}");
        assert!(sentence.starts_with("config.json: "), "{sentence}");
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
        let text = format!(r#"{{"agents": {{"backend": {{"kind": "{kind}", "program": "p"}}}}}}"#);
        let backend = parsed(&text).agents.backend;
        assert_eq!((backend.kind, backend.name.as_str()), (kind, kind.as_str()));
        assert_eq!(backend.program, "p");
        assert_eq!(backend.resumes(), kind != Kind::Command, "{kind}");
    }
    let text =
        r#"{"agents": {"backend": {"kind": "command", "program": "demo-agent", "args": ["-x"]}}}"#;
    assert!(!parsed(text).needs_credentials());
    assert!(Config::default().needs_credentials());
}

#[test]
fn what_a_backend_says_is_laid_over_its_kind() {
    let text = r#"{"backends": {"mine": {"kind": "codex", "program": "my-codex", "env": {"HTTPS_PROXY": "http://p"}, "patterns": {"limit": ["stop"]}}}}"#;
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
    assert_eq!(names("{}"), all("claude "));
    assert_eq!(names(r#"{"agents": {"model": "m"}}"#), all("claude m"));
    let text = r#"{"agents": {"model": "m", "roles": {"propose": {"model": "cheap"}, "work": {"backend": "gemini"}}}}"#;
    assert_eq!(names(text), ["gemini ", "gemini ", "claude cheap"]);
    let text = r#"{"agents": {"roles": {"mend": {"backend": "x", "model": "m"}}}, "backends": {"x": {"kind": "codex"}}}"#;
    assert_eq!(names(text), ["claude ", "x m", "claude "]);
    assert_eq!(parsed(text).clis().len(), 2);
    let settings = parsed(text).agent_settings(Role::Work, BTreeMap::new(), BTreeMap::new());
    assert_eq!(settings.mend.unwrap().backend.name, "x");
    let settings = parsed("{}").agent_settings(Role::Work, BTreeMap::new(), BTreeMap::new());
    assert_eq!(settings.mend, None);
}

#[test]
fn an_opencode_model_says_which_key_is_needed() {
    let text = |model: &str, more: &str| {
        format!(r#"{{"agents": {{"model": "{model}", "backend": {{"kind": "opencode"{more}}}}}}}"#)
    };
    let secrets = |text: &str| parsed(text).cli(Role::Work).backend.secrets;
    assert_eq!(secrets(&text("openai/gpt-5", "")), ["OPENAI_API_KEY"]);
    assert_eq!(secrets(&text("mine/m", "")).len(), 1);
    assert_eq!(
        secrets(&text("openai/m", r#", "secrets": ["MY_KEY"]"#)),
        ["MY_KEY"]
    );
}

#[test]
fn bounds_of_the_schema_are_the_bounds_of_the_file() {
    for key in schema::keys() {
        let schema = schema::object(key.schema);
        for (bound, inside, outside) in [
            ("minimum", 0.0, -1.0),
            ("maximum", 0.0, 1.0),
            ("exclusiveMinimum", 1.0, 0.0),
        ] {
            let Some(bound) = schema[bound].as_f64() else {
                continue;
            };
            let is_size = schema.get("pattern").is_some();
            if is_size || key.path.contains(&"backends") {
                continue;
            }
            for (step, good) in [(inside, true), (outside, false)] {
                let number = bound + step;
                let number = match schema["type"].to_string().contains("integer") {
                    true => format!("{number:.0}"),
                    false => number.to_string(),
                };
                let text = key.path.iter().rev().fold(number.clone(), |text, name| {
                    format!("{{\"{name}\": {text}}}")
                });
                let read = Config::parse(&text, Path::new("c"));
                assert_eq!(read.is_ok(), good, "{text}: {read:?}");
            }
        }
    }
}

/// Every word of JSON Schema that the checks know, so that none is passed over.
#[test]
fn the_schema_uses_only_what_is_checked() {
    fn look(schema: &serde_json::Value, names: bool) {
        let Some(object) = schema.as_object() else {
            return;
        };
        for (word, inner) in object {
            if names {
                look(inner, false);
                continue;
            }
            match word.as_str() {
                "properties" => look(inner, true),
                "items" | "additionalProperties" => look(inner, false),
                "anyOf" => inner
                    .as_array()
                    .unwrap()
                    .iter()
                    .for_each(|one| look(one, false)),
                "$schema" | "title" | "description" | "type" | "default" | "oneOf" | "enum"
                | "const" | "required" | "minimum" | "maximum" | "exclusiveMinimum" | "pattern"
                | "x-restart" => {}
                other => panic!("{other} in {schema}"),
            }
        }
    }
    look(schema::schema(), false);
}

#[test]
fn every_key_is_described() {
    for key in schema::keys() {
        let said = key.schema["description"].as_str().unwrap_or_default();
        assert!(said.len() > 8, "{:?}: {said:?}", key.path);
        assert_eq!(schema::at(&key.path).unwrap().0, key.schema);
    }
    assert_eq!(schema::at(&["agents", "colour"]), None);
    assert!(schema::at(&["prices", "gpt-5.1", "input"]).is_some());
}

/// Types of other crates have their keys and words written down here once more.
#[test]
fn what_the_schema_says_of_others_is_what_they_are() {
    let names = |path: &[&str]| {
        let (place, _) = schema::at(path).unwrap();
        let names = schema::properties(place).unwrap().keys();
        names.cloned().collect::<Vec<String>>()
    };
    let fields = |value: serde_json::Value| {
        let fields = value.as_object().unwrap().keys();
        fields.cloned().collect::<Vec<String>>()
    };
    let claude = backend::defaults(ticket::backend::Kind::Claude);
    let mut backend = fields(serde_json::to_value(&claude).unwrap());
    backend.retain(|name| name != "name");
    assert_eq!(names(&["agents", "backend"]), backend);
    assert_eq!(names(&["backends", "x"]), backend);
    let patterns = fields(serde_json::to_value(&claude.patterns).unwrap());
    assert_eq!(names(&["agents", "backend", "patterns"]), patterns);
    let budgets = fields(serde_json::to_value(Budgets::default()).unwrap());
    assert_eq!(names(&["budgets"]), budgets);
    assert_eq!(names(&["agents", "roles"]), ["mend", "propose", "work"]);

    let words = |path: &[&str]| {
        let (place, _) = schema::at(path).unwrap();
        fit::words(schema::object(place)).unwrap()
    };
    let kinds = ticket::backend::Kind::ALL.map(ticket::backend::Kind::as_str);
    assert_eq!(words(&["agents", "backend", "kind"]), kinds);
    for word in words(&["agents", "backend", "output"]) {
        serde_json::from_value::<ticket::backend::Output>(word.into()).unwrap();
    }
    for word in words(&["agents", "backend", "prompt"]) {
        serde_json::from_value::<ticket::backend::PromptBy>(word.into()).unwrap();
    }
    let (events, _) = schema::at(&["notify", "events"]).unwrap();
    let kinds = ticket::notice::Kind::ALL.map(ticket::notice::Kind::as_str);
    assert_eq!(fit::words(&events["items"]).unwrap(), kinds);
}

/// The schema's mark says of each key whether a running hub takes it over.
#[test]
fn what_needs_a_restart_is_marked_so() {
    let running = Config::default();
    for key in schema::keys() {
        let Some(other) = another(&key) else {
            continue;
        };
        let text = key.path.iter().rev().fold(other.to_string(), |text, name| {
            match key.path.starts_with(&["agents", "backend"]) && *name == "backend" {
                true => format!("{{\"backend\": {}}}", with_kind(&text)),
                false => format!("{{\"{name}\": {text}}}"),
            }
        });
        let new = match Config::parse(&text, Path::new("c")) {
            Ok(new) => new,
            Err(error) => panic!("{text}: {error}"),
        };
        assert_ne!(new, running, "{text} changes nothing");
        let taken = in_force::after(&running, new) != running;
        assert_eq!(taken, !key.restart, "{:?}", key.path);
    }
}

fn with_kind(text: &str) -> String {
    let mut backend: serde_json::Value = serde_json::from_str(text).unwrap();
    if backend.get("kind").is_none() {
        backend["kind"] = "claude".into();
    }
    backend.to_string()
}

/// A value for the key that is not its default.
fn another(key: &schema::Key) -> Option<serde_json::Value> {
    use serde_json::json;
    let special = match key.path.join(".").as_str() {
        "agents.env" | "agents.backend.env" => Some(json!({"A": "b"})),
        "notify.ntfy" => Some(json!("https://ntfy.sh/abc")),
        "notify.webhook" | "notify.page" => Some(json!("https://example.org")),
        "agents.backend.patterns.session" => Some(json!(["(?P<session>x)"])),
        "agents.backend.kind" => Some(json!("codex")),
        // Each needs others beside it.
        "notify.reply_topic" => return None,
        path if path.starts_with("notify.mail") || path.ends_with(".backend") => return None,
        path if path.starts_with("agents.backend.env") => return None,
        _ => None,
    };
    if special.is_some() {
        return special;
    }
    let schema = schema::object(key.schema);
    if let Some(words) = fit::words(schema) {
        let default = schema["default"].as_str().unwrap_or("stdin");
        let other = words
            .into_iter()
            .find(|word| *word != default && *word != "claude-stream-json");
        return other.map(Into::into);
    }
    let default = &schema["default"];
    let kind = schema["type"].to_string();
    Some(match () {
        () if schema.get("pattern").is_some() => json!("1g"),
        () if kind.contains("integer") => json!(default.as_i64().unwrap_or(1) + 1),
        () if kind.contains("number") => json!(default.as_f64().unwrap_or(1.0) + 1.0),
        () if kind.contains("boolean") => {
            let set = default
                .as_bool()
                .or(key.path.contains(&"attaches_files").then_some(true));
            json!(!set.unwrap_or(false))
        }
        () if kind.contains("array") => match schema["items"].get("oneOf") {
            Some(_) => json!(["limit"]),
            None => json!(["SOMETHING"]),
        },
        () if kind.contains("string") => json!("another"),
        // Names are free: budgets and prices are looked at by their keys.
        () => return None,
    })
}

#[test]
fn everything_that_is_wrong_is_said() {
    let text =
        r#"{"agents": {"cuont": 1, "stall_minutes": "x"}, "stall_minutes": 3, "monitor": 1}"#;
    let wrong = Layers::of(text, Vec::new(), Vec::new()).unwrap_err();
    let said: Vec<String> = wrong.iter().map(|wrong| wrong.fault.to_string()).collect();
    assert_eq!(said.len(), 4, "{said:#?}");
    assert!(said[0].ends_with("did you mean agents.count?"), "{said:#?}");
    assert!(said[1].starts_with("agents.stall_minutes: expected a whole number from 0 to 10080"));
    assert_eq!(
        said[2],
        "monitor: expected an object, as {\"KEY\": VALUE}, not 1"
    );
    assert!(
        said[3].contains("did you mean agents.stall_minutes?"),
        "{said:#?}"
    );
}

#[test]
fn a_topic_is_not_repeated() {
    let wrong = sentence(r#"{"notify": {"ntfy": ["https://ntfy.sh/hidden"]}}"#);
    assert!(
        wrong.contains("notify.ntfy: expected text") && !wrong.contains("hidden"),
        "{wrong}"
    );
}

#[test]
fn the_environment_goes_before_the_file() {
    let read = |text: &str, name: &str, value: &str| {
        let (overrides, faults) = environment::read([(name.to_owned(), value.to_owned())]);
        Layers::of(text, overrides, faults)
    };
    let file = r#"{"agents": {"count": 2, "model": "m"}}"#;
    let layers = read(file, "SWARM_AGENTS_COUNT", "5").unwrap();
    assert_eq!(layers.config().agents.count, 5);
    assert_eq!(layers.config().agents.model.as_deref(), Some("m"));
    let wrong = read(file, "SWARM_LIMITS_MEMORY", "1m").unwrap_err();
    assert_eq!(wrong[0].place, layers::ENVIRONMENT);
    let said = wrong[0].fault.to_string();
    assert!(
        said.starts_with("SWARM_LIMITS_MEMORY: expected at least \"64m\""),
        "{said}"
    );
}

/// docs/configuration.md has every key as the schema says it. `swarm config schema --markdown` prints
/// what belongs after its mark.
#[test]
fn the_documentation_has_every_key() {
    let page = include_str!("../../../docs/configuration.md");
    let (_, keys) = page.split_once("<!-- keys -->\n\n").unwrap();
    assert!(
        keys == manual::markdown(),
        "docs/configuration.md is not what 'swarm config schema --markdown' prints"
    );
}
