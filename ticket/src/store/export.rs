//! Everything that people may take with them, as JSON lines, from one state of the database. Rows
//! stream by: the tables are read side by side in the order of the tickets, and nothing is collected.

use std::io::Write;

use rusqlite::{Connection, Row, Rows, Statement};
use serde::Serialize;

use super::tickets::{parsed, parsed_or_null};
use crate::error::{Error, Result};
use crate::transfer::{
    AttemptRecord, CommentRecord, Counts, EventRecord, FORMAT, Header, Kind, LandingRecord,
    LastIds, LearningRecord, TicketRecord, UsageRecord,
};
use crate::usd::Usd;

/// Writes all of it to `out`. What points to a ticket that does not exist is left out: a blocker or
/// a parent that is not there keeps nobody waiting.
pub fn run(conn: &Connection, out: &mut dyn Write) -> Result<()> {
    line(out, &header(conn)?)?;
    each_ticket(conn, &mut |ticket| line(out, &ticket))?;
    each_learning(conn, &mut |learning| line(out, &learning))?;
    each_event(conn, &mut |event| line(out, &event))?;
    out.flush().map_err(cannot_write)
}

/// Calls `take` with every ticket, by id.
pub fn each_ticket(
    conn: &Connection,
    take: &mut dyn FnMut(TicketRecord) -> Result<()>,
) -> Result<()> {
    let (mut labels, mut blockers) = (conn.prepare(LABELS)?, conn.prepare(BLOCKERS)?);
    let (mut attempts, mut landings) = (conn.prepare(ATTEMPTS)?, conn.prepare(LANDINGS)?);
    let mut comments = conn.prepare(COMMENTS)?;
    let mut usage = conn.prepare(USAGE)?;
    let mut usage = Along::new(&mut usage, used)?;
    let mut labels = Along::new(&mut labels, |row| row.get(1))?;
    let mut blockers = Along::new(&mut blockers, |row| row.get(1))?;
    let mut comments = Along::new(&mut comments, comment)?;
    let mut attempts = Along::new(&mut attempts, attempt)?;
    let mut landings = Along::new(&mut landings, landing)?;
    each(conn, TICKETS, ticket, &mut |(id, mut ticket)| {
        ticket.labels = labels.of(id)?;
        ticket.blocked_by = blockers.of(id)?;
        ticket.comments = comments.of(id)?;
        ticket.attempts = attempts.of(id)?;
        for (number, used) in usage.of(id)? {
            if let Some(attempt) = ticket.attempts.iter_mut().find(|a| a.number == number) {
                attempt.usage.push(used);
            }
        }
        ticket.landings = landings.of(id)?;
        take(ticket)
    })
}

/// Calls `take` with every learning, oldest first.
pub fn each_learning(
    conn: &Connection,
    take: &mut dyn FnMut(LearningRecord) -> Result<()>,
) -> Result<()> {
    each(conn, LEARNINGS, learning, take)
}

/// Calls `take` with every row of the activity log, oldest first.
pub fn each_event(
    conn: &Connection,
    take: &mut dyn FnMut(EventRecord) -> Result<()>,
) -> Result<()> {
    each(conn, EVENTS, event, take)
}

const TICKETS: &str = "
    SELECT id, title, description, status, type, assigned_to, created_by, created_at, updated_at,
           priority, resolution, not_before, wait_seconds, attempt, failures, wait_for_children, max_budget_microusd,
           (SELECT p.id FROM tickets p WHERE p.id = t.parent_id) AS parent_id
    FROM tickets t ORDER BY id";
const LABELS: &str = "SELECT ticket_id, label FROM labels ORDER BY ticket_id, label";
const BLOCKERS: &str = "
    SELECT ticket_id, blocked_by FROM blockers
    WHERE EXISTS (SELECT 1 FROM tickets WHERE id = blocked_by) ORDER BY ticket_id, blocked_by";
const COMMENTS: &str = "
    SELECT ticket_id, id, author, body, created_at, reply_to FROM comments ORDER BY ticket_id, id";
