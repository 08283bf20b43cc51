//! What can go wrong, as cases that someone acts on. The kind travels over HTTP by name.

use std::path::{Path, PathBuf};

use crate::status::IllegalMove;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refused or failed request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such ticket, comment, landing or file.
    #[error("{0}")]
    NotFound(String),
    /// The input is not usable.
    #[error("{0}")]
    Invalid(String),
    /// The command line has nothing to do; exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The state of things does not allow it.
    #[error("{0}")]
    Refused(String),
    /// The attempt is over, or a newer one exists.
    #[error("{0}")]
    Stale(String),
    /// This caller may not do it.
    #[error("{0}")]
    Forbidden(String),
    /// No token, or one that is not known.
    #[error("{0}")]
    Unauthorized(String),
    /// The database was made by a newer version.
    #[error(
        "the database is at version {found}, newer than this program knows ({known}): use a newer ticket"
    )]
    NewerSchema {
        /// The version of the file.
        found: i64,
        /// The newest version this program can read.
        known: i64,
    },
    /// The hub does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// SQLite failed on this file.
    #[error("{}: {}", .0.display(), sqlite_sentence(.1))]
    Database(PathBuf, rusqlite::Error),
    /// SQLite itself failed.
    #[error("{}", sqlite_sentence(.0))]
    Sqlite(#[from] rusqlite::Error),
    /// A file could not be read or written.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

impl Error {
    /// The name that travels over HTTP.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::NotFound(_) => "not-found",
            Error::Invalid(_) => "invalid",
            Error::Usage(_) => "usage",
            Error::Refused(_) => "refused",
            Error::Stale(_) => "stale",
            Error::Forbidden(_) => "forbidden",
            Error::Unauthorized(_) => "unauthorized",
            Error::NewerSchema { .. } => "newer-schema",
            Error::Unavailable(_) => "unavailable",
            Error::Database(..) | Error::Sqlite(_) => "database",
            Error::Io(..) => "io",
        }
    }

    /// The error that a hub meant by `kind` and `message`.
    pub fn from_kind(kind: &str, message: String) -> Error {
        match kind {
            "not-found" => Error::NotFound(message),
            "invalid" => Error::Invalid(message),
            "usage" => Error::Usage(message),
            "refused" => Error::Refused(message),
            "stale" => Error::Stale(message),
            "forbidden" => Error::Forbidden(message),
            "unauthorized" => Error::Unauthorized(message),
            _ => Error::Unavailable(message),
        }
    }

    /// The HTTP status that goes with it.
    pub fn http_status(&self) -> u16 {
        match self {
            Error::NotFound(_) => 404,
            Error::Invalid(_) | Error::Usage(_) => 400,
            Error::Refused(_) | Error::Stale(_) => 409,
            Error::Forbidden(_) => 403,
            Error::Unauthorized(_) => 401,
            Error::Unavailable(_) => 503,
            Error::NewerSchema { .. } | Error::Database(..) | Error::Sqlite(_) | Error::Io(..) => {
                500
            }
        }
    }

    /// The exit code of a command that ends with it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => crate::exit::USAGE,
            _ => crate::exit::REFUSED,
        }
    }

    /// The same, with the file on which SQLite failed.
    pub fn on(self, database: &Path) -> Error {
        match self {
            Error::Sqlite(error) => Error::Database(database.to_owned(), error),
            other => other,
        }
    }

    /// `ticket N not found`.
    pub fn no_ticket(id: i64) -> Error {
        Error::NotFound(format!("ticket {id} not found"))
    }
}

impl From<IllegalMove> for Error {
    fn from(illegal: IllegalMove) -> Error {
        Error::Refused(illegal.to_string())
    }
}

fn sqlite_sentence(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "the file is not a ticket database".into(),
        Some(ErrorCode::DiskFull) => "the disk is full: nothing was written".into(),
        Some(ErrorCode::ReadOnly) => "the database file is read-only".into(),
        Some(ErrorCode::CannotOpen) => {
            "the database cannot be opened: see who may write the file and its folder".into()
        }
        Some(ErrorCode::DatabaseBusy) => {
            "the database stayed locked: another process holds a transaction open".into()
        }
        _ => format!("database error: {error}"),
    }
}
