//! The activity log, looked through from its end, one page after the other.

use rusqlite::named_params;

use super::{Store, events};
use crate::error::Result;
use crate::event::{Page, Which};

/// How many rows are looked at for one page where no index leads to those that are wanted.
const LOOKED_AT: i64 = 50_000;

impl Store {
    /// The newest rows that `which` lets through, newest first, `limit` at most; and from where to go
    /// on when there may be older ones. A page may be short, or empty, and have a next one.
    pub fn activity(&self, which: &Which, limit: u32) -> Result<Page> {
        let before = match which.before {
            Some(before) => before,
            None => self.last_event_id()?.saturating_add(1),
        };
        let floor = match which.ticket {
            Some(_) => 0,
            None => before.saturating_sub(LOOKED_AT).max(0),
        };
        let only = match which.ticket {
            Some(_) => "ticket_id = :ticket",
            None => ":ticket IS NULL",
        };
        let sql = format!(
            "SELECT {} FROM activity_log
             WHERE {only} AND id < :before AND id >= :floor
               AND (:agent IS NULL OR agent_id = :agent)
               AND (:action IS NULL OR action = :action)
             ORDER BY id DESC LIMIT :limit",
            events::COLUMNS
        );
        let mut query = self.conn.prepare_cached(&sql)?;
        let rows = query.query_map(
            named_params! {
                ":ticket": which.ticket, ":agent": which.agent, ":action": which.action,
                ":before": before, ":floor": floor, ":limit": limit,
            },
            events::from_row,
        )?;
        let events = rows.collect::<Result<Vec<_>, _>>()?;
        let is_full = u32::try_from(events.len()).is_ok_and(|found| found >= limit);
        let older = match events.last() {
            Some(last) if is_full => Some(last.id),
            _ => Some(floor),
        };
        Ok(Page {
            events,
            older: older.filter(|id| *id > 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;

    #[test]
    fn pages_hold_every_row_once_and_only_what_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        Store::migrate(&path, &mut |_| ()).unwrap();
        let mut store = Store::open(&path).unwrap();
        for n in 0..10 {
            let action = if n % 2 == 0 { "even" } else { "odd" };
            store.note(&Actor::Hub, None, action, None).unwrap();
        }
        let pages = |action: Option<&str>| {
            let mut which = Which {
                action: action.map(str::to_owned),
                ..Which::default()
            };
            let mut found = Vec::new();
            loop {
                let page = store.activity(&which, 3).unwrap();
                found.extend(page.events.iter().map(|event| event.id));
                which.before = page.older;
                if page.older.is_none() {
                    return found;
                }
            }
        };
        let last = store.last_event_id().unwrap();
        let all: Vec<i64> = (last - 9..=last).rev().collect();
        assert_eq!(pages(None)[..10], all);
        let odd: Vec<i64> = (last - 9..=last).rev().step_by(2).collect();
        assert_eq!(pages(Some("odd")), odd);
        assert_eq!(pages(Some("neither")), Vec::<i64>::new());
    }
}
