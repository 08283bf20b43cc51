//! `ticket list` and `ticket count`.

use ticket::filter::Filter;
use ticket::printed::Counted;
use ticket::{Result, text};

use super::print::print;
use crate::cli::{Find, Format};
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, find: Find, limit: Option<u32>) -> Result<u8> {
    let filter = Filter {
        limit,
        ..filter(find)
    };
    let tickets = door.queue(|queue| queue.list(&filter))?;
    print(format, &tickets, |tickets| text::table(tickets))
}

pub fn count(door: &mut Door, format: Format, find: Find) -> Result<u8> {
    let filter = filter(find);
    let count = door.queue(|queue| queue.count(&filter))?;
    print(format, &Counted { count }, |_| count.to_string())
}

fn filter(find: Find) -> Filter {
    Filter {
        status: find.status,
        kind: find.kind,
        assigned_to: find.assigned_to,
        label: joined(&find.label),
        parent: find.parent,
        priority: find.priority,
        blocked: find.blocked,
        ready: find.ready,
        ..Filter::default()
    }
}

/// Several labels as a filter has them.
pub fn joined(labels: &[String]) -> Option<String> {
    (!labels.is_empty()).then(|| labels.join(","))
}
