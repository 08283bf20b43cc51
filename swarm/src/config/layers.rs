//! What the file says, what the environment says over it, and the configuration that comes of both.

use std::fs;
use std::path::Path as File;

use serde_json::{Map, Value};

use super::environment::{self, Override};
use super::fit::{self, Fault};
use super::path::Path;
use super::reference::{self, Alias};
use super::view::Source;
use super::{Config, ConfigError, check, document, schema};
use crate::project::Project;

/// A configuration with who said what.
#[derive(Clone, Debug)]
pub struct Layers {
    config: Config,
    file: Map<String, Value>,
    overrides: Vec<Override>,
    aliases: Vec<Alias>,
}

/// What is wrong with one of the layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where it is: the file's name, or the environment.
    pub place: String,
    /// What it is.
    pub fault: Fault,
}

/// What faults in variables are said to be in.
pub const ENVIRONMENT: &str = "the environment";

impl Layers {
    /// The project's, as this process sees it.
    pub fn read(project: &Project) -> Result<Layers, ConfigError> {
        let (overrides, faults) = environment::read(text_variables());
        Layers::over(project, overrides, faults)
    }

    /// The project's as its hub sees it: what the environment said at 'swarm start' counts, and what
    /// it says here.
    pub fn of_hub(project: &Project) -> Result<Layers, ConfigError> {
        let (own, faults) = environment::read(text_variables());
        let mut overrides = environment::kept(project)?;
        overrides.retain(|kept| own.iter().all(|own| own.path != kept.path));
        overrides.extend(own);
        Layers::over(project, overrides, faults)
    }

    fn over(
        project: &Project,
        overrides: Vec<Override>,
        faults: Vec<Fault>,
    ) -> Result<Layers, ConfigError> {
        let file = project.config_file();
        let text = fs::read_to_string(&file).map_err(|e| ConfigError::Io(file.clone(), e))?;
        let mut layers =
            Layers::of(&text, overrides, faults).map_err(|wrong| ConfigError::all(&file, wrong))?;
        if layers.config.project.name.is_empty() {
            let folder = project.root().file_name().unwrap_or_default();
            layers.config.project.name = folder.to_string_lossy().into_owned();
        }
        Ok(layers)
    }

    /// What this text and these variables say, or everything that is wrong.
    pub fn of(
        text: &str,
        overrides: Vec<Override>,
        variables: Vec<Fault>,
    ) -> Result<Layers, Vec<Wrong>> {
        let of_file = |fault| Wrong {
            place: String::new(),
            fault,
        };
        let of_variable = |fault| Wrong {
            place: ENVIRONMENT.into(),
            fault,
        };
        let mut wrong: Vec<Wrong> = variables.into_iter().map(of_variable).collect();
        let read = document(text);
        let (file, aliases) = match read {
            Ok((file, aliases)) => {
                let faults = fit::faults(&Value::Object(file.clone()));
                wrong.extend(faults.into_iter().map(of_file));
                (file, aliases)
            }
            Err(fault) => {
                wrong.push(of_file(fault));
                return Err(wrong);
            }
        };
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut merged = file.clone();
        for one in &overrides {
            put(&mut merged, &one.path, one.value.clone());
        }
        let said_by = |fault: Fault| {
            let says = overrides
                .iter()
                .any(|one| fault.path.starts_with(&one.path));
            match says {
                true => of_variable(Fault {
                    path: vec![environment::variable(&fault.path)],
                    ..fault
                }),
                false => of_file(fault),
            }
        };
        match made(merged) {
            Ok(config) => Ok(Layers {
                config,
                file,
                overrides,
                aliases,
            }),
            Err(fault) => Err(vec![said_by(fault)]),
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same, without the rest.
    pub fn into_config(self) -> Config {
        self.config
    }

    /// What the environment says.
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// Keys of the file that are called otherwise here.
    pub fn aliases(&self) -> &[Alias] {
        &self.aliases
    }

    /// Who says what a key is.
    pub fn source(&self, path: &[String]) -> Source {
        let by_variable = |one: &Override| path.starts_with(&one.path);
        if self.overrides.iter().any(by_variable) {
            return Source::Environment;
        }
        match value_at(&self.file, path) {
            Some(value) if !value.is_null() => Source::File,
            _ => Source::Default,
        }
    }
}

/// The file's value without the name of its schema, its flat keys in their places.
pub fn document(text: &str) -> Result<(Map<String, Value>, Vec<Alias>), Fault> {
    let nowhere: &[String] = &[];
    let mut value = document::parse(text).map_err(|what| Fault::new(nowhere, what))?;
    let mut file = match value.as_object_mut() {
        Some(object) => std::mem::take(object),
        None => Map::new(),
    };
    file.remove(schema::KEY);
    let aliases = reference::take(&mut file)?;
    Ok((file, aliases))
}

/// The configuration of a value that fits the schema.
fn made(merged: Map<String, Value>) -> Result<Config, Fault> {
    let read: Result<Config, _> = serde_path_to_error::deserialize(Value::Object(merged));
    let config = read.map_err(|error| {
        let path: Path = error
            .path()
            .iter()
            .map(ToString::to_string)
            .filter(|name| name != ".")
            .collect();
        let message = error.inner().to_string();
        Fault::new(&path, ticket::text::one_line(&message))
    })?;
    match check::fault(&config) {
        Some(fault) => Err(fault),
        None => Ok(config),
    }
}

/// What stands at a path, if anything does.
pub fn value_at<'a>(object: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = object.get(first)?;
    match rest {
        [] => Some(value),
        rest => value_at(value.as_object()?, rest),
    }
}

/// Puts a value at a path, with the objects on the way there.
pub fn put(object: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        object.insert(first.clone(), value);
        return;
    }
    let below = object.entry(first).or_insert_with(|| Map::new().into());
    if !below.is_object() {
        *below = Map::new().into();
    }
    if let Some(below) = below.as_object_mut() {
        put(below, rest, value);
    }
}

/// The variables of this process that are text.
fn text_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((
            name.into_string().ok()?,
            value.to_string_lossy().into_owned(),
        ))
    })
}

impl ConfigError {
    /// The first thing that is wrong, where `file` is what was read.
    pub(super) fn all(file: &File, wrong: Vec<Wrong>) -> ConfigError {
        let first = wrong.into_iter().next();
        let (place, what) = first.map_or_else(Default::default, |wrong| {
            (wrong.place, wrong.fault.to_string())
        });
        match place.is_empty() {
            true => ConfigError::broken(file, what),
            false => ConfigError::Broken { place, what },
        }
    }
}
