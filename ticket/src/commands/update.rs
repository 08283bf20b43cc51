//! `ticket update`.

use ticket::Result;
use ticket::ticket::TicketChange;

use super::print::changed;
use super::stdin::text_or_stdin;
use crate::cli::{Format, Update};
use crate::door::Door;

pub fn run(door: &mut Door, format: Format, update: Update) -> Result<u8> {
    let id = update.id;
    let change = TicketChange {
        title: update.title,
        description: update
            .description
            .as_deref()
            .map(text_or_stdin)
            .transpose()?,
        assign: update.assign,
        status: update.status,
        kind: update.kind,
        priority: update.priority,
        parent: update.parent,
        add_labels: update.label,
        remove_labels: update.remove_label,
        not_before: update.not_before,
        max_budget_usd: update.max_budget_usd,
    };
    door.queue(|queue| queue.update(id, &change))?;
    changed(door, format, id, &format!("Ticket {id} updated."))
}