const ATTEMPTS: &str = "
    SELECT ticket_id, number, agent, lease_seconds, phase, base_commit, snapshot, session_id, outcome,
           reason, log_tail, settled, started_at, heartbeat_at, ended_at
    FROM attempts ORDER BY ticket_id, number";
const USAGE: &str = "
    SELECT ticket_id, attempt, run, model, day, backend, phase, input_tokens, output_tokens,
           cache_read_tokens, cache_write_tokens, cost_microusd, is_last, started_at, updated_at
    FROM usage WHERE ticket_id IS NOT NULL ORDER BY ticket_id, attempt, run, model, day";
const LANDINGS: &str = "
    SELECT ticket_id, id, attempt, commit_id, candidate, state, approved_by, summary, reason, log_tail,
           submitted_at, finished_at
    FROM landings ORDER BY ticket_id, attempt, id";

const LEARNINGS: &str =
    "SELECT id, body, category, author, ticket_id, created_at FROM learnings ORDER BY id";
const EVENTS: &str =
    "SELECT id, ticket_id, agent_id, action, detail, created_at FROM activity_log ORDER BY id";

/// The rows of a table that belong to tickets, read in step with those.
struct Along<'q, T> {
    rows: Rows<'q>,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    next: Option<(i64, T)>,
}

impl<'q, T> Along<'q, T> {
    fn new(
        query: &'q mut Statement<'_>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Along<'q, T>> {
        let mut along = Along {
            rows: query.query([])?,
            read,
            next: None,
        };
        along.step()?;
        Ok(along)
    }

    fn step(&mut self) -> Result<()> {
        self.next = match self.rows.next()? {
            None => None,
            Some(row) => Some((row.get(0)?, (self.read)(row)?)),
        };
        Ok(())
    }

    /// The rows of this ticket; those of tickets that do not exist are passed over.
    fn of(&mut self, ticket: i64) -> Result<Vec<T>> {
        let mut found = Vec::new();
        while self.next.as_ref().is_some_and(|(id, _)| *id <= ticket) {
            if let Some((id, row)) = self.next.take()
                && id == ticket
            {
                found.push(row);
            }
            self.step()?;
        }
        Ok(found)
    }
}

fn each<T>(
    conn: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    take: &mut dyn FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut query = conn.prepare(sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        take(read(row)?)?;
    }
    Ok(())
}

fn line(out: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec(value)
        .map_err(|e| Error::Invalid(format!("a row cannot be written as JSON: {e}")))?;
    text.push(b'\n');
    out.write_all(&text).map_err(cannot_write)
}

fn cannot_write(error: std::io::Error) -> Error {
    Error::Io("the export cannot be written".into(), error)
}

fn header(conn: &Connection) -> Result<Header> {
    let count = |from: &str| -> Result<u64> {
        let number: i64 =
            conn.query_row(&format!("SELECT count(*) FROM {from}"), [], |r| r.get(0))?;
        Ok(number.unsigned_abs())
    };
    let of_tickets = |table: &str| {
        count(&format!(
            "{table} WHERE ticket_id IN (SELECT id FROM tickets)"
        ))
    };
    let last = |table: &str| -> Result<i64> {
        Ok(conn.query_row(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1",
            [table],
            |row| row.get(0),
        )?)
    };
    Ok(Header {
        kind: Kind::Header,
        format: FORMAT,
        counts: Counts {
            tickets: count("tickets")?,
            comments: of_tickets("comments")?,
            attempts: of_tickets("attempts")?,
            landings: of_tickets("landings")?,
            learnings: count("learnings")?,
            events: count("activity_log")?,
        },
        last_ids: LastIds {
            tickets: last("tickets")?,
            comments: last("comments")?,
            landings: last("landings")?,
            learnings: last("learnings")?,
            activity_log: last("activity_log")?,
        },
    })
}

