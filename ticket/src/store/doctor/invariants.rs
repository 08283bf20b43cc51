//! What the queue relies on and no constraint of the schema can say.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::{REPAIR, RESTORE, UNTRUE};
use crate::circle;
use crate::diagnosis::{Finding, Severity};
use crate::error::Result;
use crate::history::{Fault, History};
use crate::store::{budgets, events, export, import};

/// A check.
type Look = fn(&Connection) -> Result<Vec<Finding>>;

/// Every check, by the word that stands before its findings.
pub const ALL: [(&str, Look); 12] = [
    ("references", references),
    ("open-blockers", open_blockers),
    ("label-ranks", label_ranks),
    ("costs", costs),
    ("circles", circles),
    ("attempts", attempts),
    ("status", status),
    ("landings", landings),
    ("events", told),
    ("history", history),
    ("status-words", status_words),
    ("texts", texts),
];

/// How many open blockers a ticket has.
pub const COUNTED: &str = "
    (SELECT count(*) FROM blockers b JOIN tickets o ON o.id = b.blocked_by
     WHERE b.ticket_id = tickets.id AND o.status <> 'done')
    + iif(wait_for_children = 1,
          (SELECT count(*) FROM tickets c WHERE c.parent_id = tickets.id AND c.status <> 'done'), 0)";

/// The priority of a ticket that could be claimed as far as its row tells.
pub const RANK: &str = "
    (SELECT priority FROM tickets t WHERE t.id = labels.ticket_id AND t.status = 'open'
       AND t.assigned_to IS NULL AND t.open_blockers = 0)";

/// What a ticket cost, in millionths of a dollar.
pub const SPENT: &str = "
    (SELECT coalesce(sum(cost_microusd), 0) FROM usage
     WHERE coalesce(ticket_id, 0) = tickets.id)";

/// The condition on a landing that waits to land.
pub const LIVE_LANDING: &str = "state IN ('queued', 'verifying', 'held')";

/// Rows that point to nothing. The reference system let that happen.
fn references(conn: &Connection) -> Result<Vec<Finding>> {
    let upgraded = upgraded(conn)?.is_some();
    let mut query = conn.prepare(
        "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2",
    )?;
    let rows = query.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, i64>(2)?,
        ))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (table, parent, count) = row?;
        let message = format!("rows of {table} that point to nothing in {parent}: {count}");
        let of_reference = ["tickets", "blockers", "comments"].contains(&table.as_str());
        found.push(if upgraded && of_reference {
            Finding::note("references", message)
                .remedy("They come from the reference system and keep nobody waiting.")
        } else {
            Finding::fault("references", message, RESTORE)
        });
    }
    Ok(found)
}

fn open_blockers(conn: &Connection) -> Result<Vec<Finding>> {
    let sql = format!(
        "SELECT printf('ticket %d is said to have %d open blockers, and has %d', id, open_blockers, n)
         FROM (SELECT id, open_blockers, {COUNTED} AS n FROM tickets) WHERE open_blockers <> n
         ORDER BY id"
    );
    faults(conn, "open-blockers", &sql, REPAIR)
}

fn label_ranks(conn: &Connection) -> Result<Vec<Finding>> {
    let sql = format!(
        "SELECT printf('a claim by the label %s does not see ticket %d as it is', label, ticket_id)
         FROM labels WHERE rank IS NOT {RANK} ORDER BY ticket_id, label"
    );
    faults(conn, "label-ranks", &sql, REPAIR)
}

fn costs(conn: &Connection) -> Result<Vec<Finding>> {
    let sql = format!(
        "SELECT printf('ticket %d is said to have cost %d millionths of a dollar, and has cost %d', id,
                       spent_microusd, n)
         FROM (SELECT id, spent_microusd, {SPENT} AS n FROM tickets) WHERE spent_microusd <> n
         ORDER BY id"
    );
    let mut found = faults(conn, "costs", &sql, REPAIR)?;
    if let Some((kept, counted)) = budgets::miscounted(conn)? {
        let message = format!(
            "the day is said to have cost {kept} millionths of a dollar, and has cost {counted}"
        );
        found.push(Finding::fault("costs", message, REPAIR));
    }
    Ok(found)
}

