//! Values that a table can hold and a swarm cannot use. Pure.

use std::collections::BTreeMap;

use ticket::backend::{Backend, Role};
use ticket::text::one_line;
use ticket::usd::Usd;

use super::{Config, MAX_AGENTS, MIN_LEASE_SECONDS, Notify, backend};
use crate::channel::{self, mail, ntfy};
use crate::prices::Price;

/// The first value that is of the right type and still makes no sense.
pub fn fault(config: &Config) -> Option<String> {
    let Config {
        project,
        agents,
        backends: _,
        limits,
        network: _,
        image,
        verify,
        queue,
        proposals,
        transcripts,
        budgets,
        prices,
        monitor,
        notify,
    } = config;
    let checks: [(&str, bool, &str); 30] = [
        (
            "project.branch",
            is_branch(&project.branch),
            "a branch name",
        ),
        (
            "agents.count",
            (1..=MAX_AGENTS).contains(&agents.count),
            "a number from 1 to 64",
        ),
        (
            "agents.timeout_minutes",
            minutes(agents.timeout_minutes),
            "a number of minutes from 1 to 10080",
        ),
        (
            "agents.attempt_timeout_minutes",
            agents.attempt_timeout_minutes <= 10_080,
            "a number of minutes from 0 to 10080",
        ),
        (
            "agents.stall_minutes",
            agents.stall_minutes <= 10_080,
            "a number of minutes from 0 to 10080",
        ),
        (
            "limits.memory",
            limits.memory.0 >= 64 << 20,
            "at least \"64m\"",
        ),
        (
            "limits.cpus",
            limits.cpus.is_finite() && (0.1..=1024.0).contains(&limits.cpus),
            "a number of cores, at least 0.1",
        ),
        (
            "limits.pids",
            (32..=1 << 22).contains(&limits.pids),
            "a number of processes, at least 32",
        ),
        (
            "limits.file_size",
            limits.file_size.0 >= 64 << 20,
            "at least \"64m\"",
        ),
        ("image.base", is_word(&image.base), "the name of an image"),
        (
            "image.claude_version",
            is_word(&image.claude_version),
            "a version such as \"2.1.329\"",
        ),
        (
            "image.codex_version",
            is_word(&image.codex_version),
            "a version such as \"0.169.0\"",
        ),
        (
            "image.opencode_version",
            is_word(&image.opencode_version),
            "a version such as \"1.18.33\"",
        ),
        (
            "image.gemini_version",
            is_word(&image.gemini_version),
            "a version such as \"0.61.0\"",
        ),
        (
            "verify.retries",
            verify.retries <= 100,
            "a number up to 100",
        ),
        (
            "verify.timeout_minutes",
            minutes(verify.timeout_minutes),
            "a number of minutes from 1 to 10080",
        ),
        ("verify.ready", verify.ready <= 16, "a number up to 16"),
        (
            "verify.window",
            (1..=16).contains(&verify.window),
            "a number from 1 to 16",
        ),
        (
            "queue.max_attempts",
            (1..=1000).contains(&queue.max_attempts),
            "a number from 1 to 1000",
        ),
        (
            "queue.lease_seconds",
            (MIN_LEASE_SECONDS..=86_400).contains(&queue.lease_seconds),
            "a number of seconds from 10 to 86400",
        ),
        (
            "proposals.max_open",
            (1..=1000).contains(&proposals.max_open),
            "a number from 1 to 1000",
        ),
        (
            "proposals.every_minutes",
            (0..=10_080).contains(&proposals.every_minutes),
            "a number of minutes up to 10080",
        ),
        (
            "transcripts.keep_days",
            (1..=36_500).contains(&transcripts.keep_days),
            "a number of days from 1 to 36500",
        ),
        (
            "transcripts.max_size",
            transcripts.max_size.0 >= 1 << 20,
            "at least \"1m\"",
        ),
        (
            "transcripts.max_run_size",
            transcripts.max_run_size.0 >= 1 << 20,
            "at least \"1m\"",
        ),
        (
            "budgets.max_usd_per_ticket",
            buys_something(budgets.max_usd_per_ticket),
            "a number of US dollars above 0; leave it out for any amount",
        ),
        (
            "budgets.max_usd_per_day",
            buys_something(budgets.max_usd_per_day),
            "a number of US dollars above 0; leave it out for any amount",
        ),
        (
            "notify.reply_hours",
            (1..=168).contains(&notify.reply_hours),
            "a number of hours from 1 to 168",
        ),
        ("monitor.port", monitor.port != 0, "a port from 1 to 65535"),
        (
            "project.name",
            !project.name.chars().any(char::is_control),
            "one line of text",
        ),
    ];
    let wrong = checks.iter().find(|(_, fine, _)| !fine);
    wrong
        .map(|(key, _, expected)| format!("{key}: expected {expected}"))
        .or_else(|| bad_variables("agents.env", &agents.env))
        .or_else(|| bad_backend("agents.backend", &agents.backend))
        .or_else(|| {
            config.backends.iter().find_map(|(name, backend)| {
                let key = format!("backends.{name}");
                match *name == agents.backend.name {
                    true => Some(format!(
                        "{key}: [agents.backend] is called so, choose another name"
                    )),
                    false => bad_backend(&key, backend),
                }
            })
        })
        .or_else(|| {
            [Role::Work, Role::Mend, Role::Propose]
                .into_iter()
                .find_map(|role| bad_role(config, role))
        })
        .or_else(|| bad_price(prices))
        .or_else(|| bad_address(notify))
}

