//! A filter as SQL: only the conditions that are asked for, so that a call pays for no others. Words
//! of our own lists stand in the text, where SQLite sees which index serves; what users wrote is
//! always bound.

use rusqlite::types::Value;

use crate::error::Result;
use crate::filter::Filter;
use crate::status::Status;
use crate::ticket::TicketType;

/// The conditions of a filter, joined by AND, and their values.
pub struct Conditions {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Refuses what no ticket can match.
    pub fn of(filter: &Filter) -> Result<Conditions> {
        filter.check()?;
        let mut conditions = Conditions {
            parts: vec![of_statuses(&filter.statuses()?)],
            values: Vec::new(),
        };
        if let Some(kinds) = of_kinds(&filter.kinds()?) {
            conditions.parts.push(kinds);
        }
        match filter.assigned_to.as_deref() {
            None => (),
            Some("") => conditions.parts.push("assigned_to IS NULL".into()),
            Some(who) => conditions.bind("assigned_to = ?", who.to_owned().into()),
        }
        for label in filter.labels()? {
            let has = "EXISTS (SELECT 1 FROM labels WHERE label = ? AND ticket_id = tickets.id)";
            conditions.bind(has, label.to_owned().into());
        }
        if let Some(parent) = filter.parent {
            conditions.bind("parent_id = ?", parent.into());
        }
        if let Some(priority) = filter.priority {
            conditions.bind("priority = ?", priority.into());
        }
        if filter.blocked {
            conditions.parts.push("open_blockers > 0".into());
        }
        if filter.ready {
            let ready = "status = 'open' AND assigned_to IS NULL AND open_blockers = 0
                         AND not_before <= unixepoch('now')";
            conditions.parts.push(ready.into());
        }
        if let Some(after) = filter.after {
            conditions.bind("id > ?", after.into());
        }
        Ok(conditions)
    }

    fn bind(&mut self, condition: &str, value: Value) {
        self.parts.push(condition.to_owned());
        self.values.push(value);
    }

    /// What stands behind WHERE.
    pub fn sql(&self) -> String {
        self.parts.join(" AND ")
    }

    /// The values, in the order of their places.
    pub fn values(self) -> Vec<Value> {
        self.values
    }
}

/// The condition on the type; none for any.
pub fn of_kinds(kinds: &[TicketType]) -> Option<String> {
    let words: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
    (!words.is_empty()).then(|| format!("type IN ({})", words.join(", ")))
}

/// The condition on the status, which lets SQLite see that the index of unfinished tickets serves.
fn of_statuses(statuses: &[Status]) -> String {
    let words: Vec<String> = statuses.iter().map(|s| format!("'{s}'")).collect();
    let list = format!("status IN ({})", words.join(", "));
    if statuses.contains(&Status::Done) {
        list
    } else {
        format!("{list} AND status <> 'done'")
    }
}