fn circles(conn: &Connection) -> Result<Vec<Finding>> {
    let waits = edges(
        conn,
        "SELECT b.ticket_id, b.blocked_by FROM blockers b
         JOIN tickets t ON t.id = b.ticket_id JOIN tickets o ON o.id = b.blocked_by
         WHERE t.status <> 'done' AND o.status <> 'done'
         UNION ALL
         SELECT p.id, c.id FROM tickets p JOIN tickets c ON c.parent_id = p.id
         WHERE p.wait_for_children = 1 AND p.status <> 'done' AND c.status <> 'done'",
    )?;
    let parents = edges(
        conn,
        "SELECT id, parent_id FROM tickets WHERE parent_id IS NOT NULL",
    )?;
    let mut found = Vec::new();
    if let Some(ids) = circle::find(&waits) {
        found.push(Finding::fault(
            "circles",
            format!(
                "no ticket of this circle can be claimed: {}",
                circle::say(&ids, "waits for")
            ),
            "'ticket unblock ID --by ID' opens it; then look again.",
        ));
    }
    if let Some(ids) = circle::find(&parents) {
        found.push(Finding::fault(
            "circles",
            format!(
                "tickets are parts of each other: {}",
                circle::say(&ids, "is a part of")
            ),
            "'ticket update ID --parent 0' opens it; then look again.",
        ));
    }
    Ok(found)
}

fn attempts(conn: &Connection) -> Result<Vec<Finding>> {
    let mut found = faults(
        conn,
        "attempts",
        "SELECT printf('ticket %d is said to have %d attempts, and the last one is number %d', id,
                       attempt, n)
         FROM (SELECT id, attempt, coalesce((SELECT max(number) FROM attempts
                                             WHERE ticket_id = tickets.id), 0) AS n FROM tickets)
         WHERE attempt <> n ORDER BY id",
        REPAIR,
    )?;
    found.extend(faults(
        conn,
        "attempts",
        "SELECT printf('ticket %d has %d attempts, and the last one is number %d', ticket_id, count(*),
                       max(number))
         FROM attempts GROUP BY ticket_id HAVING count(*) <> max(number)",
        RESTORE,
    )?);
    found.extend(faults(
        conn,
        "attempts",
        "SELECT printf('attempt %d of ticket %d has not ended, but the ticket is %s', a.number, t.id,
                       t.status)
         FROM attempts a JOIN tickets t ON t.id = a.ticket_id
         WHERE a.ended_at IS NULL AND t.status IN ('open', 'done') ORDER BY t.id",
        REPAIR,
    )?);
    found.extend(faults(
        conn,
        "attempts",
        "SELECT printf('attempt %d of ticket %d goes on, but attempt %d came after it', a.number, t.id,
                       max(n.number))
         FROM attempts a JOIN tickets t ON t.id = a.ticket_id
         JOIN attempts n ON n.ticket_id = a.ticket_id AND n.number > a.number
         WHERE a.ended_at IS NULL GROUP BY t.id, a.number",
        "'ticket unclaim ID' ends it.",
    )?);
    found.extend(faults(
        conn,
        "attempts",
        "SELECT printf('attempt %d of ticket %d goes on by %s, but the ticket is assigned to %s',
                       a.number, t.id, a.agent, coalesce(t.assigned_to, 'nobody'))
         FROM attempts a JOIN tickets t ON t.id = a.ticket_id
         WHERE a.ended_at IS NULL AND t.assigned_to IS NOT a.agent
           AND t.status IN ('in_progress', 'ready') ORDER BY t.id",
        "'ticket unclaim ID' ends it, and lets the ticket be claimed again.",
    )?);
    found.extend(faults(
        conn,
        "attempts",
        "SELECT printf('attempt %d of ticket %d has an end without an outcome, or an outcome without an end',
                       number, ticket_id)
         FROM attempts WHERE (ended_at IS NULL) <> (outcome IS NULL) ORDER BY ticket_id",
        RESTORE,
    )?);
    Ok(found)
}

