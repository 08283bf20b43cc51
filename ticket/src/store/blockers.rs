//! Which ticket waits for which. The count of open blockers on each ticket is kept by triggers.

use rusqlite::{Connection, named_params};

use super::{Write, events, tickets};
use crate::actor::Actor;
use crate::circle;
use crate::error::{Error, Result};

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

/// A new ticket that others wait for changed those others too: each gets its event.
pub fn log_dependents(tx: &Write<'_>, actor: &Actor, id: i64) -> Result<()> {
    for dependent in dependents_of(tx, id)? {
        let detail = id.to_string();
        events::append(tx, actor, Some(dependent), "blocker_added", Some(&detail))?;
    }
    Ok(())
}

/// Refuses circles of tickets that wait for each other, and shows the one it found. Looks at what is
/// waited for from `starts` on, each ticket once; a done ticket keeps nobody waiting.
pub fn must_be_acyclic(conn: &Connection, starts: &[i64]) -> Result<()> {
    let found = circle::find_along(starts.iter().copied(), |id| waits_for(conn, id))?;
    match found {
        None => Ok(()),
        Some(ids) => Err(Error::Refused(format!(
            "that would be a circle of blockers: {}",
            circle::say(&ids, "waits for")
        ))),
    }
}

/// What keeps a ticket waiting: blockers that are not done, and the open children of one that waits
/// for them.
fn waits_for(conn: &Connection, id: i64) -> Result<Vec<i64>> {
    tickets::ids(
        conn,
        "SELECT b.blocked_by FROM blockers b JOIN tickets o ON o.id = b.blocked_by
         WHERE b.ticket_id = :id AND o.status <> 'done'
         UNION
         SELECT c.id FROM tickets p JOIN tickets c ON c.parent_id = p.id
         WHERE p.id = :id AND p.wait_for_children = 1 AND c.status <> 'done'",
        id,
    )
}
