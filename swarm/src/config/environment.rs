//! Variables that say what a key is, over the file: `SWARM_AGENTS_COUNT=5`. Pure, but for the file in
//! which a started swarm keeps them for its hub.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use serde_json::Value;

use super::ConfigError;
use super::fit::{self, Fault};
use super::path::{self, Path};
use super::schema::{self, Key};
use crate::credentials::write_private;
use crate::project::Project;

/// What every variable begins with.
const PREFIX: &str = "SWARM_";
/// How many letters may be wrong in a variable that was surely meant for a key.
const TYPOS: usize = 2;

/// What a variable says.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// Its name.
    pub variable: String,
    /// The key.
    pub path: Path,
    /// The value.
    pub value: Value,
}

/// The variable of a key.
pub fn variable<S: AsRef<str>>(path: &[S]) -> String {
    let names: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    format!("{PREFIX}{}", names.join("_").to_uppercase())
}

/// What these variables say, and what is wrong with them. Other variables are left alone; one that
/// begins like a section of the configuration and is no key, or nearly is one, is wrong.
pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> (Vec<Override>, Vec<Fault>) {
    let keys: BTreeMap<String, Key> = schema::keys()
        .into_iter()
        .map(|key| (variable(&key.path), key))
        .collect();
    let (mut overrides, mut faults) = (Vec::new(), Vec::new());
    let ours = variables
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX));
    for (name, text) in ours.collect::<BTreeMap<_, _>>() {
        let Some(key) = keys.get(&name) else {
            faults.extend(meant(&name, &keys));
            continue;
        };
        let path: Path = key.path.iter().map(ToString::to_string).collect();
        let value = value(key.schema, &text);
        let wrong = fit::faults_at(&path, &value, key.schema);
        match wrong.into_iter().next() {
            Some(fault) => faults.push(Fault::new(&[&name], fault.what)),
            None => overrides.push(Override {
                variable: name,
                path,
                value,
            }),
        }
    }
    (overrides, faults)
}

/// The value that a word on a command line or in a variable stands for, where `schema` says what is
/// expected. What cannot be such a value comes back as text.
pub fn value(schema: &'static Value, text: &str) -> Value {
    let schema = schema::object(schema);
    let is = |name: &str| match &schema["type"] {
        Value::Array(several) => several.iter().any(|one| one == name),
        one => one == name,
    };
    if is("array") && !text.trim_start().starts_with('[') {
        // A list of words may be written with commas.
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        return words.map(Value::from).collect();
    }
    if fit::words(schema).is_some() || (is("string") && !is("integer")) {
        return text.into();
    }
    let read = serde_json::from_str(text.trim());
    read.unwrap_or_else(|_| text.into())
}

/// What to say about a variable that was surely meant for a key.
fn meant(name: &str, keys: &BTreeMap<String, Key>) -> Option<Fault> {
    let sections = schema::properties(schema::schema())?.keys();
    let mut sections = sections.map(|section| format!("{}_", variable(&[section])));
    let in_section = sections.any(|section| name.starts_with(&section));
    let near = |known: &&String| strsim::damerau_levenshtein(name, known) <= TYPOS;
    if !in_section && !keys.keys().any(|known| near(&known)) {
        return None;
    }
    let names: Vec<&str> = keys.keys().map(String::as_str).collect();
    let near = fit::nearest(name, &names);
    let near = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
    Some(Fault::new(
        &[name],
        format!("no key of the configuration has this variable{near}"),
    ))
}