fn status(conn: &Connection) -> Result<Vec<Finding>> {
    let mut found = faults(
        conn,
        "status",
        "SELECT iif(status = 'done', printf('ticket %d is done without a resolution', id),
                    printf('ticket %d is %s and has the resolution %s', id, status, resolution))
         FROM tickets WHERE (status = 'done') <> (resolution IS NOT NULL) ORDER BY id",
        RESTORE,
    )?;
    found.extend(faults(
        conn,
        "status",
        "SELECT printf('ticket %d has the unknown status %s', id, status) FROM tickets
         WHERE status NOT IN ('open', 'in_progress', 'ready', 'done') ORDER BY id",
        RESTORE,
    )?);
    found.extend(notes(
        conn,
        "status",
        "SELECT printf('ticket %d is in progress, but no attempt goes on', id) FROM tickets
         WHERE status = 'in_progress' AND NOT EXISTS
           (SELECT 1 FROM attempts WHERE ticket_id = tickets.id AND ended_at IS NULL) ORDER BY id",
        "If nobody works on it, 'ticket unclaim ID' lets it be claimed.",
    )?);
    found.extend(notes(
        conn,
        "status",
        "SELECT printf('ticket %d is assigned to a name without letters: nobody claims it', id)
         FROM tickets WHERE trim(assigned_to) = '' AND status <> 'done' ORDER BY id",
        "'ticket update ID --assign \"\"' lets it be claimed.",
    )?);
    Ok(found)
}

fn landings(conn: &Connection) -> Result<Vec<Finding>> {
    let sql = format!(
        "SELECT printf('landing %d waits to land, but its ticket %d is %s', l.id, t.id, t.status)
         FROM landings l JOIN tickets t ON t.id = l.ticket_id
         WHERE l.{LIVE_LANDING} AND t.status <> 'ready' ORDER BY l.id"
    );
    let mut found = faults(conn, "landings", &sql, REPAIR)?;
    let sql = format!(
        "SELECT printf('ticket %d is ready and attempt %d goes on, but nothing of it waits to land',
                       t.id, a.number)
         FROM attempts a JOIN tickets t ON t.id = a.ticket_id
         WHERE a.ended_at IS NULL AND t.status = 'ready' AND NOT EXISTS
           (SELECT 1 FROM landings l WHERE l.ticket_id = t.id AND l.{LIVE_LANDING}) ORDER BY t.id"
    );
    found.extend(faults(
        conn,
        "landings",
        &sql,
        "'ticket unclaim ID' ends it, and lets the ticket be claimed again.",
    )?);
    Ok(found)
}

/// A ticket that was made before the upgrade at `?2`, or at what is no time as we write it.
const OF_REFERENCE: &str = "(?2 <> '' AND (created_at <= ?2
    OR created_at NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:*'))";

