//! Values that fit the schema and that a swarm cannot use. Pure.

use std::collections::BTreeMap;

use ticket::backend::{Backend, Role};

use super::fit::Fault;
use super::{Config, Notify, Size, backend};
use crate::channel::{self, mail, ntfy};

/// The least memory of a container, and the least size of a file that it may write.
const LEAST: Size = Size(64 << 20);
/// The least that is kept of transcripts.
const LEAST_KEPT: Size = Size(1 << 20);

/// The first value that is of the right type and still makes no sense.
pub fn fault(config: &Config) -> Option<Fault> {
    let Config {
        project,
        agents,
        backends,
        limits,
        image,
        transcripts,
        notify,
        ..
    } = config;
    let versions = [
        ("claude_version", &image.claude_version),
        ("codex_version", &image.codex_version),
        ("opencode_version", &image.opencode_version),
        ("gemini_version", &image.gemini_version),
    ];
    let sizes = [
        ("limits", "memory", limits.memory, LEAST),
        ("limits", "file_size", limits.file_size, LEAST),
        ("limits", "disk", limits.disk, LEAST),
        ("transcripts", "max_size", transcripts.max_size, LEAST_KEPT),
        (
            "transcripts",
            "max_run_size",
            transcripts.max_run_size,
            LEAST_KEPT,
        ),
    ];
    let one_line = !project.name.chars().any(char::is_control);
    wrong_unless(one_line, &["project", "name"], "expected one line of text")
        .or_else(|| {
            let branch = git2::Branch::name_is_valid(&project.branch).unwrap_or(false);
            wrong_unless(branch, &["project", "branch"], "expected a branch name")
        })
        .or_else(|| {
            sizes.into_iter().find_map(|(section, key, size, least)| {
                let what = format!("expected at least \"{least}\", not \"{size}\"");
                wrong_unless(size.0 >= least.0, &[section, key], &what)
            })
        })
        .or_else(|| {
            let named = is_word(&image.base);
            wrong_unless(named, &["image", "base"], "expected the name of an image")
        })
        .or_else(|| {
            versions.into_iter().find_map(|(key, version)| {
                let what = "expected a version such as \"2.1.329\"";
                wrong_unless(is_word(version), &["image", key], what)
            })
        })
        .or_else(|| bad_variables(&["agents", "env"], &agents.env))
        .or_else(|| bad_backend(&["agents", "backend"], &agents.backend))
        .or_else(|| {
            backends.iter().find_map(|(name, backend)| {
                let path = ["backends", name];
                let free = *name != agents.backend.name;
                let what = "agents.backend is called so, choose another name";
                wrong_unless(free, &path, what).or_else(|| bad_backend(&path, backend))
            })
        })
        .or_else(|| {
            [Role::Work, Role::Mend, Role::Propose]
                .into_iter()
                .find_map(|role| bad_role(config, role))
        })
        .or_else(|| bad_address(notify))
}

fn wrong_unless(fine: bool, path: &[&str], what: &str) -> Option<Fault> {
    (!fine).then(|| Fault::new(path, what))
}

fn bad_backend(path: &[&str], backend: &Backend) -> Option<Fault> {
    let wrong = backend::fault(backend).map(|(inner, what)| {
        let inner: Vec<&str> = inner.split('.').collect();
        Fault::new(&[path, &inner].concat(), what)
    });
    wrong
        .or_else(|| bad_variables(&[path, &["env"]].concat(), &backend.env))
        .or_else(|| {
            let mut names = backend.secret_names();
            names.find_map(|name| bad_variable(&[path, &["secrets"]].concat(), name))
        })
}

fn bad_role(config: &Config, role: Role) -> Option<Fault> {
    let section = config.agents.roles.get(&role)?;
    let path = ["agents", "roles", role.as_str()];
    if let Some(name) = &section.backend
        && config.backend(name).is_none()
    {
        let names = config.backends.keys().map(String::as_str);
        let known: Vec<&str> = ["claude", "codex", "opencode", "gemini"]
            .into_iter()
            .chain(names)
            .collect();
        let what = format!(
            "there is no backends.{name}: expected one of {}",
            known.join(", ")
        );
        return Some(Fault::new(&[&path[..], &["backend"]].concat(), what));
    }
    let cli = config.cli(role);
    (section.model.is_some() && cli.backend.model_flag.is_empty()).then(|| {
        let name = &cli.backend.name;
        let what = format!("the backend {name} has no model_flag, so there is no model to choose");
        Fault::new(&[&path[..], &["model"]].concat(), what)
    })
}

fn bad_variables(path: &[&str], variables: &BTreeMap<String, String>) -> Option<Fault> {
    variables.keys().find_map(|name| bad_variable(path, name))
}

fn bad_address(notify: &Notify) -> Option<Fault> {
    let wrong = |key: &str, expected: String| Some(Fault::new(&["notify", key], expected));
    let topic = notify.ntfy.as_deref().map(ntfy::check);
    if let Some(Err(expected)) = topic {
        return wrong("ntfy", expected);
    }
    let replies = notify.reply_topic.as_deref();
    let replies = replies.map(|name| ntfy::replies::check(name, notify.ntfy.as_deref()));
    if let Some(Err(expected)) = replies {
        return wrong("reply_topic", expected);
    }
    let webhook = notify.webhook.as_deref();
    if webhook.is_some_and(|address| !channel::is_address(address)) {
        let expected = "expected an address such as \"https://example.org/swarm\"";
        return wrong("webhook", expected.into());
    }
    if let Some(Err(expected)) = notify.mail.as_ref().map(mail::check) {
        return wrong("mail", expected);
    }
    let page = notify.page.as_deref()?;
    let is_address = ["http://", "https://"]
        .iter()
        .any(|scheme| page.strip_prefix(scheme).is_some_and(is_word));
    let expected = "expected an address such as \"https://swarm.example.org\"";
    wrong_unless(is_address, &["notify", "page"], expected)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn bad_variable(path: &[&str], name: &str) -> Option<Fault> {
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !starts || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        let what = format!("expected the name of a variable, not '{name}'");
        return Some(Fault::new(path, what));
    }
    ["TICKET_", "SWARM_", "AGENT_ID"]
        .iter()
        .any(|taken| name.starts_with(taken))
        .then(|| {
            let what = "this name is set by the runner, choose another";
            Fault::new(&[path, &[name]].concat(), what)
        })
}
