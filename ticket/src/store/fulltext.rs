//! The index of the words in titles, descriptions and comments. It lies in a file of its own beside
//! the database and is made from it, never the other way round: whoever writes tickets pays nothing
//! for it, and whoever looks something up brings it up to date first. One that is lost, damaged or of
//! another database is made anew.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, named_params};

use super::{BUSY_TIMEOUT, STATEMENTS};
use crate::error::{Error, Result};

/// Counts up when the tables below change: an index of another format is made anew.
const FORMAT: i64 = 1;

/// How many texts go into one transaction, so that what a kill undoes is little.
const AT_ONCE: i64 = 10_000;

/// The index keeps the texts, so that it can quote them and forget them again. Parts are merged
/// seldom: searches stay fast.
const TABLES: &str = "
    CREATE VIRTUAL TABLE tickets_fts USING fts5 (
        title, description, tokenize = 'unicode61 remove_diacritics 2');
    CREATE VIRTUAL TABLE comments_fts USING fts5 (
        body, tokenize = 'unicode61 remove_diacritics 2');
    INSERT INTO tickets_fts (tickets_fts, rank) VALUES ('automerge', 16);
    INSERT INTO comments_fts (comments_fts, rank) VALUES ('automerge', 16);
    CREATE TABLE reached (
        ticket  INTEGER NOT NULL,
        comment INTEGER NOT NULL,
        event   INTEGER NOT NULL,
        mark    TEXT NOT NULL
    );
    INSERT INTO reached VALUES (0, 0, 0, '');";

/// What tells that the log is still the one that was read: its row up to which it was.
const MARK: &str =
    "coalesce((SELECT concat_ws(' ', created_at, ticket_id, agent_id, action, detail)
                     FROM queue.activity_log WHERE id = event), '')";

/// The open index, with the tickets attached to it as `queue`.
pub struct FullText {
    conn: Connection,
}

/// How far the index has come: the last ticket, comment and row of the log in it.
struct Reached {
    ticket: i64,
    comment: i64,
    event: i64,
}

impl FullText {
    /// The index with every word that is committed: the one that was kept if it still serves, or the
    /// file's. Where the file cannot be written, one in memory.
    pub fn fresh(kept: Option<FullText>, database: &Path) -> Result<FullText> {
        if let Some(kept) = kept
            && kept.catch_up().is_ok()
        {
            return Ok(kept);
        }
        let from_file = || {
            let index = FullText::open(database)?;
            index.catch_up()?;
            Ok(index)
        };
        let opened = from_file().or_else(|error| match is_damaged(&error) {
            true => {
                remove(database);
                from_file()
            }
            false => Err(error),
        });
        opened.or_else(|_| {
            let index = FullText::with(Connection::open_in_memory()?, database)?;
            index.catch_up()?;
            Ok(index)
        })
    }

    /// The index in its file, which is made when it is missing; it may be behind.
    pub fn open(database: &Path) -> Result<FullText> {
        let path = beside(database);
        as_private_as(database, &path)
            .map_err(|e| Error::Io(format!("cannot make {}", path.display()), e))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&path, flags)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "NORMAL")?;
        FullText::with(conn, database)
    }

    fn with(mut conn: Connection, database: &Path) -> Result<FullText> {
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        if !is_of_our_format(&conn)? {
            let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if !is_of_our_format(&tx)? {
                make_tables(&tx)?;
            }
            tx.commit()?;
        }
        let path = database
            .to_str()
            .ok_or_else(|| Error::Invalid(format!("{} is not UTF-8", database.display())))?;
        conn.execute("ATTACH ?1 AS queue", [path])?;
        Ok(FullText { conn })
    }

    /// The connection to query: `tickets_fts`, `comments_fts`, and the tables of `queue`.
    pub fn conn(&self) -> &Connection {
        &self.conn
    }

    /// The last ticket whose words are in it.
    pub fn last_ticket(&self) -> Result<i64> {
        Ok(reached(&self.conn)?.ticket)
    }

    /// Takes in what was written since the last time.
    fn catch_up(&self) -> Result<()> {
        while self.is_behind()? {
            let tx = self.conn.unchecked_transaction()?;
            // A statement that writes, and only to this file, waits for other writers to end.
            tx.execute("UPDATE reached SET event = event", [])?;
            if !is_of_this_history(&tx)? {
                make_tables(&tx)?;
            }
            take_in(&tx)?;
            tx.commit()?;
        }
        Ok(())
    }

    fn is_behind(&self) -> Result<bool> {
        let sql = format!(
            "SELECT mark IS NOT {MARK}
                 OR ticket < (SELECT coalesce(max(id), 0) FROM queue.tickets)
                 OR comment < (SELECT coalesce(max(id), 0) FROM queue.comments)
                 OR event < (SELECT coalesce(max(id), 0) FROM queue.activity_log)
             FROM reached"
        );
        Ok(self
            .conn
            .prepare_cached(&sql)?
            .query_row([], |row| row.get(0))?)
    }

    /// What is wrong with it, in words; nothing when it only is behind.
    pub fn faults(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for table in ["tickets_fts", "comments_fts"] {
            let compare = format!("INSERT INTO {table} ({table}) VALUES ('integrity-check')");
            match self.conn.execute(&compare, []) {
                Ok(_) => {}
                Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
                    found.push(format!("the index {table} is damaged"));
                }
                Err(e) => return Err(e.into()),
            }
        }
        let same = is_of_this_history(&self.conn)?;
        for (table, sql) in [
            ("tickets_fts", OTHER_TICKETS),
            ("comments_fts", OTHER_COMMENTS),
        ] {
            let others: i64 = self.conn.query_row(sql, [], |row| row.get(0))?;
            if same && others > 0 {
                found.push(format!(
                    "the index {table} does not agree with {others} texts"
                ));
            }
        }
        Ok(found)
    }

    /// Makes it anew from the tickets.
    pub fn make_anew(&self) -> Result<()> {
        let tx = self.conn.unchecked_transaction()?;
        make_tables(&tx)?;
        tx.commit()?;
        self.catch_up()
    }
}