/// Every ticket was made, and every done one was finished, by a write that the log tells of.
fn told(conn: &Connection) -> Result<Vec<Finding>> {
    let upgraded = upgraded(conn)?.map_or(String::new(), |upgrade| upgrade.moment);
    let mut found = Vec::new();
    for (what, action, only) in [
        ("made", "created", "TRUE"),
        ("finished", "done", "status = 'done'"),
    ] {
        for (severity, of_reference) in [(Severity::Fault, "NOT"), (Severity::Note, "")] {
            let sql = format!(
                "SELECT count(*), min(id) FROM tickets WHERE {only} AND {of_reference} {OF_REFERENCE} AND NOT EXISTS
                   (SELECT 1 FROM activity_log WHERE ticket_id = tickets.id AND action = ?1)"
            );
            let (count, first): (i64, Option<i64>) =
                conn.query_row(&sql, [action, &upgraded], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            let Some(first) = first else { continue };
            let message = format!(
                "tickets of which the log does not say that they were {what}: {count}, the first is #{first}"
            );
            found.push(match severity {
                Severity::Fault => Finding::fault("events", message, RESTORE),
                Severity::Note => Finding::note("events", message)
                    .remedy("They come from the reference system, whose log may lack it."),
            });
        }
    }
    Ok(found)
}

/// The log as a whole: nothing in it contradicts what stands before.
fn history(conn: &Connection) -> Result<Vec<Finding>> {
    let upgraded = upgraded(conn)?.map_or(0, |upgrade| upgrade.event);
    // Rows of the reference system are known by their place: what it wrote as a time may be anything.
    let mut history = History::foreign_until("");
    events::each(conn, &mut |event| {
        if event.id <= upgraded {
            event.created_at.clear();
        }
        history.observe(event);
    })?;
    let found = history.findings().into_iter();
    // A ticket that was never created is told of by `events`, or is not there at all.
    let told = found.filter(|f| f.fault != Fault::NeverCreated);
    let mut found: Vec<Finding> = told
        .map(|f| Finding::fault("history", f.to_string(), UNTRUE))
        .collect();
    found.extend(notes(
        conn,
        "history",
        "SELECT printf('the log tells %d times of ticket %d, which does not exist', count(*), ticket_id)
         FROM activity_log WHERE ticket_id NOT IN (SELECT id FROM tickets) GROUP BY ticket_id",
        "It was deleted by hand or by another program.",
    )?);
    Ok(found)
}

/// Words that the upgrade from the reference system did not know.
fn status_words(conn: &Connection) -> Result<Vec<Finding>> {
    notes(
        conn,
        "status-words",
        "SELECT printf('the status of ticket %d was an unknown word: %s', ticket_id, detail)
         FROM activity_log WHERE action = 'status_mapped' ORDER BY id",
        "'ticket mark-done ID' finishes one that is not open any more.",
    )
}

/// Texts that came in before today's rules, or by another program. Everything is read once.
fn texts(conn: &Connection) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let mut check = |what: &str, id: Option<i64>, checked: Result<()>| {
        if let Err(error) = checked {
            let message = format!("{what} {}: {error}", id.unwrap_or_default());
            found.push(
                Finding::note("texts", message)
                    .remedy("An import would refuse it; only that hinders nobody."),
            );
        }
        Ok(())
    };
    export::each_ticket(conn, &mut |t| {
        check("ticket", t.id, import::check_ticket(&t))
    })?;
    export::each_learning(conn, &mut |l| {
        check("learning", l.id, import::check_learning(&l))
    })?;
    export::each_event(conn, &mut |e| {
        check("event", Some(e.id), import::check_event(&e))
    })?;
    Ok(found)
}

/// The upgrade from the reference system's schema.
struct Upgrade {
    /// The row of the log that tells of it.
    event: i64,
    /// When it was.
    moment: String,
}

/// The latest such upgrade, if there was one; an imported log may tell of one, too.
fn upgraded(conn: &Connection) -> Result<Option<Upgrade>> {
    let told = conn.query_row(
        "SELECT id, created_at FROM activity_log WHERE action = 'migrated' ORDER BY id DESC LIMIT 1",
        [],
        |row| {
            Ok(Upgrade {
                event: row.get(0)?,
                moment: row.get(1)?,
            })
        },
    );
    Ok(told.optional()?)
}

fn edges(conn: &Connection, sql: &str) -> Result<BTreeMap<i64, Vec<i64>>> {
    let mut query = conn.prepare(sql)?;
    let mut rows = query.query([])?;
    let mut edges: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        edges.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(edges)
}

/// A fault for each row of a query that gives sentences.
fn faults(conn: &Connection, check: &str, sql: &str, remedy: &str) -> Result<Vec<Finding>> {
    let sentences = sentences(conn, sql)?.into_iter();
    Ok(sentences
        .map(|said| Finding::fault(check, said, remedy))
        .collect())
}

fn notes(conn: &Connection, check: &str, sql: &str, remedy: &str) -> Result<Vec<Finding>> {
    let sentences = sentences(conn, sql)?.into_iter();
    Ok(sentences
        .map(|said| Finding::note(check, said).remedy(remedy))
        .collect())
}

fn sentences(conn: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut query = conn.prepare(sql)?;
    let rows = query.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
