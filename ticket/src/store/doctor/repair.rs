//! Mends what the rest of the database determines: counters, indexes, triggers, and attempts and
//! landings that outlived their ticket. Everything else is left as it is.

use rusqlite::named_params;

use super::invariants::{COUNTED, LIVE_LANDING, RANK, SPENT};
use super::schema::{self, Object};
use super::{integrity, is_derived};
use crate::actor::Actor;
use crate::error::Result;
use crate::store::{Write, budgets, events};

/// Mends it, and says what it did and what was `done` before.
pub fn run(tx: &Write<'_>, actor: &Actor, mut done: Vec<String>) -> Result<Vec<String>> {
    done.extend(objects(tx)?);
    done.extend(indexes(tx)?);
    done.extend(leftovers(tx, actor)?);
    done.extend(counters(tx)?);
    if !done.is_empty() {
        events::append(tx, actor, None, "repaired", Some(&done.join(" ")))?;
    }
    Ok(done)
}

/// Makes indexes and triggers that are missing or other than they should be.
fn objects(tx: &Write<'_>) -> Result<Vec<String>> {
    let mut done = Vec::new();
    let wanted = schema::objects(&schema::expected()?)?;
    let here = schema::objects(tx)?;
    let lost = |object: &&Object| match here.get(&object.name) {
        _ if object.kind == "table" => false,
        Some(other) => schema::differs(object, other),
        None => true,
    };
    for Object { kind, name, sql } in wanted.values().filter(lost) {
        if in_part(tx, &format!("DROP {kind} IF EXISTS {name}; {sql};"))? {
            done.push(format!("Made the {kind} {name} anew."));
        }
    }
    Ok(done)
}

/// Builds the indexes anew when SQLite complains of one.
fn indexes(tx: &Write<'_>) -> Result<Vec<String>> {
    let complaints = integrity(tx)?;
    let of_index = |said: &str| {
        let said = said.strip_prefix("SQLite says: ").unwrap_or(said);
        is_derived(said)
    };
    let wrong = complaints.iter().any(|f| of_index(&f.message));
    let built = wrong && in_part(tx, "REINDEX;")?;
    Ok(built
        .then(|| "Built the indexes anew.".to_owned())
        .into_iter()
        .collect())
}

/// Ends what goes on although its ticket does not, as finishing or releasing the ticket would have.
fn leftovers(tx: &Write<'_>, actor: &Actor) -> Result<Vec<String>> {
    let why = "its ticket had been finished or released already";
    let landings = tx.execute(
        &format!(
            "UPDATE landings SET state = 'cancelled', reason = :why, finished_at = datetime('now')
             WHERE {LIVE_LANDING} AND (SELECT status FROM tickets WHERE id = ticket_id) <> 'ready'"
        ),
        named_params! { ":why": why },
    )?;
    tell_of_the_end(tx, actor, why)?;
    let attempts = tx.execute(
        "UPDATE attempts SET ended_at = datetime('now'), reason = :why, settled = 1,
                outcome = iif((SELECT status FROM tickets WHERE id = ticket_id) = 'done',
                              'cancelled', 'released')
         WHERE ended_at IS NULL
           AND (SELECT status FROM tickets WHERE id = ticket_id) IN ('open', 'done')",
        named_params! { ":why": why },
    )?;
    Ok([
        told(landings, "Took out of the landing queue"),
        told(attempts, "Ended attempts"),
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// The log gets the end of an attempt where it has only the beginning.
fn tell_of_the_end(tx: &Write<'_>, actor: &Actor, why: &str) -> Result<()> {
    let mut query = tx.prepare(
        "SELECT a.ticket_id, a.number FROM attempts a JOIN tickets t ON t.id = a.ticket_id
         WHERE a.ended_at IS NULL AND t.status = 'open'
           AND (SELECT action FROM activity_log WHERE ticket_id = t.id AND action IN
                  ('claimed', 'attempt_ended', 'lease_expired', 'held', 'landed', 'unclaimed')
                ORDER BY id DESC LIMIT 1) = 'claimed'",
    )?;
    let begun = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for row in begun.collect::<Result<Vec<(i64, i64)>, _>>()? {
        let (ticket, number) = row;
        let detail = format!("attempt {number}: released: {why}");
        events::append(tx, actor, Some(ticket), "attempt_ended", Some(&detail))?;
    }
    Ok(())
}

fn counters(tx: &Write<'_>) -> Result<Vec<String>> {
    let blockers = tx.execute(
        &format!("UPDATE tickets SET open_blockers = {COUNTED} WHERE open_blockers <> {COUNTED}"),
        [],
    )?;
    let attempts = tx.execute(
        "UPDATE tickets SET attempt = n.latest
         FROM (SELECT t.id, coalesce(max(a.number), 0) AS latest
               FROM tickets t LEFT JOIN attempts a ON a.ticket_id = t.id GROUP BY t.id) n
         WHERE n.id = tickets.id AND attempt <> n.latest",
        [],
    )?;
    let ranks = tx.execute(
        &format!("UPDATE labels SET rank = {RANK} WHERE rank IS NOT {RANK}"),
        [],
    )?;
    let costs = tx.execute(
        &format!("UPDATE tickets SET spent_microusd = {SPENT} WHERE spent_microusd <> {SPENT}"),
        [],
    )?;
    let day = usize::from(budgets::count_anew(tx)?);
    Ok([
        told(costs, "Added up the costs of tickets anew"),
        told(day, "Added up the costs of days anew"),
        told(blockers, "Counted the open blockers of tickets anew"),
        told(attempts, "Counted the attempts of tickets anew"),
        told(ranks, "Ranked labels anew"),
    ]
    .into_iter()
    .flatten()
    .collect())
}

/// Runs statements that stand or fall together. False when they failed: the next look tells why.
fn in_part(tx: &Write<'_>, sql: &str) -> Result<bool> {
    tx.execute_batch("SAVEPOINT part")?;
    let worked = tx.execute_batch(sql).is_ok();
    let end = if worked {
        "RELEASE part"
    } else {
        "ROLLBACK TO part; RELEASE part"
    };
    tx.execute_batch(end)?;
    Ok(worked)
}

fn told(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{what}: {count}."))
}
