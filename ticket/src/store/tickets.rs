//! Rows of the tickets table.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, RowIndex, named_params, params_from_iter};

use super::conditions::Conditions;
use super::{Store, Write, attempts, blockers, budgets, comments, events, halts, json, labels};
use crate::actor::Actor;
use crate::attempt::Attempt;
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::halt::Claims;
use crate::status::{Move, Status};
use crate::ticket::{NewTicket, Resolution, Ticket, TicketDetail, TicketType};
use crate::usd::Usd;

/// The longest name of a person or agent, in characters.
const MAX_NAME: usize = 100;

/// What [`from_row`] reads, in its order.
pub(super) const COLUMNS: &str = "id, title, description, status, type, assigned_to, parent_id, created_by, \
     created_at, updated_at, priority, resolution, not_before, attempt, failures, wait_for_children, max_budget_microusd, spent_microusd, \
     (SELECT json_group_array(label) FROM labels WHERE ticket_id = tickets.id) AS labels";

/// One ticket.
pub fn get(conn: &Connection, id: i64) -> Result<Ticket> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE id = :id");
    conn.prepare_cached(&sql)?
        .query_row(named_params! { ":id": id }, from_row)
        .optional()?
        .ok_or_else(|| Error::no_ticket(id))
}

/// One ticket with all that hangs on it.
pub fn detail(conn: &Connection, id: i64) -> Result<TicketDetail> {
    with_all(conn, get(conn, id)?, attempts::with_spending(conn, id)?)
}

/// A ticket and its attempts as they were just read, with all else that hangs on it.
pub fn with_all(conn: &Connection, ticket: Ticket, attempts: Vec<Attempt>) -> Result<TicketDetail> {
    let id = ticket.id;
    let mut detail = TicketDetail {
        ticket,
        blocked_by: Vec::new(),
        blocks: Vec::new(),
        children: Vec::new(),
        comments: comments::of(conn, id)?,
        attempts,
    };
    let mut query = conn.prepare_cached(
        "SELECT 'waits for', blocked_by FROM blockers WHERE ticket_id = :id
         UNION ALL SELECT 'blocks', ticket_id FROM blockers WHERE blocked_by = :id
         UNION ALL SELECT 'has child', id FROM tickets WHERE parent_id = :id",
    )?;
    let mut rows = query.query(named_params! { ":id": id })?;
    while let Some(row) = rows.next()? {
        let related = match row.get_ref(0)?.as_str() {
            Ok("waits for") => &mut detail.blocked_by,
            Ok("blocks") => &mut detail.blocks,
            _ => &mut detail.children,
        };
        related.push(row.get(1)?);
    }
    for related in [
        &mut detail.blocked_by,
        &mut detail.blocks,
        &mut detail.children,
    ] {
        related.sort_unstable();
    }
    Ok(detail)
}

/// The tickets that the filter lets through, by id.
pub fn list(conn: &Connection, filter: &Filter) -> Result<Vec<Ticket>> {
    let conditions = Conditions::of(filter)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM tickets WHERE {} ORDER BY id LIMIT ?",
        conditions.sql()
    );
    let limit = filter.limit.map_or(-1, i64::from);
    let mut query = conn.prepare_cached(&sql)?;
    let values = conditions.values().into_iter().chain([limit.into()]);
    let rows = query.query_map(params_from_iter(values), from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many tickets [`list`] gives without a limit.
pub fn count(conn: &Connection, filter: &Filter) -> Result<u64> {
    let conditions = Conditions::of(filter)?;
    let sql = format!("SELECT count(*) FROM tickets WHERE {}", conditions.sql());
    let mut query = conn.prepare_cached(&sql)?;
    let values = params_from_iter(conditions.values());
    let number: i64 = query.query_row(values, |row| row.get(0))?;
    Ok(number.unsigned_abs())
}

/// Inserts a ticket with its relations; returns its id.
pub fn insert(tx: &Write<'_>, actor: &Actor, new: &NewTicket, kind: TicketType) -> Result<i64> {
    let id = insert_alone(tx, actor, new, kind)?;
    relate(tx, id, new)?;
    let related = new.parent.is_some() || !new.block_dependents_of.is_empty();
    if related && is_waited_for(tx, id)? {
        blockers::must_be_acyclic(tx, &[id])?;
    }
    Ok(id)
}

/// Inserts a ticket, for now without parent and blockers; [`relate`] adds them.
pub fn insert_alone(
    tx: &Write<'_>,
    actor: &Actor,
    new: &NewTicket,
    kind: TicketType,
) -> Result<i64> {
    new.check()?;
    let created_by = actor.signs(new.created_by.as_deref());
    check_name("--created-by", created_by)?;
    let assign = new.assign.as_deref().filter(|a| !a.is_empty());
    assign.map_or(Ok(()), |who| check_name("--assign", who))?;
    let assign = assign.or_else(|| actor.addressee(kind));
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO tickets (title, description, type, assigned_to, created_by, priority,
                                  wait_for_children, not_before, max_budget_microusd)
             VALUES (:title, :description, :type, :assign, :created_by, :priority, :waits, :not_before,
                     :budget)
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":title": new.title, ":description": new.description, ":type": kind.as_str(),
                ":assign": assign, ":created_by": created_by,
                ":priority": new.priority.unwrap_or(2), ":waits": new.wait_for_children,
                ":not_before": new.not_before.unwrap_or(0),
                ":budget": new.max_budget_usd.map(|budget| budget.0),
            },
            |row| row.get(0),
        )?;
    labels::add(tx, id, &new.labels)?;
    events::append_as(tx, created_by, Some(id), "created", Some(&new.title))?;
    Ok(id)
}

