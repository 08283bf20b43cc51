//! What people read in a terminal: tickets, comments, attempts, patches and the log as text. Texts
//! come from agents, so control sequences never reach the terminal.

mod attempts;
mod comments;
mod detail;
mod patch;

use comfy_table::{ContentArrangement, Table, presets};

pub use attempts::attempts;
pub use comments::comments;
pub use detail::detail;
pub use patch::patch;

use crate::event::Event;
use crate::filter::Hit;
use crate::learning::Learning;
use crate::ticket::Ticket;

/// The text without control characters, save line breaks and tabs.
pub fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_bidi_control(*c)))
        .collect()
}

/// One line without colours, cursor movements and other control characters.
pub fn clean(line: &str) -> String {
    plain(&without_escapes(line))
}

/// Drops `ESC [ … letter` and `ESC ] … BEL`, which would leave their parameters behind.
fn without_escapes(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            kept.push(c);
            continue;
        }
        match chars.next() {
            Some('[') => {
                chars.find(|c| ('@'..='~').contains(c));
            }
            Some(']') => {
                let mut last = ' ';
                chars.find(|c| {
                    let ends = *c == '\u{7}' || (last == '\u{1b}' && *c == '\\');
                    last = *c;
                    ends
                });
            }
            _ => {}
        }
    }
    kept
}

/// As [`plain`], on one line.
pub fn one_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}

/// The end of `text`, at most `limit` bytes, cut between characters.
pub fn last_bytes(text: &str, limit: usize) -> &str {
    let mut start = text.len().saturating_sub(limit);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The beginning of `text`, at most `limit` bytes, cut between characters.
pub fn first_bytes(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// At most so many characters of a text, and a mark when that is not all.
pub fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// A size in bytes, for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        1_000_000..1_000_000_000 => {
            format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
        }
        1_000_000_000.. => {
            let tenths = bytes % 1_000_000_000 / 100_000_000;
            format!("{}.{tenths} GB", bytes / 1_000_000_000)
        }
    }
}

/// A number of bytes as the configuration writes it, in the largest unit that leaves no rest: `20g`,
/// `1536m`.
pub fn exact_size(bytes: u64) -> String {
    let units = [(40, "t"), (30, "g"), (20, "m"), (10, "k")];
    let leaves_no_rest = |shift: u32| bytes > 0 && bytes.trailing_zeros() >= shift;
    match units.iter().find(|(shift, _)| leaves_no_rest(*shift)) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
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

/// What a search found, two lines each: the ticket, and the words in their place.
pub fn hits(hits: &[Hit]) -> String {
    if hits.is_empty() {
        return "No tickets found.".into();
    }
    let hit = |hit: &Hit| {
        let Ticket {
            id,
            status,
            kind,
            title,
            ..
        } = &hit.ticket;
        let place = match hit.found_in.as_str() {
            "comment" => "comment: ",
            _ => "",
        };
        let (title, excerpt) = (one_line(title), one_line(&hit.excerpt));
        format!(
            "#{id} {status} {kind}: {title}\n    {place}{}",
            excerpt.trim()
        )
    };
    let lines: Vec<String> = hits.iter().map(hit).collect();
    lines.join("\n")
}

/// What was found out, one line each: `[time] category author: body (#ticket)`.
pub fn learnings(learnings: &[Learning]) -> String {
    if learnings.is_empty() {
        return "No learnings.".into();
    }
    let learning = |l: &Learning| {
        let from = l.ticket_id.map_or(String::new(), |id| format!(" (#{id})"));
        let (category, author) = (one_line(&l.category), one_line(&l.author));
        let body = one_line(&l.body);
        format!("[{}] {category} {author}: {body}{from}", l.created_at)
    };
    let lines: Vec<String> = learnings.iter().map(learning).collect();
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
        one_line(&event.action),
        one_line(event.agent_id.as_deref().unwrap_or("-")),
        one_line(event.detail.as_deref().unwrap_or(""))
    );
    line.trim_end().to_owned()
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

    #[test]
    fn cutting_respects_characters() {
        assert_eq!(last_bytes("aäö", 3), "ö");
        assert_eq!(first_bytes("aäö", 2), "a");
        assert_eq!(beginning("äöü", 3), "äöü");
        assert_eq!(beginning("äöüß", 3), "äöü…");
        assert_eq!(beginning("äö üß", 3), "äö…");
        assert_eq!(first_bytes("ab", 9), "ab");
    }

    #[test]
    fn sizes_have_one_decimal_and_the_unit_that_fits() {
        for (bytes, said) in [
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (1_550_000, "1.5 MB"),
            (999_999_999, "999.9 MB"),
            (4_250_000_000, "4.2 GB"),
            (2_000_000_000_000, "2000.0 GB"),
        ] {
            assert_eq!(size(bytes), said);
        }
        let told = [2 << 40, 20 << 30, 1536 << 20, 3 << 10, 1000, 0].map(exact_size);
        assert_eq!(told, ["2t", "20g", "1536m", "3k", "1000", "0"]);
    }

    #[test]
    fn terminals_get_no_orders() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m"), "red");
        assert_eq!(clean("\u{1b}]0;title\u{7}text"), "text");
        assert_eq!(clean("\u{1b}]8;;http://x\u{1b}\\link"), "link");
        assert_eq!(clean("a\rb\u{8}c\td"), "abc\td");
        assert_eq!(clean("\u{1b}[31"), "");
    }
}
