//! The queue on disk: one SQLite file in WAL mode. The only place with SQL.
//!
//! Every write is one IMMEDIATE transaction that holds the change and its event row. No transaction
//! is open while an agent, git or Docker works. What was acknowledged survives a power loss
//! (`synchronous=FULL`).

mod agents;
mod attempts;
mod blockers;
mod claim;
mod comments;
mod events;
mod filesystem;
mod landings;
pub mod lock;
mod migrate;
mod proposals;
mod retry;
mod session;
mod settings;
mod tickets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use agents::{AgentRow, Principal};
pub use claim::{ClaimPolicy, NewAttempt};
pub use proposals::NewProposal;
pub use session::Session;

use crate::actor::Actor;
use crate::error::{Error, Result};

/// How long a writer waits for another process's transaction before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The open database.
pub struct Store {
    conn: Connection,
    path: PathBuf,
}

impl Store {
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
        let mut store = Store::connect(path, flags)?;
        migrate::version(&store.conn)?;
        migrate::run(&mut store.conn, say)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Store> {
        let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", true)?;
        Ok(Store {
            conn,
            path: path.to_owned(),
        })
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
    fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&tx)?;
        tx.commit()?;
        Ok(value)
    }
}

/// Seconds since 1970, by the wall clock.
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
