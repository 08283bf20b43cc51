//! What people read in a terminal: tickets, comments and the log as text. Texts come from agents,
//! so control sequences never reach the terminal.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};

use crate::comment::Comment;
use crate::event::Event;
use crate::ticket::{Ticket, TicketDetail};

/// The text without control characters, save line breaks and tabs.
pub fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_bidi_control(*c)))
        .collect()
}

/// As [`plain`], on one line.
pub fn one_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}

/// Lets a closed pipe (`ticket list | head -1`) end the program quietly, as it does other tools.
pub fn quiet_broken_pipe() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    #[allow(
        unsafe_code,
        reason = "restores a default disposition before any thread exists"
    )]
    // SAFETY: the default disposition runs no handler of ours.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
}

/// A table of tickets, or a sentence when there is none.
pub fn table(tickets: &[Ticket]) -> String {
    if tickets.is_empty() {
        return "No tickets found.".into();
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["ID", "Status", "Type", "Assigned", "Title"]);
    for t in tickets {
        table.add_row([
            t.id.to_string(),
            t.status.to_string(),
            t.kind.to_string(),
            one_line(t.assigned_to.as_deref().unwrap_or("-")),
            one_line(&t.title),
        ]);
    }
    let lines: Vec<String> = table.lines().map(|l| l.trim().to_owned()).collect();
    lines.join("\n")
}

/// One ticket with labelled lines.
pub fn detail(detail: &TicketDetail) -> String {
    let t = &detail.ticket;
    let mut out = format!("Ticket #{}\n", t.id);
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(out, "{:<13}{}", format!("{label}:"), one_line(value));
    };
    line("Title", &t.title);
    line("Status", t.status.as_str());
    line("Type", t.kind.as_str());
    line("Priority", &t.priority.to_string());
    line("Assigned to", t.assigned_to.as_deref().unwrap_or("-"));
    if let Some(resolution) = t.resolution {
        line("Resolution", resolution.as_str());
    }
    if let Some(parent) = t.parent_id {
        line("Parent", &format!("#{parent}"));
    }
    line("Created by", &t.created_by);
    line("Created at", &t.created_at);
    line("Updated at", &t.updated_at);
    if !detail.blocked_by.is_empty() {
        line("Blocked by", &ids(&detail.blocked_by));
    }
    if !detail.blocks.is_empty() {
        line("Blocks", &ids(&detail.blocks));
    }
    if !detail.children.is_empty() {
        line("Children", &ids(&detail.children));
    }
    if let Some(description) = &t.description {
        let _ = write!(out, "\nDescription:\n{}\n", plain(description));
    }
    if !detail.attempts.is_empty() {
        let _ = write!(out, "\nAttempts ({}):\n", detail.attempts.len());
        for a in &detail.attempts {
            let end = match (a.outcome, &a.ended_at) {
                (Some(outcome), Some(at)) => format!("{outcome} at {at}"),
                _ => format!("{} since {}", a.phase, a.started_at),
            };
            let reason = a
                .reason
                .as_deref()
                .map_or(String::new(), |r| format!(": {}", one_line(r)));
            let _ = writeln!(out, "  {} {}: {end}{reason}", a.number, one_line(&a.agent));
        }
    }
    if !detail.comments.is_empty() {
        let _ = write!(out, "\nComments ({}):\n", detail.comments.len());
        for c in &detail.comments {
            let _ = writeln!(
                out,
                "  [{}] {}: {}",
                c.created_at,
                one_line(&c.author),
                plain(&c.body)
            );
        }
    }
    out.trim_end().to_owned()
}

/// One comment a line, or a sentence when there is none.
pub fn comments(comments: &[Comment]) -> String {
    if comments.is_empty() {
        return "No comments.".into();
    }
    let lines: Vec<String> = comments
        .iter()
        .map(|c| {
            format!(
                "[{}] {}: {}",
                c.created_at,
                one_line(&c.author),
                plain(&c.body)
            )
        })
        .collect();
    lines.join("\n")
}

/// One event a line, or a sentence when there is none.
pub fn log(events: &[Event]) -> String {
    if events.is_empty() {
        return "No activity.".into();
    }
    let lines: Vec<String> = events.iter().map(event).collect();
    lines.join("\n")
}

/// One event: `[time] #id action agent detail`.
pub fn event(event: &Event) -> String {
    let ticket = event
        .ticket_id
        .map_or("-".to_owned(), |id| format!("#{id}"));
    let line = format!(
        "[{}] {ticket} {} {} {}",
        event.created_at,
        event.action,
        one_line(event.agent_id.as_deref().unwrap_or("-")),
        one_line(event.detail.as_deref().unwrap_or(""))
    );
    line.trim_end().to_owned()
}

fn ids(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("#{id}")).collect();
    ids.join(", ")
}

/// Marks that change the direction of text can make a line read as something else.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_do_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\u{7}\u{9b}2Jc\n"), "a[31mb2Jc\n");
        assert_eq!(one_line("two\nlines\u{202e}"), "two lines");
    }
}
