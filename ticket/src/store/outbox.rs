//! Messages until their channel has taken them. What was decided to be told and how far the decision
//! has looked (`memory`) change in one transaction, so that a kill repeats nothing and loses nothing.

use rusqlite::{Connection, Row, named_params};

use super::{Store, Write, json, settings, tickets};
use crate::error::Result;
use crate::notice::{Change, NewNotice, Notice};

/// How many messages wait at most; the least urgent of the oldest go first.
const MOST_WAITING: i64 = 200;
/// How long what was sent or dropped is remembered, in seconds: so long its key is not taken again.
const REMEMBERED_SECONDS: i64 = 14 * 24 * 60 * 60;

impl Store {
    /// How far the messages of `channel` were decided, as the one who decides wrote it down.
    pub fn outbox_memory(&self, channel: &str) -> Result<Option<String>> {
        settings::get(&self.conn, &memory_of(channel))
    }

    /// Takes in changes together with the new memory, unless somebody else moved it from `before`
    /// meanwhile: then nothing is changed and the answer is false.
    pub fn outbox_take(
        &mut self,
        channel: &str,
        before: Option<&str>,
        after: &str,
        changes: &[Change],
        now: i64,
    ) -> Result<bool> {
        self.write(|tx| {
            let key = memory_of(channel);
            if settings::get(tx, &key)?.as_deref() != before {
                return Ok(false);
            }
            settings::set(tx, &key, after)?;
            for change in changes {
                match change {
                    Change::Tell(notice) => insert(tx, channel, notice, now)?,
                    Change::Withdraw(subject) => withdraw(tx, channel, subject, now)?,
                }
            }
            trim(tx, channel, now)?;
            Ok(true)
        })
    }

    /// Forgets what waits in `channel` and how far it was decided: it is not in use.
    pub fn outbox_close(&mut self, channel: &str, now: i64) -> Result<()> {
        self.write(|tx| {
            settings::remove(tx, &memory_of(channel))?;
            tx.execute(
                "UPDATE outbox SET state = 'dropped', ended_at = :now,
                        reason = 'the channel is not in use'
                 WHERE channel = :channel AND state = 'waiting'",
                named_params! { ":channel": channel, ":now": now },
            )?;
            Ok(())
        })
    }

    /// What waits in `channel`, the oldest first.
    pub fn outbox_waiting(&self, channel: &str) -> Result<Vec<Notice>> {
        let mut query = self.conn.prepare_cached(
            "SELECT id, key, kind, ticket_id, version, title, body, priority, created_at FROM outbox
             WHERE channel = :channel AND state = 'waiting' ORDER BY id",
        )?;
        let rows = query.query_map(named_params! { ":channel": channel }, from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The channel has taken these.
    pub fn outbox_sent(&mut self, ids: &[i64], now: i64) -> Result<()> {
        self.write(|tx| end(tx, ids, "sent", None, now))
    }

    /// These will not be sent, for this reason.
    pub fn outbox_drop(&mut self, ids: &[i64], reason: &str, now: i64) -> Result<()> {
        self.write(|tx| end(tx, ids, "dropped", Some(reason), now))
    }
}

/// The setting that holds a channel's memory.
fn memory_of(channel: &str) -> String {
    format!("outbox_{channel}")
}

fn insert(tx: &Write<'_>, channel: &str, notice: &NewNotice, now: i64) -> Result<()> {
    if is_known(tx, channel, &notice.key)? {
        return Ok(());
    }
    withdraw(tx, channel, &notice.subject, now)?;
    tx.prepare_cached(
        "INSERT INTO outbox (channel, key, kind, subject, ticket_id, version, title, body, priority,
                             created_at)
         VALUES (:channel, :key, :kind, :subject, :ticket, :version, :title, :body, :priority, :now)",
    )?
    .execute(named_params! {
        ":channel": channel, ":key": notice.key, ":kind": notice.kind.as_str(),
        ":subject": notice.subject, ":ticket": notice.ticket, ":version": notice.version,
        ":title": notice.title, ":body": notice.body, ":priority": notice.priority, ":now": now,
    })?;
    Ok(())
}

fn is_known(conn: &Connection, channel: &str, key: &str) -> Result<bool> {
    let mut query =
        conn.prepare_cached("SELECT 1 FROM outbox WHERE channel = :channel AND key = :key")?;
    Ok(query.exists(named_params! { ":channel": channel, ":key": key })?)
}

fn withdraw(tx: &Write<'_>, channel: &str, subject: &str, now: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE outbox SET state = 'dropped', ended_at = :now, reason = 'overtaken'
         WHERE channel = :channel AND subject = :subject AND state = 'waiting'",
    )?
    .execute(named_params! { ":channel": channel, ":subject": subject, ":now": now })?;
    Ok(())
}

/// Keeps the number of messages within bounds.
fn trim(tx: &Write<'_>, channel: &str, now: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE outbox SET state = 'dropped', ended_at = :now, reason = 'too many waited'
         WHERE id IN (SELECT id FROM outbox WHERE channel = :channel AND state = 'waiting'
                      ORDER BY priority DESC, id DESC LIMIT -1 OFFSET :most)",
    )?
    .execute(named_params! { ":channel": channel, ":now": now, ":most": MOST_WAITING })?;
    tx.prepare_cached("DELETE FROM outbox WHERE ended_at < :long_ago")?
        .execute(named_params! { ":long_ago": now - REMEMBERED_SECONDS })?;
    Ok(())
}

fn end(tx: &Write<'_>, ids: &[i64], state: &str, reason: Option<&str>, now: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE outbox SET state = :state, reason = :reason, ended_at = :now
         WHERE state = 'waiting' AND id IN (SELECT value FROM json_each(:ids))",
    )?
    .execute(named_params! {
        ":state": state, ":reason": reason, ":now": now, ":ids": json(ids)?,
    })?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        id: row.get("id")?,
        key: row.get("key")?,
        kind: tickets::parsed(row, "kind")?,
        ticket: row.get("ticket_id")?,
        version: row.get("version")?,
        title: row.get("title")?,
        body: row.get("body")?,
        priority: row.get("priority")?,
        created_at: row.get("created_at")?,
    })
}
