//! `swarm config`: what the configuration is, who says so, and how to change it.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use swarm::config::fit::{self, Fault};
use swarm::config::layers::Wrong;
use swarm::config::path::{self, Path};
use swarm::config::view::{self, Source};
use swarm::config::{Layers, edit, environment, manual, schema};
use swarm::{Project, hub};
use ticket::text::one_line;

use super::{print_json, table};
use crate::cli::Config;
use crate::exit;

/// How much of a value is shown in the list of all.
const WIDTH: usize = 80;

pub fn run(project: &Project, what: Option<Config>, json: bool) -> Result<u8> {
    match what {
        None => all(project, json)?,
        Some(Config::Get { key }) => get(project, &key, json)?,
        Some(Config::Set { key, value }) => set(project, &key, &value, json)?,
        Some(Config::Unset { key }) => unset(project, &key, json)?,
        Some(Config::Check) => return check(project, json),
        Some(Config::Schema { .. }) => bail!("the schema needs no project"),
    }
    Ok(exit::OK)
}

/// The schema, or the keys as a page. Needs no project.
pub fn print_schema(markdown: bool) {
    match markdown {
        true => print!("{}", manual::markdown()),
        false => print!("{}", schema::text()),
    }
}

fn all(project: &Project, json: bool) -> Result<()> {
    let layers = Layers::read(project)?;
    let settings = view::settings(&layers);
    if json {
        let settings = settings.iter().map(|setting| {
            json!({
                "key": setting.key,
                "value": setting.value,
                "source": setting.source.as_str(),
                "variable": is_key(&setting.key).then(|| {
                    environment::variable(&path::read(&setting.key).unwrap_or_default())
                }),
            })
        });
        let settings: Vec<Value> = settings.collect();
        return print_json(&json!({ "file": project.config_file(), "settings": settings }));
    }
    let mut table = table::table(["Key", "From", "Value"]);
    for setting in settings {
        table.add_row([
            one_line(&setting.key),
            setting.source.as_str().to_owned(),
            ticket::text::beginning(&setting.value, WIDTH),
        ]);
    }
    print!("{}", table::text(&table));
    for alias in layers.aliases() {
        super::failure::note(&alias.note);
    }
    Ok(())
}

fn get(project: &Project, key: &str, json: bool) -> Result<()> {
    let (at, _) = known(key)?;
    let layers = Layers::read(project)?;
    let all = view::value(&layers);
    let mut value = &all;
    for name in &at {
        match value.get(name) {
            Some(below) => value = below,
            None if value.is_null() || value.is_object() => {
                value = &Value::Null;
                break;
            }
            None => bail!("{key} is not set"),
        }
    }
    match (json, value) {
        (false, Value::Null) => bail!("{} is not set", path::written(&at)),
        (false, Value::String(text)) => println!("{}", ticket::text::plain(text)),
        _ => print_json(value)?,
    }
    Ok(())
}

fn set(project: &Project, key: &str, word: &str, json: bool) -> Result<()> {
    let (at, schema) = known(key)?;
    let value = environment::value(schema, word);
    if let Some(fault) = fit::faults_at(&at, &value, schema).into_iter().next() {
        bail!("{fault}");
    }
    change(project, &at, Some(&value), json)
}

fn unset(project: &Project, key: &str, json: bool) -> Result<()> {
    let (at, _) = known(key)?;
    change(project, &at, None, json)
}

/// Writes the file with this change, when what comes of it can be used.
fn change(project: &Project, at: &Path, value: Option<&Value>, json: bool) -> Result<()> {
    let file = project.config_file();
    let text = read(project)?;
    Layers::read(project)?;
    let changed = edit::changed(&text, at, value).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let (overrides, faults) = environment::read(std::env::vars());
    let after = match Layers::of(&changed, overrides, faults) {
        Ok(after) => after,
        Err(wrong) => bail!("{}", first(&wrong, "with this change, ")),
    };
    if changed != text {
        edit::write(&file, &changed).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let key = path::written(at);
    let now = view::settings(&after);
    let now: Vec<&view::Setting> = now
        .iter()
        .filter(|setting| path::read(&setting.key).is_some_and(|path| path.starts_with(at)))
        .collect();
    let effect = effect(project, at, &after);
    if json {
        let now = now
            .iter()
            .map(|setting| json!({ "key": setting.key, "value": setting.value }));
        let now: Vec<Value> = now.collect();
        return print_json(&json!({
            "key": key,
            "changed": changed != text,
            "now": now,
            "effect": effect.word(),
        }));
    }
    match now.as_slice() {
        [] => println!("{key} is not set."),
        [one] => println!("{}", line(one)),
        several => {
            // Of a section what was said of it; its defaults would bury that.
            let said = several.iter().filter(|one| one.source != Source::Default);
            let said: Vec<String> = said.map(|one| line(one)).collect();
            match said.is_empty() {
                true => println!("{key} has its defaults: 'swarm config get {key}' shows them."),
                false => println!("{}", said.join("\n")),
            }
        }
    }
    println!("{}", effect.sentence(at));
    Ok(())
}

fn line(setting: &view::Setting) -> String {
    format!("{} = {}", one_line(&setting.key), setting.value)
}

/// When a change counts.
#[derive(Clone, Copy)]
enum Effect {
    /// A variable of the environment says something else.
    Overridden,
    /// Nothing runs.
    AtStart,
    /// The hub reads it within seconds.
    Now,
    /// `swarm scale` says it to the running hub.
    Scale,
    /// The hub keeps what it has until its next start.
    Restart,
}

impl Effect {
    fn word(self) -> &'static str {
        match self {
            Effect::Overridden => "overridden",
            Effect::AtStart => "at-start",
            Effect::Now => "now",
            Effect::Scale => "scale",
            Effect::Restart => "restart",
        }
    }

    fn sentence(self, at: &Path) -> String {
        match self {
            Effect::Overridden => {
                format!(
                    "{} of the environment goes before the file.",
                    environment::variable(at)
                )
            }
            Effect::AtStart => "It counts from the next 'swarm start'.".into(),
            Effect::Now => "The running swarm takes it over now.".into(),
            Effect::Scale => {
                "The running swarm keeps its number of agents: 'swarm scale N' changes it.".into()
            }
            Effect::Restart => {
                "The running swarm takes it over after 'swarm stop' and 'swarm start'.".into()
            }
        }
    }
}