/// Gives a new ticket its parent and its blockers. Circles are the caller's to look for.
pub fn relate(tx: &Write<'_>, id: i64, new: &NewTicket) -> Result<()> {
    // Whoever guessed the id of the new ticket named one that was not there.
    let named = new.parent.iter().chain(&new.blocked_by);
    if named.chain(&new.block_dependents_of).any(|n| *n == id) {
        return Err(Error::no_ticket(id));
    }
    if let Some(parent) = new.parent {
        set_parent(tx, id, Some(parent))?;
    }
    for by in &new.blocked_by {
        must_exist(tx, *by)?;
        blockers::insert(tx, id, *by)?;
    }
    for of in &new.block_dependents_of {
        must_exist(tx, *of)?;
        for dependent in blockers::dependents_of(tx, *of)? {
            blockers::insert(tx, dependent, id)?;
        }
    }
    Ok(())
}

/// Makes `id` a part of `parent`, or of none. A ticket is no part of itself.
pub fn set_parent(tx: &Write<'_>, id: i64, parent: Option<i64>) -> Result<()> {
    let mut above = parent;
    while let Some(next) = above {
        if next == id {
            return Err(Error::Refused(format!(
                "ticket {id} cannot be a part of ticket {}: that is a part of ticket {id}",
                parent.unwrap_or(id)
            )));
        }
        above = tx
            .prepare_cached("SELECT parent_id FROM tickets WHERE id = :id")?
            .query_row(named_params! { ":id": next }, |row| row.get(0))
            .optional()?
            .ok_or_else(|| Error::no_ticket(next))?;
    }
    tx.prepare_cached("UPDATE tickets SET parent_id = :parent WHERE id = :id")?
        .execute(named_params! { ":id": id, ":parent": parent })?;
    Ok(())
}

/// Whether anything waits for this ticket: what nothing waits for closes no circle.
fn is_waited_for(tx: &Write<'_>, id: i64) -> Result<bool> {
    Ok(tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM blockers WHERE blocked_by = :id)
                 OR EXISTS (SELECT 1 FROM tickets p JOIN tickets c ON c.parent_id = p.id
                            WHERE c.id = :id AND p.wait_for_children = 1)",
        )?
        .query_row(named_params! { ":id": id }, |row| row.get(0))?)
}

/// Refuses an id that no ticket has.
pub fn must_exist(conn: &Connection, id: i64) -> Result<()> {
    conn.prepare_cached("SELECT 1 FROM tickets WHERE id = :id")?
        .exists(named_params! { ":id": id })?
        .then_some(())
        .ok_or_else(|| Error::no_ticket(id))
}

/// A ticket's title.
pub fn title(conn: &Connection, id: i64) -> Result<String> {
    conn.prepare_cached("SELECT title FROM tickets WHERE id = :id")?
        .query_row(named_params! { ":id": id }, |row| row.get(0))
        .optional()?
        .ok_or_else(|| Error::no_ticket(id))
}

/// Refuses the name of a person or agent that is blank, long or has control characters.
pub fn check_name(what: &str, name: &str) -> Result<()> {
    let length = name.chars().count();
    if name.trim().is_empty() || length > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "{what} '{}' is not a name: use 1 to {MAX_NAME} characters on one line",
            crate::text::one_line(name)
        )));
    }
    Ok(())
}

