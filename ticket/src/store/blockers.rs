//! Which ticket waits for which. The count of open blockers on each ticket is kept by triggers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, named_params};

use super::{Write, tickets};
use crate::error::{Error, Result};

/// The tickets that `id` waits for.
pub fn of(conn: &Connection, id: i64) -> Result<Vec<i64>> {
    tickets::ids(
        conn,
        "SELECT blocked_by FROM blockers WHERE ticket_id = :id ORDER BY blocked_by",
        id,
    )
}

/// The tickets that wait for `id`.
pub fn dependents_of(conn: &Connection, id: i64) -> Result<Vec<i64>> {
    tickets::ids(
        conn,
        "SELECT ticket_id FROM blockers WHERE blocked_by = :id ORDER BY ticket_id",
        id,
    )
}

/// Adds a relation; returns false when it stood already.
pub fn insert(tx: &Write<'_>, id: i64, by: i64) -> Result<bool> {
    let added = tx
        .prepare_cached("INSERT OR IGNORE INTO blockers (ticket_id, blocked_by) VALUES (:id, :by)")?
        .execute(named_params! { ":id": id, ":by": by })?;
    Ok(added > 0)
}

/// Removes a relation; returns false when there was none.
pub fn remove(tx: &Write<'_>, id: i64, by: i64) -> Result<bool> {
    let removed = tx.execute(
        "DELETE FROM blockers WHERE ticket_id = :id AND blocked_by = :by",
        named_params! { ":id": id, ":by": by },
    )?;
    Ok(removed > 0)
}

/// Refuses a relation that would close a circle, and shows the circle.
pub fn must_not_cycle(conn: &Connection, id: i64, by: i64) -> Result<()> {
    if id == by {
        return Err(Error::Refused(format!(
            "ticket {id} cannot wait for itself"
        )));
    }
    let mut reached_from = HashMap::from([(by, id)]);
    let mut to_visit = vec![by];
    while let Some(ticket) = to_visit.pop() {
        for next in of(conn, ticket)? {
            if next == id {
                return Err(circle(id, ticket, &reached_from));
            }
            if let Entry::Vacant(slot) = reached_from.entry(next) {
                slot.insert(ticket);
                to_visit.push(next);
            }
        }
    }
    Ok(())
}

/// The refusal, with the chain that leads from `id` through `last` back to `id`.
fn circle(id: i64, last: i64, reached_from: &HashMap<i64, i64>) -> Error {
    let mut chain = vec![id, last];
    while let Some(before) = reached_from.get(&chain[chain.len() - 1]) {
        chain.push(*before);
        if *before == id {
            break;
        }
    }
    let chain: Vec<String> = chain.iter().rev().map(|t| format!("#{t}")).collect();
    Error::Refused(format!(
        "that would be a circle of blockers: {}",
        chain.join(" waits for ")
    ))
}
