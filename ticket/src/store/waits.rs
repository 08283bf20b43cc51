//! Which unfinished tickets keep each other waiting, as a graph to look at.

use rusqlite::named_params;

use super::{Store, json, tickets};
use crate::error::Result;
use crate::status::Status;

/// Unfinished tickets and what they wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// The tickets that wait or are waited for, by number.
    pub tickets: Vec<Linked>,
    /// The first of each pair waits for the second.
    pub pairs: Vec<(i64, i64)>,
    /// There are more than were asked for.
    pub is_cut: bool,
}

/// What is said of a ticket that another one has to do with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: Status,
}

impl Store {
    /// Who waits for whom among unfinished tickets, blockers and children both: so many pairs at
    /// most, those of the oldest tickets first.
    pub fn waits(&self, most: u32) -> Result<Waits> {
        let mut query = self.conn.prepare_cached(
            "SELECT b.ticket_id, b.blocked_by
             FROM tickets t JOIN blockers b ON b.ticket_id = t.id
                  JOIN tickets o ON o.id = b.blocked_by
             WHERE t.status <> 'done' AND t.open_blockers > 0 AND o.status <> 'done'
             UNION
             SELECT p.id, c.id FROM tickets c JOIN tickets p ON p.id = c.parent_id
             WHERE c.parent_id IS NOT NULL AND c.status <> 'done' AND p.status <> 'done'
               AND p.wait_for_children = 1
             ORDER BY 1, 2 LIMIT :limit",
        )?;
        let pairs = query.query_map(named_params! { ":limit": most.saturating_add(1) }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let mut pairs: Vec<(i64, i64)> = pairs.collect::<Result<_, _>>()?;
        let is_cut = pairs.len() > most as usize;
        pairs.truncate(most as usize);
        let ids: Vec<i64> = pairs
            .iter()
            .flat_map(|(one, other)| [*one, *other])
            .collect();
        Ok(Waits {
            tickets: self.linked(&ids)?,
            pairs,
            is_cut,
        })
    }

    /// These tickets, each once, by number; those that do not exist are left out.
    pub fn linked(&self, ids: &[i64]) -> Result<Vec<Linked>> {
        let mut query = self.conn.prepare_cached(
            "SELECT id, title, status FROM tickets
             WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id",
        )?;
        let tickets = query.query_map(named_params! { ":ids": json(ids)? }, |row| {
            Ok(Linked {
                id: row.get("id")?,
                title: row.get("title")?,
                status: tickets::parsed(row, "status")?,
            })
        })?;
        Ok(tickets.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Actor;
    use crate::queue::Queue;
    use crate::ticket::NewTicket;

    #[test]
    fn blockers_and_children_keep_waiting_until_they_are_done() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        Store::migrate(&path, &mut |_| ()).unwrap();
        let mut store = Store::open(&path).unwrap();
        let mut make = |new: NewTicket| {
            let title = "x".to_owned();
            let mut queue = store.session(&Actor::Human);
            queue.create(&NewTicket { title, ..new }).unwrap()
        };
        let ground = make(NewTicket::default());
        let roof = make(NewTicket {
            blocked_by: vec![ground],
            ..NewTicket::default()
        });
        let house = make(NewTicket {
            wait_for_children: true,
            ..NewTicket::default()
        });
        let door = make(NewTicket {
            parent: Some(house),
            ..NewTicket::default()
        });
        make(NewTicket::default());
        let waits = store.waits(10).unwrap();
        assert_eq!(waits.pairs, [(roof, ground), (house, door)]);
        let ids: Vec<i64> = waits.tickets.iter().map(|ticket| ticket.id).collect();
        assert_eq!(
            (ids, waits.is_cut),
            (vec![ground, roof, house, door], false)
        );
        let first = store.waits(1).unwrap();
        assert_eq!((first.pairs, first.is_cut), (vec![(roof, ground)], true));
        let human = Actor::Human;
        store.session(&human).mark_done(ground, None).unwrap();
        assert_eq!(store.waits(10).unwrap().pairs, [(house, door)]);
    }
}