/// Keeps what the environment says for the hub, which has another one.
pub fn keep(project: &Project, overrides: &[Override]) -> std::io::Result<()> {
    let file = project.environment_file();
    if overrides.is_empty() {
        return match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let kept: BTreeMap<String, &Value> = overrides
        .iter()
        .map(|one| (path::written(&one.path), &one.value))
        .collect();
    write_private(&file, &serde_json::to_vec_pretty(&kept)?)
}

/// What [`keep`] has kept.
pub fn kept(project: &Project) -> Result<Vec<Override>, ConfigError> {
    let file = project.environment_file();
    let text = match fs::read(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|e| ConfigError::Io(file.clone(), e))?,
    };
    let kept: BTreeMap<String, Value> = serde_json::from_slice(&text)
        .map_err(|e| ConfigError::broken(&file, format!("{e}; the next 'swarm start' mends it")))?;
    let overrides = kept.into_iter().filter_map(|(key, value)| {
        let path = path::read(&key)?;
        Some(Override {
            variable: variable(&path),
            path,
            value,
        })
    });
    Ok(overrides.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn one(name: &str, value: &str) -> (Vec<Override>, Vec<Fault>) {
        read([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn every_key_has_a_variable_of_its_own() {
        let keys = schema::keys();
        let variables: BTreeSet<String> = keys.iter().map(|key| variable(&key.path)).collect();
        assert_eq!(variables.len(), keys.len());
        for taken in [
            "SWARM_HUB",
            "SWARM_CODE",
            "SWARM_NTFY_TOKEN",
            "SWARM_NTFY_REPLY_TOKEN",
            "SWARM_SLACK_WEBHOOK",
            "SWARM_DISCORD_WEBHOOK",
            "SWARM_WEBHOOK_SECRET",
            "SWARM_SMTP_PASSWORD",
        ] {
            assert!(!variables.contains(taken), "{taken}");
            assert_eq!(one(taken, "x"), (vec![], vec![]), "{taken}");
        }
    }

    #[test]
    fn words_become_what_their_key_expects() {
        for (name, text, value) in [
            ("SWARM_AGENTS_COUNT", "5", json!(5)),
            ("SWARM_AGENTS_MODEL", "5", json!("5")),
            ("SWARM_LIMITS_MEMORY", "2g", json!("2g")),
            (
                "SWARM_LIMITS_MEMORY",
                "2147483648",
                json!(2_147_483_648_u64),
            ),
            ("SWARM_LIMITS_CPUS", "1.5", json!(1.5)),
            ("SWARM_PROPOSALS_ENABLED", "false", json!(false)),
            ("SWARM_NETWORK_ACCESS", "hub-only", json!("hub-only")),
            (
                "SWARM_NOTIFY_EVENTS",
                "limit, idle",
                json!(["limit", "idle"]),
            ),
            ("SWARM_NOTIFY_EVENTS", "[\"limit\"]", json!(["limit"])),
            ("SWARM_AGENTS_ENV", "{\"A\": \"b\"}", json!({"A": "b"})),
            ("SWARM_BUDGETS_MAX_USD_PER_DAY", "3", json!(3)),
        ] {
            let (overrides, faults) = one(name, text);
            assert_eq!(faults, [], "{name}={text}");
            assert_eq!(overrides[0].value, value, "{name}={text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_the_variable() {
        for (name, text, words) in [
            ("SWARM_AGENTS_COUNT", "many", "from 1 to 64, not \"many\""),
            ("SWARM_AGENTS_COUNT", "65", "from 1 to 64, not 65"),
            ("SWARM_NETWORK_ACCESS", "all", "\"open\", \"hub-only\""),
            (
                "SWARM_AGENTS_CUONT",
                "5",
                "did you mean SWARM_AGENTS_COUNT?",
            ),
            ("SWARM_AGENT_COUNT", "5", "did you mean SWARM_AGENTS_COUNT?"),
            ("SWARM_LIMITS_", "5", "no key of the configuration"),
        ] {
            let (overrides, faults) = one(name, text);
            assert_eq!(overrides, []);
            let said = faults[0].to_string();
            assert!(said.starts_with(name) && said.contains(words), "{said}");
        }
        assert_eq!(one("SWARM_ELSEWHERE", "x"), (vec![], vec![]));
    }

    #[test]
    fn a_hub_has_what_its_start_had() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::create(dir.path()).unwrap();
        let (overrides, _) = one("SWARM_AGENTS_COUNT", "5");
        keep(&project, &overrides).unwrap();
        assert_eq!(kept(&project).unwrap(), overrides);
        keep(&project, &[]).unwrap();
        assert_eq!(kept(&project).unwrap(), []);
    }
}
