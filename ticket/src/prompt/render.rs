//! Templates and values make a prompt.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use rand::RngExt;
use serde_json::{Value as Json, json};

use super::subject::{short_finding, short_proposal};
use super::{Fault, Finding, Kind, Subject};
use crate::text::plain;
use crate::wire::KnownProposal;

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
        self.render(kind, &fence(), &of_ticket(subject, finding, resumed))
    }

    /// The prompt for a proposal; `known` are not to be made again. In a
    /// conversation that goes on (`resumed`) the agent was interrupted.
    pub fn for_proposal(
        &self,
        agent: &str,
        branch: &str,
        known: &[KnownProposal],
        resumed: bool,
    ) -> Result<String, Fault> {
        self.render(
            Kind::Propose,
            &fence(),
            &of_proposal(agent, branch, known, resumed),
        )
    }

    fn render(&self, kind: Kind, tag: &str, values: &Json) -> Result<String, Fault> {
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
        let body = template.render(Value::from(Serde(values))).map_err(fault)?;
        if body.trim().is_empty() {
            return Err(Fault::of(name, "it is empty: nothing would be asked"));
        }
        Ok(format!("{}\n\n{}\n", kind.first_line(), body.trim()))
    }
}

/// What the templates for a ticket see.
pub(super) fn of_ticket(subject: &Subject, finding: &Finding, resumed: bool) -> Json {
    let mut values = json!(subject);
    values["finding"] = json!(short_finding(finding));
    values["resumed"] = json!(resumed);
    values
}

/// What the template for a proposal sees.
pub(super) fn of_proposal(
    agent: &str,
    branch: &str,
    known: &[KnownProposal],
    resumed: bool,
) -> Json {
    let known: Vec<KnownProposal> = known.iter().map(short_proposal).collect();
    json!({ "agent": agent, "base_branch": branch, "known": known, "resumed": resumed })
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
