//! Whether the templates of a project give prompts, found out before an agent waits for one: each is
//! parsed, its variables are looked up, and it is filled in with everything and with nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Fault, Kind, Prompts, Templates, render, sample};
use crate::words::nearest;

/// What minijinja itself defines.
const BUILT_IN: [&str; 4] = ["debug", "dict", "namespace", "range"];

impl Templates {
    /// Everything that is wrong with the templates of the project, one fault for each template at
    /// most.
    pub fn faults(&self) -> Vec<Fault> {
        let strange = self.strange().iter().map(|(name, file)| {
            let names = Kind::ALL.map(Kind::as_str);
            let near = nearest(name, &names)
                .map_or(String::new(), |near| format!("; did you mean {near}.md?"));
            let what = format!("no prompt has this name: use {}{near}", names.join(", "));
            Fault::of(name, what).within(file)
        });
        let own = self.own().iter().filter_map(|(name, file)| {
            let kind: Kind = name.parse().ok()?;
            let fault = self.fault(kind)?;
            // A template that includes another one breaks with it; the other one is named then.
            let file = self.own().get(&fault.template).unwrap_or(file).clone();
            Some(fault.within(&file))
        });
        strange.chain(own).collect()
    }

    fn fault(&self, kind: Kind) -> Option<Fault> {
        self.unknown_variable(kind)
            .or_else(|| self.try_out(kind).err())
    }

    fn unknown_variable(&self, kind: Kind) -> Option<Fault> {
        let source = self.texts().get(kind.as_str())?;
        let mut env = minijinja::Environment::new();
        env.add_template(kind.as_str(), source).ok()?;
        let used = env.get_template(kind.as_str()).ok()?;
        let known = variables(kind);
        let plain: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let unknown = |name: &&String| {
            let first = name.split('.').next().unwrap_or_default();
            !plain.contains(name.as_str())
                && !BUILT_IN.contains(&first)
                && !is_part_of_a_value(&plain, name)
        };
        let used = used.undeclared_variables(true);
        let name = used.iter().filter(unknown).min()?;
        let names: Vec<&str> = plain.iter().copied().collect();
        let near = nearest(name, &names).map_or(String::new(), |n| format!("; did you mean {n}?"));
        Some(Fault {
            line: line_of(source, name),
            ..Fault::of(
                kind.as_str(),
                format!("there is no variable {}{near}", crate::text::one_line(name)),
            )
        })
    }

    fn try_out(&self, kind: Kind) -> Result<(), Fault> {
        let prompts = Prompts::new(self.texts());
        if kind == Kind::Propose {
            for known in sample::known() {
                for resumed in [false, true] {
                    prompts.for_proposal("agent-1", "main", &known, resumed)?;
                }
            }
            return Ok(());
        }
        for subject in sample::subjects() {
            for finding in sample::findings() {
                for resumed in [false, true] {
                    prompts.for_ticket(kind, &subject, &finding, resumed)?;
                }
            }
        }
        Ok(())
    }
}

/// The variables of a kind of prompt, with a dot before each field. What a list holds is in brackets:
/// `comments[].body`.
pub fn variables(kind: Kind) -> Vec<String> {
    let mut names = BTreeSet::from(["fence".to_owned()]);
    match kind {
        Kind::Propose => {
            for known in sample::known() {
                collect(
                    "",
                    &render::of_proposal("agent-1", "main", &known, false),
                    &mut names,
                );
            }
        }
        _ => {
            for subject in sample::subjects() {
                for finding in sample::findings() {
                    collect(
                        "",
                        &render::of_ticket(&subject, &finding, false),
                        &mut names,
                    );
                }
            }
        }
    }
    names.into_iter().collect()
}

fn collect(prefix: &str, value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = match prefix {
                    "" => field.clone(),
                    prefix => format!("{prefix}.{field}"),
                };
                names.insert(name.clone());
                collect(&name, value, names);
            }
        }
        Value::Array(values) => {
            for value in values {
                collect(&format!("{prefix}[]"), value, names);
            }
        }
        _ => (),
    }
}

/// A method of a text or a list (`ticket.title.upper`), or a place in a list (`comments.0`): what is
/// not a record has fields of its own, and filling in tells whether it has this one.
fn is_part_of_a_value(known: &BTreeSet<&str>, name: &str) -> bool {
    let mut before = name;
    while let Some((rest, _)) = before.rsplit_once('.') {
        before = rest;
        if known.contains(before) {
            let field = format!("{before}.");
            return !known.iter().any(|known| known.starts_with(&field));
        }
    }
    false
}

/// The first line on which a tag has this name.
fn line_of(source: &str, name: &str) -> Option<usize> {
    let mut open = false;
    for (index, line) in source.lines().enumerate() {
        let mut rest = line;
        loop {
            let next = match open {
                true => rest.find("}}").into_iter().chain(rest.find("%}")).min(),
                false => rest.find("{{").into_iter().chain(rest.find("{%")).min(),
            };
            let part = &rest[..next.unwrap_or(rest.len())];
            if open && has_name(part, name) {
                return Some(index + 1);
            }
            let Some(next) = next else { break };
            open = !open;
            rest = &rest[next + 2..];
        }
    }
    None
}

fn has_name(part: &str, name: &str) -> bool {
    let belongs = |c: char| c.is_alphanumeric() || c == '_';
    part.match_indices(name).any(|(at, _)| {
        let (before, after) = (&part[..at], &part[at + name.len()..]);
        !before.ends_with(|c| belongs(c) || c == '.') && !after.starts_with(belongs)
    })
}

#[cfg(test)]
mod tests;
