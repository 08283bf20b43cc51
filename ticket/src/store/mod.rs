//! The queue on disk: one SQLite file in WAL mode. The only place with SQL.
//!
//! Every write is one IMMEDIATE transaction that holds the change and its event row. No transaction
//! is open while an agent, git or Docker works. What was acknowledged survives a power loss
//! (`synchronous=FULL`).

mod activity;
mod agents;
mod attempts;
pub mod backup;
mod blockers;
mod budgets;
mod census;
mod checkpoint;
mod claim;
mod clock;
mod comments;
mod conditions;
mod cost;
pub mod doctor;
mod events;
mod export;
mod filesystem;
mod fulltext;
mod halts;
mod import;
mod labels;
mod landings;
mod learnings;
pub mod lock;
mod migrate;
mod outbox;
mod pauses;
mod prompts;
mod proposals;
mod reader;
mod replies;
mod retry;
mod review;
mod search;
mod session;
mod settings;
mod shift;
mod tickets;
mod turn;
mod upgrade;
mod usage;
mod waiting;
mod waits;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

pub use agents::{AgentRow, Principal};
pub use attempts::Death;
pub use census::{Census, Spender, Told};
pub use checkpoint::{Emptied, Log};
pub use claim::{ClaimPolicy, NewAttempt};
use fulltext::FullText;
pub use proposals::{NewProposal, Ration};
pub use reader::Reader;
pub use session::Session;
pub use tickets::Total;
use turn::Turn;
pub use waits::{Linked, Waits};

use crate::actor::Actor;
use crate::error::{Error, Result};

/// How long a writer waits for a transaction of a program that does not wait for its turn.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How many prepared statements a connection keeps: more than there are.
const STATEMENTS: usize = 256;

/// How long, in bytes, the log may be that the last one to close the file leaves behind.
const LONG_LOG: u64 = 512 * 1024;

/// The open database.
pub struct Store {
    conn: Connection,
    path: PathBuf,
    /// Inside [`Store::batch`]: its transaction takes in every write.
    in_batch: bool,
    /// The full-text index, once something was looked up.
    index: Option<FullText>,
}

/// A write transaction that is open. Only [`Store::write`] makes one, so what takes it cannot be
/// called outside.
pub struct Write<'a>(&'a Connection);

impl Deref for Write<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Store {
    /// Refuses a place where a database would get corrupted silently.
    pub fn must_be_local(path: &Path) -> Result<()> {
        filesystem::must_be_local(path)
    }

    /// Opens an existing database; one at an older version is upgraded first. A path without a
    /// database is an error that names `ticket migrate`.
    pub fn open(path: &Path) -> Result<Store> {
        if !path.is_file() {
            return Err(Error::NotFound(format!(
                "no ticket database at {}: run 'ticket migrate' to make one, or 'swarm init'",
                path.display()
            )));
        }
        filesystem::must_be_local(path)?;
        let mut store = Store::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        match migrate::version(&store.conn)? {
            None => Err(Error::NotFound(format!(
                "{} holds no tickets yet: run 'ticket migrate'",
                path.display()
            ))),
            Some(version) if version < migrate::LATEST => {
                let _turn = Turn::wait(path)?;
                upgrade::keep(path, version)?;
                migrate::run(&mut store.conn, &mut |_| ())?;
                Ok(store)
            }
            Some(_) => Ok(store),
        }
    }