fn effect(project: &Project, at: &Path, after: &Layers) -> Effect {
    let restart = schema::at(at).is_some_and(|(_, restart)| restart);
    let holds_restart = schema::keys().iter().any(|key| {
        key.restart && key.path.len() > at.len() && key.path.iter().zip(at).all(|(a, b)| a == b)
    });
    match () {
        () if after.source(at) == Source::Environment => Effect::Overridden,
        () if hub::hub_file(project).is_none() => Effect::AtStart,
        () if at == &["agents", "count"] => Effect::Scale,
        () if restart || holds_restart => Effect::Restart,
        () => Effect::Now,
    }
}

fn check(project: &Project, json: bool) -> Result<u8> {
    let (overrides, faults) = environment::read(std::env::vars());
    let text = read(project)?;
    let file = project.config_file();
    let read = Layers::of(&text, overrides, faults);
    let wrong = read.as_ref().err().cloned().unwrap_or_default();
    let notes: Vec<&str> = read.as_ref().map_or(Vec::new(), |layers| {
        layers
            .aliases()
            .iter()
            .map(|alias| alias.note.as_str())
            .collect()
    });
    if json {
        let faults = wrong.iter().map(|wrong| {
            json!({
                "place": place(&file.display().to_string(), wrong),
                "key": path::written(&wrong.fault.path),
                "what": wrong.fault.what,
            })
        });
        let faults: Vec<Value> = faults.collect();
        print_json(&json!({ "ok": faults.is_empty(), "faults": faults, "notes": notes }))?;
    } else {
        for wrong in &wrong {
            eprintln!(
                "{}: {}",
                place(&file.display().to_string(), wrong),
                wrong.fault
            );
        }
        for note in notes {
            println!("note: {note}");
        }
        if wrong.is_empty() {
            println!("{} can be used.", file.display());
        }
    }
    Ok(match wrong.is_empty() {
        true => exit::OK,
        false => exit::REFUSED,
    })
}

fn place(file: &str, wrong: &Wrong) -> String {
    match wrong.place.is_empty() {
        true => file.to_owned(),
        false => wrong.place.clone(),
    }
}

fn first(wrong: &[Wrong], before: &str) -> String {
    let first = wrong.first().map(|wrong| wrong.fault.to_string());
    format!("{before}{}", first.unwrap_or_default())
}

fn read(project: &Project) -> Result<String> {
    let file = project.config_file();
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

/// The key of this name with what is expected there, or what to say when there is none.
fn known(key: &str) -> Result<(Path, &'static Value)> {
    let Some(at) = path::read(key) else {
        bail!("'{}' is no key: write it as agents.count", one_line(key));
    };
    if let Some((schema, _)) = schema::at(&at) {
        return Ok((at, schema));
    }
    let known_to = (1..at.len()).rev().find_map(|length| {
        let (place, _) = schema::at(&at[..length])?;
        Some((length, place))
    });
    let (length, place) = known_to.unwrap_or((0, schema::schema()));
    let names = schema::properties(place)
        .into_iter()
        .flat_map(|all| all.keys());
    let names: Vec<&str> = names
        .map(String::as_str)
        .filter(|name| *name != schema::KEY)
        .collect();
    let fault: Fault = match names.is_empty() {
        true => Fault::new(&at, format!("{} has no keys", path::written(&at[..length]))),
        false => fit::unknown(&at[..=length], &names),
    };
    bail!("{fault}")
}

fn is_key(key: &str) -> bool {
    let at = path::read(key).unwrap_or_default();
    schema::keys().iter().any(|known| {
        known.path.len() == at.len() && known.path.iter().zip(&at).all(|(a, b)| a == b)
    })
}
