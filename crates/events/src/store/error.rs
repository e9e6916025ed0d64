//! Why the event store failed, and which of SQLite's errors mean that the file is damaged.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::schema::SCHEMA_VERSION;

/// Why the event store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or created.
    #[error("event store {}: {why}; make the folder, give it to the user, or set events.path", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        why: io::Error,
    },
    /// There is no file to read.
    #[error("event store {}: does not exist; the record begins with the first start of the daemon, in the file that events.path names", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is another program's database.
    #[error("{} is not an event store but another program's database; set events.path to another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version made the file.
    #[error("event store {}: made by a newer ostiary (schema {found}, this one knows {SCHEMA_VERSION}); upgrade, or set events.path to another file", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
    },
    /// The store could not be opened before. The first error says why.
    #[error("event store {}: not open", path.display())]
    NotOpen {
        /// The file.
        path: PathBuf,
    },
    /// The file is of a version without a trail.
    #[error("event store {}: of an earlier version, which has no trail; start the daemon once", path.display())]
    NoTrail {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("event store {}: the disk is full, nothing was recorded; free some space or lower events.keep", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged and is still in its place.
    #[error("event store {}: damaged ({why}) and could not be moved aside ({moving}); move the file away", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The damage.
        why: rusqlite::Error,
        /// Why the file could not be moved aside.
        moving: io::Error,
    },
    /// SQLite failed.
    #[error("event store {}: {why}; check the disk and who may write the file", path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        why: rusqlite::Error,
    },
    /// The event has no JSON.
    #[error("event store: an event could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Whether SQLite reports a damaged file.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// SQLite's error as the store's.
pub(super) fn sql_error(path: &Path, why: rusqlite::Error) -> StoreError {
    match why.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { path: path.into() },
        _ => StoreError::Sql { path: path.into(), why },
    }
}

/// Damage that SQLite itself does not see.
pub(super) fn damage(what: &str) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some(what.to_owned()))
}
