//! The labels of tickets.

use rusqlite::named_params;

use super::Write;
use crate::error::Result;

/// Puts labels on a ticket; those it has stay.
pub fn add(tx: &Write<'_>, ticket: i64, labels: &[String]) -> Result<()> {
    for label in labels {
        tx.prepare_cached(
            "INSERT OR IGNORE INTO labels (ticket_id, label, rank)
             VALUES (:ticket, :label, (SELECT priority FROM tickets WHERE id = :ticket
                     AND status = 'open' AND assigned_to IS NULL AND open_blockers = 0))",
        )?
        .execute(named_params! { ":ticket": ticket, ":label": label })?;
    }
    Ok(())
}

/// Takes labels off a ticket; those it does not have are no error.
pub fn remove(tx: &Write<'_>, ticket: i64, labels: &[String]) -> Result<()> {
    for label in labels {
        tx.prepare_cached("DELETE FROM labels WHERE ticket_id = :ticket AND label = :label")?
            .execute(named_params! { ":ticket": ticket, ":label": label })?;
    }
    Ok(())
}
