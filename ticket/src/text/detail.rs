//! One ticket with labelled lines.

use std::fmt::Write;

use super::attempts::attempt_lines;
use super::comments::comments;
use super::{one_line, plain};
use crate::moment;
use crate::ticket::TicketDetail;

/// How far a block stands in below its heading.
const MARGIN: &str = "  ";

/// The ticket, then its description, attempts and comments.
pub fn detail(detail: &TicketDetail) -> String {
    let t = &detail.ticket;
    let mut out = format!("Ticket #{}\n", t.id);
    for (label, value) in lines(detail).into_iter().chain(relations(detail)) {
        let _ = writeln!(out, "{:<13}{}", format!("{label}:"), one_line(&value));
    }
    if let Some(description) = &t.description {
        let _ = write!(out, "\nDescription:\n{}\n", plain(description));
    }
    if !detail.attempts.is_empty() {
        let _ = write!(out, "\nAttempts ({}):\n", detail.attempts.len());
        for attempt in &detail.attempts {
            out += &set_in(&attempt_lines(attempt));
        }
    }
    if !detail.comments.is_empty() {
        let _ = write!(out, "\nComments ({}):\n", detail.comments.len());
        out += &set_in(&comments(&detail.comments, false));
    }
    out.trim_end().to_owned()
}

fn lines(detail: &TicketDetail) -> Vec<(&'static str, String)> {
    let t = &detail.ticket;
    let mut lines = vec![
        ("Title", t.title.clone()),
        ("Status", t.status.to_string()),
        ("Type", t.kind.to_string()),
        ("Priority", t.priority.to_string()),
        (
            "Assigned to",
            t.assigned_to.as_deref().unwrap_or("-").into(),
        ),
    ];
    if let Some(resolution) = t.resolution {
        lines.push(("Resolution", resolution.as_str().into()));
    }
    if !t.labels.is_empty() {
        lines.push(("Labels", t.labels.join(", ")));
    }
    let deferred = t.not_before > moment::now();
    lines.extend(
        moment::text(t.not_before)
            .filter(|_| deferred)
            .map(|time| ("Not before", time)),
    );
    if t.spent_usd.0 != 0 || t.max_budget_usd.is_some() {
        let unknown = detail
            .attempts
            .iter()
            .any(|a| !a.spent.is_nothing() && !a.spent.is_cost_known);
        let least = if unknown { "at least " } else { "" };
        let budget = t
            .max_budget_usd
            .map_or(String::new(), |most| format!(" of {most}"));
        lines.push(("Cost", format!("{least}{}{budget}", t.spent_usd)));
    }
    lines.push(("Created by", t.created_by.clone()));
    lines.push(("Created at", t.created_at.clone()));
    lines.push(("Updated at", t.updated_at.clone()));
    lines
}

fn relations(detail: &TicketDetail) -> Vec<(&'static str, String)> {
    let t = &detail.ticket;
    let mut lines: Vec<_> = t
        .parent_id
        .map(|parent| ("Parent", format!("#{parent}")))
        .into_iter()
        .collect();
    for (label, others) in [
        ("Blocked by", &detail.blocked_by),
        ("Blocks", &detail.blocks),
        ("Children", &detail.children),
    ] {
        if !others.is_empty() {
            lines.push((label, ids(others)));
        }
    }
    if t.wait_for_children {
        lines.push(("Waits for", "its children".into()));
    }
    lines
}

fn ids(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("#{id}")).collect();
    ids.join(", ")
}

fn set_in(text: &str) -> String {
    text.lines()
        .map(|line| format!("{MARGIN}{line}\n"))
        .collect()
}