fn bad_backend(key: &str, backend: &Backend) -> Option<String> {
    let wrong = backend::fault(backend).map(|(inner, what)| format!("{key}.{inner}: {what}"));
    wrong
        .or_else(|| bad_variables(&format!("{key}.env"), &backend.env))
        .or_else(|| {
            let mut names = backend.secret_names();
            names.find_map(|name| bad_variable(&format!("{key}.secrets"), name))
        })
}

fn bad_role(config: &Config, role: Role) -> Option<String> {
    let section = config.agents.roles.get(&role)?;
    let key = match role {
        Role::Work => "agents.roles.work",
        Role::Mend => "agents.roles.mend",
        Role::Propose => "agents.roles.propose",
    };
    if let Some(name) = &section.backend
        && config.backend(name).is_none()
    {
        let names: Vec<&str> = config.backends.keys().map(String::as_str).collect();
        return Some(format!(
            "{key}.backend: there is no [backends.{name}], expected one of {}",
            ["claude", "codex", "opencode", "gemini"]
                .into_iter()
                .chain(names)
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    let cli = config.cli(role);
    (section.model.is_some() && cli.backend.model_flag.is_empty()).then(|| {
        let name = &cli.backend.name;
        format!("{key}.model: the backend {name} has no model_flag, so there is no model to choose")
    })
}

fn bad_variables(key: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    variables.keys().find_map(|name| bad_variable(key, name))
}

fn buys_something(budget: Option<Usd>) -> bool {
    budget.is_none_or(|budget| budget.0 > 0)
}

fn bad_price(prices: &BTreeMap<String, Price>) -> Option<String> {
    let (model, _) = prices.iter().find(|(_, price)| !price.is_sound())?;
    Some(format!(
        "prices.\"{}\": expected US dollars per million tokens, from 0 to 100000",
        one_line(model)
    ))
}

fn minutes(number: u64) -> bool {
    (1..=10_080).contains(&number)
}

fn bad_address(notify: &Notify) -> Option<String> {
    let topic = notify.ntfy.as_deref().map(ntfy::check);
    if let Some(Err(expected)) = topic {
        return Some(format!("notify.ntfy: {expected}"));
    }
    let replies = notify.reply_topic.as_deref();
    let replies = replies.map(|name| ntfy::replies::check(name, notify.ntfy.as_deref()));
    if let Some(Err(expected)) = replies {
        return Some(format!("notify.reply_topic: {expected}"));
    }
    let webhook = notify.webhook.as_deref();
    if webhook.is_some_and(|address| !channel::is_address(address)) {
        return Some(
            "notify.webhook: expected an address such as \"https://example.org/swarm\"".into(),
        );
    }
    if let Some(Err(expected)) = notify.mail.as_ref().map(mail::check) {
        return Some(format!("notify.mail: {expected}"));
    }
    let page = notify.page.as_deref()?;
    let is_address = ["http://", "https://"]
        .iter()
        .any(|scheme| page.strip_prefix(scheme).is_some_and(is_word));
    (!is_address)
        .then(|| "notify.page: expected an address such as \"https://swarm.example.org\"".into())
}

fn is_branch(name: &str) -> bool {
    git2::Branch::name_is_valid(name).unwrap_or(false)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn bad_variable(key: &str, name: &str) -> Option<String> {
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !starts || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Some(format!(
            "{key}: expected the name of a variable, not '{name}'"
        ));
    }
    ["TICKET_", "SWARM_", "AGENT_ID"]
        .iter()
        .any(|taken| name.starts_with(taken))
        .then(|| format!("{key}.{name}: this name is set by the runner, choose another"))
}
