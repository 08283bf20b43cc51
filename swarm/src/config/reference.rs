//! The flat keys that the reference system's `config.json` has, as keys of ours. Pure.

use serde_json::{Map, Value};

use super::fit::Fault;
use super::path::{self, Path};

/// A flat key, taken as one of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// What the file calls it.
    pub name: &'static str,
    /// What it is here, where it is anything.
    pub meaning: Option<(Path, Value)>,
    /// What to tell whoever wrote it.
    pub note: String,
}

/// Takes the flat keys out of `config` and puts what they mean in their place.
pub fn take(config: &mut Map<String, Value>) -> Result<Vec<Alias>, Fault> {
    let mut taken = Vec::new();
    for name in NAMES {
        let Some(value) = config
            .get(name)
            .filter(|value| name != "agents" || value.is_number())
        else {
            continue;
        };
        let alias = alias(name, value)?;
        config.remove(name);
        taken.push(alias);
    }
    for Alias { name, meaning, .. } in &taken {
        if let Some((path, value)) = meaning {
            if super::layers::value_at(config, path).is_some() {
                let what = format!(
                    "{} says the same: leave one of them out",
                    path::written(path)
                );
                return Err(Fault::new(&[name], what));
            }
            super::layers::put(config, path, value.clone());
        }
    }
    Ok(taken)
}

/// The flat keys; `agents` is one where it is a number.
const NAMES: [&str; 6] = [
    "agents",
    "ntfy_topic",
    "allowed_tools",
    "max_turns",
    "monitor_port",
    "verify_retries",
];

fn alias(name: &'static str, value: &Value) -> Result<Alias, Fault> {
    let plain = |section: &str, key: &str| {
        let path = vec![section.to_owned(), key.to_owned()];
        Alias {
            name,
            note: format!("{name} is {} here", path::written(&path)),
            meaning: Some((path, value.clone())),
        }
    };
    let nothing = |why: &str| Alias {
        name,
        meaning: None,
        note: format!("{name} has no effect: {why}"),
    };
    Ok(match name {
        "agents" => plain("agents", "count"),
        "monitor_port" => plain("monitor", "port"),
        "verify_retries" => plain("verify", "retries"),
        "max_turns" => {
            nothing("agents.timeout_minutes and budgets end a run that goes on for too long")
        }
        "allowed_tools" => nothing("the container is what confines an agent"),
        _ => {
            let Some(topic) = value.as_str() else {
                return Err(Fault::new(&[name], "expected text"));
            };
            let topic = topic.trim();
            if topic.is_empty() {
                return Ok(nothing("it is empty"));
            }
            let address = match topic.contains("://") {
                true => topic.to_owned(),
                false => format!("https://ntfy.sh/{topic}"),
            };
            Alias {
                meaning: Some((vec!["notify".into(), "ntfy".into()], address.into())),
                ..plain("notify", "ntfy")
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(mut config: Value) -> Result<(Value, usize), String> {
        let taken = take(config.as_object_mut().unwrap());
        let taken = taken.map_err(|fault| fault.to_string())?;
        Ok((config, taken.len()))
    }

    #[test]
    fn flat_keys_mean_ours() {
        let theirs = json!({
            "agents": 5, "ntfy_topic": "mine", "allowed_tools": "Bash,Read", "max_turns": 50,
            "monitor_port": 3100, "verify_retries": 2, "queue": {"max_attempts": 4},
        });
        let ours = json!({
            "agents": {"count": 5}, "notify": {"ntfy": "https://ntfy.sh/mine"},
            "monitor": {"port": 3100}, "verify": {"retries": 2}, "queue": {"max_attempts": 4},
        });
        assert_eq!(taken(theirs).unwrap(), (ours, 6));
        assert_eq!(taken(json!({"ntfy_topic": ""})).unwrap(), (json!({}), 1));
        let ours = json!({"agents": {"count": 5}});
        assert_eq!(taken(ours.clone()).unwrap(), (ours, 0));
    }

    #[test]
    fn the_same_said_twice_is_refused() {
        let twice = taken(json!({"monitor_port": 1, "monitor": {"port": 2}})).unwrap_err();
        assert_eq!(
            twice,
            "monitor_port: monitor.port says the same: leave one of them out"
        );
        assert!(
            taken(json!({"ntfy_topic": 3}))
                .unwrap_err()
                .contains("expected text")
        );
    }
}
