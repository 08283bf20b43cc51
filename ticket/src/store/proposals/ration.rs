//! How often an idle agent may be asked for a proposal. Idle costs nothing: one run at a time, none
//! while enough proposals wait for the human, and the longer nothing comes of it the seldomer.

use rusqlite::{Connection, OptionalExtension, named_params};

use super::OPEN;
use crate::error::Result;

/// The longest wait after runs that proposed nothing.
const LONGEST_WAIT: i64 = 24 * 60 * 60;
/// The shortest one, whatever the configuration says.
const SHORTEST_WAIT: i64 = 60;

/// What the project's configuration allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ration {
    /// How many proposals may wait for the human.
    pub max_open: i64,
    /// How long to wait after the beginning of one run before the next, in seconds.
    pub every_seconds: i64,
}

/// Whether another proposal could be open: nobody is about to make one, and few enough wait.
pub fn has_room(conn: &Connection, ration: Ration) -> Result<bool> {
    let sql = format!(
        "SELECT NOT EXISTS (SELECT 1 FROM proposal_runs
                            WHERE ended_at IS NULL AND left_at IS NULL AND ticket_id IS NULL)
            AND (SELECT count(*) FROM tickets WHERE {OPEN} AND status <> 'done') < :max_open"
    );
    let mut query = conn.prepare_cached(&sql)?;
    Ok(
        query.query_row(named_params! { ":max_open": ration.max_open }, |row| {
            row.get(0)
        })?,
    )
}

/// Whether it is time for a new run.
pub fn is_due(conn: &Connection, ration: Ration) -> Result<bool> {
    let since_last: Option<i64> = conn
        .prepare_cached(
            "SELECT unixepoch('now') - unixepoch(started_at) FROM proposal_runs
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()?;
    let empty: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM proposal_runs WHERE empty = 1
               AND id > (SELECT coalesce(max(id), 0) FROM proposal_runs WHERE ticket_id IS NOT NULL)",
        )?
        .query_row([], |row| row.get(0))?;
    // A clock that was set back must not silence the agents until it has caught up.
    Ok(since_last.is_none_or(|s| s < 0 || s >= wait(ration.every_seconds, empty)))
}

/// How long to wait after the beginning of a run, in seconds, when the latest `empty` runs proposed
/// nothing: twice as long for each of them, a day at most.
fn wait(every: i64, empty: i64) -> i64 {
    if empty == 0 {
        return every;
    }
    let doublings = u32::try_from(empty.min(20)).unwrap_or(0);
    let longest = LONGEST_WAIT.max(every);
    (every.max(SHORTEST_WAIT) << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn the_wait_doubles_up_to_a_day() {
        let waits: Vec<i64> = (0..8).map(|empty| wait(30 * 60, empty)).collect();
        assert_eq!(
            waits,
            [1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 86_400]
        );
        assert_eq!([wait(0, 0), wait(0, 1), wait(0, 2)], [0, 120, 240]);
        assert_eq!(wait(0, i64::MAX), 86_400);
        assert_eq!(wait(7 * 86_400, 3), 7 * 86_400);
    }
}