fn ticket(row: &Row<'_>) -> rusqlite::Result<(i64, TicketRecord)> {
    let id = row.get("id")?;
    let record = TicketRecord {
        kind: Kind::Ticket,
        id: Some(id),
        title: row.get("title")?,
        description: row.get("description")?,
        status: Some(parsed(row, "status")?),
        ticket_type: Some(parsed(row, "type")?),
        assigned_to: row.get("assigned_to")?,
        parent_id: row.get("parent_id")?,
        created_by: Some(row.get("created_by")?),
        created_at: Some(row.get("created_at")?),
        updated_at: Some(row.get("updated_at")?),
        priority: Some(row.get("priority")?),
        resolution: parsed_or_null(row, "resolution")?,
        not_before: row.get("not_before")?,
        wait_seconds: row.get("wait_seconds")?,
        attempt: Some(row.get("attempt")?),
        failures: row.get("failures")?,
        wait_for_children: row.get("wait_for_children")?,
        max_budget_usd: row.get::<_, Option<i64>>("max_budget_microusd")?.map(Usd),
        labels: Vec::new(),
        blocked_by: Vec::new(),
        comments: Vec::new(),
        attempts: Vec::new(),
        landings: Vec::new(),
    };
    Ok((id, record))
}

fn comment(row: &Row<'_>) -> rusqlite::Result<CommentRecord> {
    Ok(CommentRecord {
        id: Some(row.get("id")?),
        author: Some(row.get("author")?),
        body: row.get("body")?,
        created_at: Some(row.get("created_at")?),
        reply_to: row.get("reply_to")?,
    })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        number: row.get("number")?,
        agent: row.get("agent")?,
        lease_seconds: row.get("lease_seconds")?,
        phase: row.get("phase")?,
        base_commit: row.get("base_commit")?,
        snapshot: row.get("snapshot")?,
        session_id: row.get("session_id")?,
        outcome: parsed_or_null(row, "outcome")?,
        reason: row.get("reason")?,
        log_tail: row.get("log_tail")?,
        settled: row.get("settled")?,
        started_at: row.get("started_at")?,
        heartbeat_at: row.get("heartbeat_at")?,
        ended_at: row.get("ended_at")?,
        usage: Vec::new(),
    })
}

/// With the number of its attempt.
fn used(row: &Row<'_>) -> rusqlite::Result<(i64, UsageRecord)> {
    let record = UsageRecord {
        run: row.get("run")?,
        model: row.get("model")?,
        day: row.get("day")?,
        backend: row.get("backend")?,
        phase: parsed(row, "phase")?,
        input_tokens: row.get("input_tokens")?,
        output_tokens: row.get("output_tokens")?,
        cache_read_tokens: row.get("cache_read_tokens")?,
        cache_write_tokens: row.get("cache_write_tokens")?,
        cost_microusd: row.get("cost_microusd")?,
        is_last: row.get("is_last")?,
        started_at: row.get("started_at")?,
        updated_at: row.get("updated_at")?,
    };
    Ok((row.get("attempt")?, record))
}

fn landing(row: &Row<'_>) -> rusqlite::Result<LandingRecord> {
    Ok(LandingRecord {
        id: row.get("id")?,
        attempt: row.get("attempt")?,
        commit_id: row.get("commit_id")?,
        candidate: row.get("candidate")?,
        state: parsed(row, "state")?,
        approved_by: row.get("approved_by")?,
        summary: row.get("summary")?,
        reason: row.get("reason")?,
        log_tail: row.get("log_tail")?,
        submitted_at: row.get("submitted_at")?,
        finished_at: row.get("finished_at")?,
    })
}

fn learning(row: &Row<'_>) -> rusqlite::Result<LearningRecord> {
    Ok(LearningRecord {
        kind: Kind::Learning,
        id: Some(row.get("id")?),
        body: row.get("body")?,
        category: Some(row.get("category")?),
        author: Some(row.get("author")?),
        ticket_id: row.get("ticket_id")?,
        created_at: Some(row.get("created_at")?),
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<EventRecord> {
    Ok(EventRecord {
        kind: Kind::Event,
        id: row.get("id")?,
        ticket_id: row.get("ticket_id")?,
        agent_id: row.get("agent_id")?,
        action: row.get("action")?,
        detail: row.get("detail")?,
        created_at: row.get("created_at")?,
    })
}
