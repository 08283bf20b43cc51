//! `agents.backend` and `backends.NAME`: what they say over the defaults of their kind, which are
//! in `templates/backends.toml`. Pure.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::{Map, Value};
use ticket::backend::{
    ARGS, AgentCli, BUDGET_FLAG, Backend, CONVERSATION, Kind, MODEL, MODEL_FLAG, PROMPT,
    PROMPT_FILE, PromptBy, SESSION, USD,
};

const DEFAULTS: &str = include_str!("../../../templates/backends.toml");
/// The table of `DEFAULTS` that says which variable an opencode provider reads.
const PROVIDERS: &str = "providers";

/// The keys of a backend.
type Table = Map<String, Value>;

static TABLES: LazyLock<Table> = LazyLock::new(|| {
    #[allow(clippy::unwrap_used, reason = "a file of ours, read in a test")]
    toml::from_str(DEFAULTS).unwrap()
});

/// The defaults of a kind; those of `command` name no program.
pub fn defaults(kind: Kind) -> Backend {
    let mut own = Table::new();
    own.insert("kind".into(), kind.as_str().into());
    if kind == Kind::Command {
        own.insert("program".into(), "".into());
    }
    #[allow(clippy::unwrap_used, reason = "a file of ours, read in a test")]
    resolve(own, kind.as_str()).unwrap()
}

/// The defaults of the kind of this name, where they are enough to run.
pub fn of_kind(name: &str) -> Option<Backend> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name)?;
    (kind != Kind::Command).then(|| defaults(kind))
}

/// Reads `agents.backend`.
pub fn resolved<'de, D: Deserializer<'de>>(from: D) -> Result<Backend, D::Error> {
    let own = Table::deserialize(from)?;
    let mut backend = resolve(own, "").map_err(D::Error::custom)?;
    backend.name = backend.kind.as_str().into();
    Ok(backend)
}

/// Reads every `backends.NAME`.
pub fn all_resolved<'de, D>(from: D) -> Result<BTreeMap<String, Backend>, D::Error>
where
    D: Deserializer<'de>,
{
    let own: BTreeMap<String, Table> = BTreeMap::deserialize(from)?;
    own.into_iter()
        .map(|(name, table)| {
            let backend = resolve(table, &name);
            let backend = backend.map_err(|what| D::Error::custom(format!("{name}: {what}")))?;
            Ok((name, backend))
        })
        .collect()
}

/// Lays `own` over the defaults of its kind. `env` and `patterns` are laid over key by key.
fn resolve(own: Table, name: &str) -> Result<Backend, String> {
    let kinds = Kind::ALL.map(|kind| format!("\"{kind}\"")).join(", ");
    let kind = match own.get("kind") {
        Some(Value::String(kind)) => kind.clone(),
        _ => return Err(format!("kind is missing: expected one of {kinds}")),
    };
    if own.contains_key("name") {
        return Err("there is no key 'name': the key's own name is the backend's".into());
    }
    let Some(Value::Object(table)) = TABLES.get(&kind).filter(|_| kind != PROVIDERS) else {
        return Err(format!(
            "kind: unknown kind \"{kind}\", expected one of {kinds}"
        ));
    };
    let mut table = table.clone();
    for (key, value) in own.into_iter().filter(|(_, value)| !value.is_null()) {
        match (table.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => below.extend(above),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
    table.insert("name".into(), name.into());
    serde_path_to_error::deserialize(Value::Object(table)).map_err(|e| {
        let message = e.inner().to_string().lines().collect::<Vec<_>>().join(" ");
        match e.path().to_string() {
            path if path == "." => message,
            path => format!("{path}: {message}"),
        }
    })
}

/// An opencode model's name begins with its provider, which has a variable of its own; a backend that
/// names its variables itself keeps them.
pub fn with_provider(mut cli: AgentCli) -> AgentCli {
    let by_default = || defaults(Kind::Opencode).secrets == cli.backend.secrets;
    if cli.backend.kind == Kind::Opencode && by_default() {
        let model = cli.model.as_deref().and_then(|model| model.split_once('/'));
        let variable = model.and_then(|(provider, _)| TABLES[PROVIDERS].get(provider));
        if let Some(variable) = variable.and_then(Value::as_str) {
            cli.backend.secrets = vec![variable.to_owned()];
        }
    }
    cli
}

/// The first thing in a backend that makes no sense: its key, and what was expected.
pub fn fault(backend: &Backend) -> Option<(String, String)> {
    let wrong = |key: &str, what: String| Some((key.to_owned(), what));
    if backend.program.trim().is_empty() {
        return wrong("program", "expected the name of a program".into());
    }
    for (key, list) in [
        ("call", &backend.call),
        ("args", &backend.args),
        ("model_flag", &backend.model_flag),
        ("budget_flag", &backend.budget_flag),
        ("new_session", &backend.new_session),
        ("resume", &backend.resume),
    ] {
        if let Some(what) = list
            .iter()
            .find_map(|word| wrong_word(word, backend.prompt))
        {
            return wrong(key, what);
        }
    }
    for (key, list) in backend.patterns.lists() {
        for pattern in list {
            if let Some(what) = wrong_pattern(key, pattern) {
                return wrong(&format!("patterns.{key}"), what);
            }
        }
    }
    None
}

/// A word that looks as if it stood for something and does not.
fn wrong_word(word: &str, prompt: PromptBy) -> Option<String> {
    let needs = |mark: &str, by: PromptBy, value: &str| {
        (word.contains(mark) && prompt != by)
            .then(|| format!("'{mark}' stands for something only with prompt = \"{value}\""))
    };
    if let Some(what) = needs(PROMPT, PromptBy::Argument, "argument")
        .or_else(|| needs(PROMPT_FILE, PromptBy::File, "file"))
    {
        return Some(what);
    }
    let known = [
        ARGS,
        MODEL_FLAG,
        BUDGET_FLAG,
        CONVERSATION,
        MODEL,
        USD,
        SESSION,
        PROMPT,
        PROMPT_FILE,
    ];
    let inner = word.strip_prefix('{')?.strip_suffix('}')?;
    let is_mark = !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    (is_mark && !known.contains(&word)).then(|| {
        format!(
            "'{word}' stands for nothing; known are {}",
            known.join(", ")
        )
    })
}

fn wrong_pattern(key: &str, pattern: &str) -> Option<String> {
    let regex = match Regex::new(pattern) {
        Ok(regex) => regex,
        Err(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            return Some(format!("'{pattern}' is no regular expression: {last}"));
        }
    };
    let has_session = regex
        .capture_names()
        .flatten()
        .any(|name| name == "session");
    (key == "session" && !has_session)
        .then(|| format!("'{pattern}' has no group (?P<session>…) for the name"))
}
