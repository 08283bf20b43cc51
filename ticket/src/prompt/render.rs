//! Templates and values make a prompt.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use rand::RngExt;

use super::{Fault, Finding, Kind, Subject};
use crate::text::{last_bytes, plain};

/// What a prompt holds of a log.
const LOG_LIMIT: usize = 16 * 1024;

/// The project's templates.
pub struct Prompts<'a> {
    templates: &'a BTreeMap<String, String>,
}

impl<'a> Prompts<'a> {
    /// From the assignment.
    pub fn new(templates: &'a BTreeMap<String, String>) -> Prompts<'a> {
        Prompts { templates }
    }

    /// The prompt for a ticket. In a conversation that goes on (`resumed`) the agent knows the ticket
    /// already.
    pub fn for_ticket(
        &self,
        kind: Kind,
        subject: &Subject,
        finding: &Finding,
        resumed: bool,
    ) -> Result<String, Fault> {
        let finding = Finding {
            log: finding
                .log
                .as_deref()
                .map(|log| last_bytes(log, LOG_LIMIT).to_owned()),
            ..finding.clone()
        };
        let values = context! {
            resumed,
            finding => Value::from(Serde(&finding)),
            ..Value::from(Serde(subject))
        };
        self.render(kind, &fence(), values)
    }

    /// The prompt for a proposal; `known` are titles not to propose again.
    pub fn for_proposal(
        &self,
        agent: &str,
        branch: &str,
        known: &[String],
    ) -> Result<String, Fault> {
        let values = context! {
            agent,
            base_branch => branch,
            known => known.to_vec(),
        };
        self.render(Kind::Propose, &fence(), values)
    }

    fn render(&self, kind: Kind, tag: &str, values: Value) -> Result<String, Fault> {
        let name = kind.as_str();
        let fault = |error: minijinja::Error| Fault::from_error(name, &error);
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let owned = tag.to_owned();
        env.add_filter("data", move |value: Value| fenced(&owned, &value));
        env.add_global("fence", tag);
        for (name, source) in self.templates {
            env.add_template(name, source)
                .map_err(|error| Fault::from_error(name, &error))?;
        }
        let template = env.get_template(name).map_err(fault)?;
        let body = template.render(values).map_err(fault)?;
        if body.trim().is_empty() {
            return Err(Fault::of(name, "it is empty: nothing would be asked"));
        }
        Ok(format!("{}\n\n{}\n", kind.first_line(), body.trim()))
    }
}

/// Puts a text between tags that it cannot close.
pub(super) fn fenced(tag: &str, value: &Value) -> Result<String, minijinja::Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_none() => "(nothing)".to_owned(),
        None => value.to_string(),
    };
    let text = plain(&text).replace(tag, "data");
    Ok(format!("<{tag}>\n{}\n</{tag}>", text.trim_end()))
}

pub(super) fn fence() -> String {
    format!("data-{:08x}", rand::rng().random::<u32>())
}
