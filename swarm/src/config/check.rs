//! Values that a table can hold and a swarm cannot use. Pure.

use ticket::wire::Backend;

use super::{Config, MAX_AGENTS, MIN_LEASE_SECONDS, Notify};
use crate::ntfy;

/// The first value that is of the right type and still makes no sense.
pub fn fault(config: &Config) -> Option<String> {
    let Config {
        project,
        agents,
        limits,
        network: _,
        image,
        verify,
        queue,
        proposals,
        monitor,
        notify,
    } = config;
    let program = match &agents.backend {
        Backend::Claude { program, .. } | Backend::Command { program, .. } => program,
    };
    let checks: [(&str, bool, &str); 20] = [
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
            "agents.stall_minutes",
            agents.stall_minutes <= 10_080,
            "a number of minutes from 0 to 10080",
        ),
        (
            "agents.backend.program",
            !program.trim().is_empty(),
            "the name of a program",
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
        ("image.base", is_word(&image.base), "the name of an image"),
        (
            "image.claude_version",
            is_word(&image.claude_version),
            "a version such as \"2.1.329\"",
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
        .or_else(|| agents.env.keys().find_map(|key| bad_variable(key)))
        .or_else(|| bad_address(notify))
}

fn minutes(number: u64) -> bool {
    (1..=10_080).contains(&number)
}

fn bad_address(notify: &Notify) -> Option<String> {
    let topic = notify.ntfy.as_deref().map(ntfy::check);
    if let Some(Err(expected)) = topic {
        return Some(format!("notify.ntfy: {expected}"));
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

fn bad_variable(name: &str) -> Option<String> {
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !starts || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Some(format!(
            "agents.env: expected the name of a variable, not '{name}'"
        ));
    }
    ["TICKET_", "SWARM_", "AGENT_ID"]
        .iter()
        .any(|taken| name.starts_with(taken))
        .then(|| format!("agents.env.{name}: this name is set by the runner, choose another"))
}