/// Texts that are in the index and not as they are now, save those that it knows it has to read again.
const OTHER_TICKETS: &str = "
    SELECT count(*) FROM reached r JOIN queue.tickets t ON t.id <= r.ticket
    WHERE NOT EXISTS (SELECT 1 FROM tickets_fts f
                      WHERE f.rowid = t.id AND f.title = t.title AND f.description IS t.description)
      AND NOT EXISTS (SELECT 1 FROM queue.activity_log l
                      WHERE l.ticket_id = t.id AND l.id > r.event AND l.action = 'updated')";
const OTHER_COMMENTS: &str = "
    SELECT count(*) FROM reached r JOIN queue.comments c ON c.id <= r.comment
    WHERE NOT EXISTS (SELECT 1 FROM comments_fts f WHERE f.rowid = c.id AND f.body = c.body)";

fn is_of_our_format(conn: &Connection) -> Result<bool> {
    let format: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(format == FORMAT)
}

fn is_of_this_history(conn: &Connection) -> Result<bool> {
    let sql = format!("SELECT mark = {MARK} FROM reached");
    Ok(conn.query_row(&sql, [], |row| row.get(0))?)
}

fn make_tables(tx: &Transaction<'_>) -> Result<()> {
    tx.execute_batch(&format!(
        "DROP TABLE IF EXISTS tickets_fts; DROP TABLE IF EXISTS comments_fts;
         DROP TABLE IF EXISTS reached; {TABLES} PRAGMA user_version = {FORMAT};"
    ))?;
    Ok(())
}

fn reached(conn: &Connection) -> Result<Reached> {
    let mut query = conn.prepare_cached("SELECT ticket, comment, event FROM reached")?;
    Ok(query.query_row([], |row| {
        Ok(Reached {
            ticket: row.get(0)?,
            comment: row.get(1)?,
            event: row.get(2)?,
        })
    })?)
}

/// Takes in the next texts: of new tickets, of tickets that were changed, of comments.
fn take_in(tx: &Transaction<'_>) -> Result<()> {
    let from = reached(tx)?;
    let last = |table: &str, after: i64| -> Result<i64> {
        let sql = format!(
            "SELECT coalesce(max(id), :after) FROM
                 (SELECT id FROM queue.{table} WHERE id > :after ORDER BY id LIMIT :most)"
        );
        let params = named_params! { ":after": after, ":most": AT_ONCE };
        Ok(tx
            .prepare_cached(&sql)?
            .query_row(params, |row| row.get(0))?)
    };
    let to = Reached {
        ticket: last("tickets", from.ticket)?,
        comment: last("comments", from.comment)?,
        event: last("activity_log", from.event)?,
    };
    let texts = "INSERT OR REPLACE INTO tickets_fts (rowid, title, description)
                 SELECT id, title, description FROM queue.tickets WHERE";
    tx.prepare_cached(&format!("{texts} id > ?1 AND id <= ?2"))?
        .execute([from.ticket, to.ticket])?;
    tx.prepare_cached(&format!(
        "{texts} id IN (SELECT ticket_id FROM queue.activity_log
                        WHERE id > ?1 AND id <= ?2 AND action = 'updated') AND id <= ?3"
    ))?
    .execute([from.event, to.event, from.ticket])?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO comments_fts (rowid, body)
         SELECT id, body FROM queue.comments WHERE id > ?1 AND id <= ?2",
    )?
    .execute([from.comment, to.comment])?;
    tx.execute(
        "UPDATE reached SET ticket = ?1, comment = ?2, event = ?3",
        [to.ticket, to.comment, to.event],
    )?;
    tx.execute(&format!("UPDATE reached SET mark = {MARK}"), [])?;
    Ok(())
}

/// Whether the index cannot be read as one.
pub fn is_damaged(error: &Error) -> bool {
    let Error::Sqlite(error) = error else {
        return false;
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => true,
        // SQLite has no code for a table that is missing, and the same one for a wrong question.
        Some(ErrorCode::Unknown) => error.to_string().contains("no such table"),
        _ => false,
    }
}

/// Takes the file away. Who still has it open goes on with what it holds.
pub fn remove(database: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut path = beside(database).into_os_string();
        path.push(end);
        let _ = std::fs::remove_file(path);
    }
}

/// `tickets.db-search`, beside SQLite's own `-wal` and `-shm`.
pub fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-search");
    path.into()
}

/// Makes an empty file that nobody may read who may not read the database.
fn as_private_as(database: &Path, path: &Path) -> std::io::Result<()> {
    let like = std::fs::metadata(database)?;
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let file: File = match made {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    };
    // Made by root for somebody else: as SQLite does with its log.
    let _ = std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()));
    file.set_permissions(std::fs::Permissions::from_mode(like.mode() & 0o777))
}