/// Applies `what` by [`Status::after`]; returns the ticket as it was. The assignee is cleared when
/// the ticket becomes open; it is the human when the budget is used up.
pub fn apply(tx: &Write<'_>, id: i64, what: Move) -> Result<Ticket> {
    let before = get(tx, id)?;
    let status = before.status.after(what)?;
    tx.prepare_cached(
        "UPDATE tickets SET status = :status, updated_at = datetime('now'),
                assigned_to = CASE WHEN :status = 'open' THEN NULL ELSE assigned_to END
         WHERE id = :id",
    )?
    .execute(named_params! { ":id": id, ":status": status.as_str() })?;
    if status == Status::Open {
        budgets::hand_over(tx, id)?;
    }
    Ok(before)
}

/// Finishes a ticket with its resolution; its dependents are freed by the schema's trigger.
pub fn finish(tx: &Write<'_>, id: i64, resolution: Resolution) -> Result<()> {
    get(tx, id)?.status.after(Move::Finish)?;
    tx.execute(
        "UPDATE tickets SET status = 'done', resolution = :resolution, updated_at = datetime('now')
         WHERE id = :id",
        named_params! { ":id": id, ":resolution": resolution.as_str() },
    )?;
    Ok(())
}

/// The human gives a ticket back to the agents: what failed before counts no more, and nobody waits
/// because of it. A wish for a later moment stays. For a tree that is still to come the ticket goes on waiting.
pub fn forgive(tx: &Write<'_>, id: i64) -> Result<()> {
    tx.execute(
        "UPDATE tickets SET failures = 0,
                not_before = CASE WHEN wait_seconds = 0 OR EXISTS (
                        SELECT 1 FROM attempts a WHERE a.ticket_id = tickets.id
                          AND a.number = tickets.attempt AND a.settled = 0)
                    THEN not_before ELSE 0 END
         WHERE id = :id",
        named_params! { ":id": id },
    )?;
    Ok(())
}

/// Sets the assignee.
pub fn assign(tx: &Write<'_>, id: i64, who: Option<&str>) -> Result<()> {
    tx.execute(
        "UPDATE tickets SET assigned_to = :who, updated_at = datetime('now') WHERE id = :id",
        named_params! { ":id": id, ":who": who },
    )?;
    Ok(())
}

/// Nobody claims the ticket for so many seconds from now.
pub fn defer(tx: &Write<'_>, id: i64, seconds: i64) -> Result<()> {
    let not_before = match seconds {
        0 => 0,
        seconds => super::now() + seconds,
    };
    tx.execute(
        "UPDATE tickets SET not_before = :not_before, wait_seconds = :seconds WHERE id = :id",
        named_params! { ":id": id, ":not_before": not_before, ":seconds": seconds },
    )?;
    Ok(())
}