    /// Makes or upgrades the database at `path`, with its parent folders; calls `say` with one line
    /// for each migration applied. Returns the version it ends at.
    pub fn migrate(path: &Path, say: &mut dyn FnMut(&str)) -> Result<i64> {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent)
                .map_err(|e| Error::Io(format!("cannot create {}", parent.display()), e))?;
        }
        filesystem::must_be_local(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let _turn = Turn::wait(path)?;
        let mut store = Store::connect(path, flags)?;
        if let Some(version) = migrate::version(&store.conn)?
            && version < migrate::LATEST
        {
            let copy = upgrade::keep(path, version)?;
            say(&format!(
                "kept a copy of version {version}: {}",
                copy.display()
            ));
        }
        migrate::run(&mut store.conn, say)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Store> {
        let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        // A plan does not hang on the values bound, so a statement is not compiled anew for each.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // The end of a short-lived CLI costs no checkpoint; see the drop.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        let store = Store {
            conn,
            path: path.to_owned(),
            in_batch: false,
            index: None,
        };
        store.keep_a_new_log()?;
        Ok(store)
    }

    /// SQLite is built not to flush the folder when a process first writes: each call of a CLI would
    /// pay for it. A log needs it once, before the first commit to it: so that a power loss does not
    /// take the file away, or bring the journal back that it replaced.
    fn keep_a_new_log(&self) -> Result<()> {
        let log = self.log_file();
        if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Ok(());
        }
        // The first read makes the file.
        self.conn
            .pragma_query_value(None, "schema_version", |_| Ok(()))?;
        let folder = log.parent().unwrap_or(Path::new("/"));
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| Error::Io(format!("cannot flush {}", folder.display()), e))
    }

    /// Where SQLite has the log; it follows links first.
    fn log_file(&self) -> PathBuf {
        let mut log = self.conn.path().unwrap_or_default().to_owned();
        log.push_str("-wal");
        log.into()
    }

    /// Ends a short-lived use of the file. The kernel closes what is open when the process ends; to
    /// tidy up before that would only cost the caller time, save where the log has grown long.
    pub fn leave(self) {
        if !self.log_is_long() {
            std::mem::forget(self);
        }
    }

    /// Whoever opens the file when nobody else has it open reads the whole log first.
    fn log_is_long(&self) -> bool {
        std::fs::metadata(self.log_file()).is_ok_and(|log| log.len() > LONG_LOG)
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The queue as `actor` may use it.
    pub fn session(&mut self, actor: &Actor) -> Session<'_> {
        Session::new(self, actor.clone())
    }

    /// Runs `work` in one IMMEDIATE transaction; an error rolls all of it back.
    fn write<T>(&mut self, work: impl FnOnce(&Write<'_>) -> Result<T>) -> Result<T> {
        if self.in_batch {
            // A full disk makes SQLite roll back all of it at once.
            if self.conn.is_autocommit() {
                return Err(Error::Unavailable(
                    "an earlier write of the same batch failed: nothing was written".into(),
                ));
            }
            let part = Part::begin(&self.conn)?;
            let value = work(&Write(&self.conn))?;
            part.keep()?;
            return Ok(value);
        }
        let _turn = Turn::wait(&self.path)?;
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&Write(&tx))?;
        tx.commit()?;
        Ok(value)
    }

    /// Runs `work` with everything that it writes in one transaction: many writes for the price of
    /// one flush to disk. Each write inside still stands or falls by itself. Nothing is durable, and
    /// nothing should be answered, before this returns; an error means that none of it was kept.
    pub fn batch(&mut self, work: impl FnOnce(&mut Store)) -> Result<()> {
        let _turn = Turn::wait(&self.path)?;
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        let batch = Batch(self);
        batch.0.in_batch = true;
        work(batch.0);
        batch.0.conn.execute_batch("COMMIT")?;
        Ok(())
    }

    /// Runs `look` on the full-text index with every word that is committed. An index that turns out
    /// to be damaged is made anew first.
    fn look_up<T>(&mut self, look: impl Fn(&FullText) -> Result<T>) -> Result<T> {
        let index = FullText::fresh(self.index.take(), &self.path)?;
        match look(&index) {
            Err(error) if fulltext::is_damaged(&error) => {
                drop(index);
                fulltext::remove(&self.path);
                look(self.index.insert(FullText::fresh(None, &self.path)?))
            }
            found => {
                self.index = Some(index);
                found
            }
        }
    }

    /// Runs `work` on one state of the database, whatever others write meanwhile.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        if !self.conn.is_autocommit() {
            return work(&self.conn);
        }
        let tx = self.conn.unchecked_transaction()?;
        work(&tx)
    }
}

/// The last one to close the file puts a long log into the database.
impl Drop for Store {
    fn drop(&mut self) {
        if self.log_is_long() {
            let keep_the_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            let _ = self.conn.set_db_config(keep_the_log, false);
        }
    }
}

/// One write inside a batch. Dropped before [`Part::keep`], by an error or a panic, it is undone. Its
/// statements are prepared once, which rusqlite's own savepoints are not.
struct Part<'a> {
    conn: &'a Connection,
    open: bool,
}

impl Part<'_> {
    fn begin(conn: &Connection) -> Result<Part<'_>> {
        conn.prepare_cached("SAVEPOINT part")?.execute([])?;
        Ok(Part { conn, open: true })
    }

    fn keep(mut self) -> Result<()> {
        self.conn.prepare_cached("RELEASE part")?.execute([])?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        // After a full disk SQLite has undone the whole batch already.
        if self.open && !self.conn.is_autocommit() {
            let undone = self.conn.execute_batch("ROLLBACK TO part; RELEASE part");
            debug_assert!(undone.is_ok(), "a write could not be undone: {undone:?}");
        }
    }
}

/// Ends a batch: what was not committed, because of an error or a panic, is rolled back.
struct Batch<'a>(&'a mut Store);

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.0.in_batch = false;
        if !self.0.conn.is_autocommit()
            && let Err(error) = self.0.conn.execute_batch("ROLLBACK")
        {
            debug_assert!(false, "a batch could not be rolled back: {error}");
        }
    }
}

/// A list as JSON, for `json_each`.
fn json<T: serde::Serialize>(values: &[T]) -> Result<String> {
    serde_json::to_string(values)
        .map_err(|e| Error::Invalid(format!("a list cannot be written as JSON: {e}")))
}

/// Seconds since 1970, by the wall clock.
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
