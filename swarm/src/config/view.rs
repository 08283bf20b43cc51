//! The configuration as people look it over: every key, its value, and who said so. What may be a
//! secret is never part of it, only whether it is there. Pure.

use serde_json::Value;
use toml::Table;

use super::Config;

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
    /// `.swarm/config.toml`.
    File,
    /// Nobody said anything.
    Default,
}

impl Source {
    /// In a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::File => "config.toml",
            Source::Default => "default",
        }
    }
}

/// Every key of a configuration, in order; `text` is the file that it was read from.
pub fn settings(config: &Config, text: &str) -> Vec<Setting> {
    let file: Table = text.parse().unwrap_or_default();
    let mut found = Vec::new();
    if let Ok(value) = serde_json::to_value(config) {
        collect(&mut Vec::new(), &value, &file, &mut found);
    }
    found
}

fn collect<'a>(path: &mut Vec<&'a str>, value: &'a Value, file: &Table, found: &mut Vec<Setting>) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            path.push(name);
            collect(path, value, file, found);
            path.pop();
        }
        return;
    }
    found.push(Setting {
        key: path.join("."),
        value: match may_be_secret(path) {
            true if value.is_null() => "not set".to_owned(),
            true => "set".to_owned(),
            false => said(value),
        },
        source: match is_in(file, path) {
            true => Source::File,
            false => Source::Default,
        },
    });
}

/// Variables may hold anything, and a topic is as good as a password: of messages to people only what
/// is known to be none is shown.
fn may_be_secret(path: &[&str]) -> bool {
    let shown = ["events", "page", "reply_hours", "slack", "discord"];
    match path {
        ["notify", key] => !shown.contains(key),
        [first, ..] => *first == "notify" || path.contains(&"env"),
        [] => false,
    }
}

fn is_in(file: &Table, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return false;
    };
    match file.get(*first) {
        None => false,
        Some(_) if rest.is_empty() => true,
        Some(toml::Value::Table(table)) => is_in(table, rest),
        Some(_) => false,
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
    use std::path::Path;

    use super::*;

    fn shown(text: &str) -> Vec<Setting> {
        settings(&Config::parse(text, Path::new("c")).unwrap(), text)
    }

    fn find<'a>(settings: &'a [Setting], key: &str) -> (&'a str, Source) {
        let found = settings.iter().find(|setting| setting.key == key);
        let found = found.unwrap_or_else(|| panic!("no {key} in {settings:?}"));
        (&found.value, found.source)
    }

    #[test]
    fn each_value_says_where_it_comes_from() {
        let text = "[agents]\ncount = 3\nmodel = \"m\"\n[limits]\nmemory = \"2g\"\n\
                    [agents.backend]\nkind = \"codex\"\n";
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
        ] {
            assert_eq!(find(&settings, key), (value, source), "{key}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_only_set_or_not() {
        let settings = shown(
            "[agents.env]\nTOKEN = \"sk-secret\"\n[notify]\nntfy = \"https://ntfy.sh/sk-secret\"\n",
        );
        assert_eq!(find(&settings, "agents.env.TOKEN"), ("set", Source::File));
        assert_eq!(find(&settings, "notify.ntfy"), ("set", Source::File));
        assert_eq!(
            find(&shown(""), "notify.ntfy"),
            ("not set", Source::Default)
        );
        assert!(
            settings
                .iter()
                .all(|setting| !setting.value.contains("sk-secret"))
        );
    }
}