/// Ids by a query that takes one `:id`.
pub fn ids(conn: &Connection, sql: &str, id: i64) -> Result<Vec<i64>> {
    let mut query = conn.prepare_cached(sql)?;
    let rows = query.query_map(named_params! { ":id": id }, |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many tickets there were at some moment. Later ones have higher numbers, and none is ever taken
/// out, so that they need not be counted again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    last: i64,
    number: u64,
}

impl Total {
    fn now(self, conn: &Connection) -> Result<Total> {
        let mut query = conn.prepare_cached(
            "SELECT coalesce(max(id), :last), count(*) FROM tickets WHERE id > :last",
        )?;
        Ok(
            query.query_row(named_params! { ":last": self.last }, |row| {
                Ok(Total {
                    last: row.get(0)?,
                    number: self.number + row.get::<_, i64>(1)?.unsigned_abs(),
                })
            })?,
        )
    }
}

/// Reads the unfinished tickets once; the others are done.
fn count_by_status(conn: &Connection, known: Total) -> Result<(BTreeMap<String, u64>, Total)> {
    let total = known.now(conn)?;
    let unfinished = [Status::Open, Status::InProgress, Status::Ready];
    let sums = unfinished.map(|status| format!("coalesce(sum(status = '{status}'), 0)"));
    let sql = format!(
        "SELECT {} FROM tickets WHERE status <> 'done'",
        sums.join(", ")
    );
    let mut counts = BTreeMap::new();
    conn.prepare_cached(&sql)?.query_row([], |row| {
        for (column, status) in unfinished.iter().enumerate() {
            let number = row.get::<_, i64>(column)?.unsigned_abs();
            counts.insert(status.as_str().to_owned(), number);
        }
        Ok(())
    })?;
    let done = total.number.saturating_sub(counts.values().sum());
    counts.insert(Status::Done.as_str().to_owned(), done);
    Ok((counts, total))
}

impl Store {
    /// How many tickets have each status; all four are named.
    pub fn status_counts(&self) -> Result<BTreeMap<String, u64>> {
        let (counts, _) = self.read(|conn| count_by_status(conn, Total::default()))?;
        Ok(counts)
    }

    /// As [`Store::status_counts`], going on from a total that was counted before. Returns the one to
    /// go on from next.
    pub fn status_counts_from(&self, known: Total) -> Result<(BTreeMap<String, u64>, Total)> {
        self.read(|conn| count_by_status(conn, known))
    }

    /// Those of these tickets that the filter lets through, by id; its limit counts for nothing.
    pub fn list_among(&self, ids: &[i64], filter: &Filter) -> Result<Vec<Ticket>> {
        let conditions = Conditions::of(filter)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM tickets WHERE {} AND id IN (SELECT value FROM json_each(?))
             ORDER BY id",
            conditions.sql()
        );
        let mut query = self.conn.prepare_cached(&sql)?;
        let values = conditions.values().into_iter().chain([json(ids)?.into()]);
        let rows = query.query_map(params_from_iter(values), from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Which of these tickets wait for others.
    pub fn blocked_among(&self, ids: &[i64]) -> Result<BTreeSet<i64>> {
        let mut query = self.conn.prepare_cached(
            "SELECT id FROM tickets
             WHERE id IN (SELECT value FROM json_each(:ids)) AND open_blockers > 0",
        )?;
        let rows = query.query_map(named_params! { ":ids": json(ids)? }, |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Which of these tickets are not done.
    pub fn unfinished(&self, ids: &[i64]) -> Result<Vec<i64>> {
        let mut query = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tickets WHERE id = :id AND status <> 'done')",
        )?;
        let mut unfinished = Vec::new();
        for id in ids {
            if query.query_row(named_params! { ":id": id }, |row| row.get(0))? {
                unfinished.push(*id);
            }
        }
        Ok(unfinished)
    }

    /// The nearest moment after now, in Unix seconds, at which a claim may have more luck: a halt is
    /// over, or a deferred ticket may be claimed.
    pub fn next_claimable(&self) -> Result<Option<i64>> {
        let halts = halts::all(&self.conn)?;
        let withheld = halts
            .iter()
            .filter(|halt| halt.claims(super::now()) == Claims::Withheld);
        let ends: Option<Vec<i64>> = withheld
            .map(|halt| halt.until.filter(|_| halt.probe.is_none()))
            .collect();
        match ends.as_deref().map(|ends| ends.iter().max()) {
            Some(None) => {}
            Some(Some(last)) => return Ok(Some(*last)),
            None => return Ok(None),
        }
        let mut query = self.conn.prepare_cached(
            "SELECT min(not_before) FROM tickets
             WHERE status = 'open' AND assigned_to IS NULL AND open_blockers = 0
               AND not_before > :now",
        )?;
        Ok(query.query_row(named_params! { ":now": super::now() }, |row| row.get(0))?)
    }
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Ticket> {
    // By place, in the order of `COLUMNS`: every claim and every line of a list comes by here.
    Ok(Ticket {
        id: row.get(0)?,
        title: row.get(1)?,
        description: row.get(2)?,
        status: parsed(row, 3)?,
        kind: parsed(row, 4)?,
        assigned_to: row.get(5)?,
        parent_id: row.get(6)?,
        created_by: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
        priority: row.get(10)?,
        resolution: parsed_or_null(row, 11)?,
        not_before: row.get(12)?,
        attempt: row.get(13)?,
        failures: row.get(14)?,
        wait_for_children: row.get(15)?,
        max_budget_usd: row.get::<_, Option<i64>>(16)?.map(Usd),
        spent_usd: Usd(row.get(17)?),
        labels: strings(row, 18)?,
    })
}

/// A column that holds a JSON array of strings.
fn strings(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<String>> {
    match row.get_ref(column)?.as_str()? {
        "[]" => Ok(Vec::new()),
        text => {
            let mut words: Vec<String> = serde_json::from_str(text)
                .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, e.into()))?;
            words.sort_unstable();
            Ok(words)
        }
    }
}

/// A column that holds one of our words.
pub fn parsed<T: std::str::FromStr<Err = String>>(
    row: &Row<'_>,
    column: impl RowIndex,
) -> rusqlite::Result<T> {
    row.get_ref(column)?
        .as_str()?
        .parse()
        .map_err(|e: String| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, e.into()))
}

/// As [`parsed`], for a column that may be NULL.
pub fn parsed_or_null<T: std::str::FromStr<Err = String>>(
    row: &Row<'_>,
    column: impl RowIndex,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => parsed(row, column).map(Some),
    }
}
