//! The configuration as people look it over: every key, its value, and who said so. What may be a
//! secret is never part of it, only whether it is there. Pure.

use serde_json::Value;

use super::Layers;
use super::path::{self, Path};

/// The longest value that is shown, in characters.
const LONGEST: usize = 300;

/// One key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its path: `agents.count`.
    pub key: String,
    /// What it is, as people write it; `set` or `not set` for what may be a secret.
    pub value: String,
    /// Who said so.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable of the environment.
    Environment,
    /// `.swarm/config.json`.
    File,
    /// Nobody said anything.
    Default,
}

impl Source {
    /// In a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Environment => "environment",
            Source::File => "config.json",
            Source::Default => "default",
        }
    }
}

/// Every key of a configuration, in order.
pub fn settings(layers: &Layers) -> Vec<Setting> {
    let mut found = Vec::new();
    collect(&mut Vec::new(), &value(layers), layers, &mut found);
    found
}

/// The whole configuration with its defaults, as the file would say it.
pub fn value(layers: &Layers) -> Value {
    let mut value = serde_json::to_value(layers.config()).unwrap_or_default();
    // A backend's name is the name of its key.
    let nameless = |backend: &mut Value| {
        if let Some(backend) = backend.as_object_mut() {
            backend.remove("name");
        }
    };
    nameless(&mut value["agents"]["backend"]);
    if let Some(backends) = value["backends"].as_object_mut() {
        backends.values_mut().for_each(nameless);
    }
    value
}

fn collect(at: &mut Path, value: &Value, layers: &Layers, found: &mut Vec<Setting>) {
    if let Value::Object(fields) = value
        && !(fields.is_empty() && at.len() > 1)
    {
        for (name, value) in fields {
            at.push(name.clone());
            collect(at, value, layers, found);
            at.pop();
        }
        return;
    }
    found.push(Setting {
        key: path::written(at),
        value: match may_be_secret(at) {
            _ if value.as_object().is_some_and(|all| all.is_empty()) => "{}".to_owned(),
            true if value.is_null() => "not set".to_owned(),
            true => "set".to_owned(),
            false => said(value),
        },
        source: layers.source(at),
    });
}

/// Variables may hold anything, and a topic is as good as a password: of messages to people only what
/// is known to be none is shown.
pub fn may_be_secret<S: AsRef<str>>(path: &[S]) -> bool {
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    let shown = ["events", "page", "reply_hours", "slack", "discord"];
    match path.as_slice() {
        ["notify", key] => !shown.contains(key),
        ["notify", "events", _] => false,
        [first, ..] => *first == "notify" || path.contains(&"env"),
        [] => false,
    }
}

fn said(value: &Value) -> String {
    let words = match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(said).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    };
    ticket::text::beginning(&ticket::text::one_line(&words), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment;

    fn shown(text: &str) -> Vec<Setting> {
        let (overrides, _) = environment::read([("SWARM_VERIFY_RETRIES".into(), "5".into())]);
        settings(&Layers::of(text, overrides, Vec::new()).unwrap())
    }

    fn find<'a>(settings: &'a [Setting], key: &str) -> (&'a str, Source) {
        let found = settings.iter().find(|setting| setting.key == key);
        let found = found.unwrap_or_else(|| panic!("no {key} in {settings:?}"));
        (&found.value, found.source)
    }

    #[test]
    fn each_value_says_where_it_comes_from() {
        let text = r#"{"agents": {"count": 3, "model": "m", "backend": {"kind": "codex"}},
                       "limits": {"memory": "2g"}, "verify_retries": 1, "monitor_port": 3100}"#;
        let settings = shown(text);
        for (key, value, source) in [
            ("agents.count", "3", Source::File),
            ("agents.model", "m", Source::File),
            ("agents.stall_minutes", "15", Source::Default),
            ("agents.backend.kind", "codex", Source::File),
            ("agents.backend.program", "codex", Source::Default),
            ("limits.memory", "2g", Source::File),
            ("budgets.max_usd_per_day", "not set", Source::Default),
            ("project.branch", "main", Source::Default),
            ("verify.retries", "5", Source::Environment),
            ("monitor.port", "3100", Source::File),
        ] {
            assert_eq!(find(&settings, key), (value, source), "{key}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_only_set_or_not() {
        let settings = shown(
            r#"{"agents": {"env": {"TOKEN": "sk-secret"}},
                "notify": {"ntfy": "https://ntfy.sh/sk-secret"}}"#,
        );
        assert_eq!(find(&settings, "agents.env.TOKEN"), ("set", Source::File));
        assert_eq!(find(&settings, "notify.ntfy"), ("set", Source::File));
        assert_eq!(
            find(&shown("{}"), "notify.ntfy"),
            ("not set", Source::Default)
        );
        assert!(
            settings
                .iter()
                .all(|setting| !setting.value.contains("sk-secret"))
        );
    }
}
