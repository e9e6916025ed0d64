//! Accounts, sessions and one-time codes, in one SQLite file of the console. It has no token that could be read without a code, a
//! password or a cookie.

mod accounts;
mod pairings;
mod sessions;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ostiary_sqlite::schema_matches;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

pub use self::accounts::MAX_ACCOUNTS;
pub use self::pairings::{CODE_TIME, Pairing};
pub use self::sessions::NewSession;
use crate::sealing::{SALT, SealingError, random};

/// The version of the tables.
const VERSION: i64 = 1;
const SCHEMA: &str = "
CREATE TABLE salts (id INTEGER PRIMARY KEY CHECK (id = 1), salt BLOB NOT NULL) STRICT;
CREATE TABLE pairings (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, role TEXT NOT NULL, sealed BLOB NOT NULL,
  created INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, folded TEXT NOT NULL UNIQUE, role TEXT NOT NULL,
  salt BLOB NOT NULL, sealed BLOB NOT NULL, language TEXT, created INTEGER NOT NULL
) STRICT;
CREATE TABLE sessions (
  id BLOB PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, sealed BLOB NOT NULL,
  created INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_account ON sessions (account);";
/// How long one process waits for another one that writes.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite reports an error.
    #[error("{}: {why}", path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: rusqlite::Error,
    },
    /// It is another file, or one of another version.
    #[error("{}: this is not the file of this version of the console; move it away, and pair all browsers again", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// There are no random numbers.
    #[error(transparent)]
    Sealing(#[from] SealingError),
}

/// Accounts, sessions and one-time codes.
pub struct Store {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the file in this folder, or makes it.
    ///
    /// # Errors
    /// It cannot be opened, or is another file.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("console.sqlite");
        let sql = |why| StoreError::Sql { path: path.clone(), why };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(sql)?;
        connection.busy_timeout(BUSY_TIME).map_err(sql)?;
        connection
            .execute_batch("PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA cache_size = -512;")
            .map_err(sql)?;
        // Nobody else may read even what is sealed. A folder that others may not enter protects it until here.
        let _ = fs::set_permissions(&path, fs::Permissions::from_mode(0o600));
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let version: i64 =
            transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sql)?;
        if version == 0 && !transaction.table_exists(None, "accounts").map_err(sql)? {
            transaction.execute_batch(SCHEMA).map_err(sql)?;
            let salt: [u8; SALT] = random()?;
            transaction
                .execute("INSERT INTO salts (id, salt) VALUES (1, ?1)", [salt.as_slice()])
                .map_err(sql)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(sql)?;
        } else if version != VERSION || !schema_matches(SCHEMA, &transaction).map_err(sql)? {
            return Err(StoreError::Foreign { path });
        }
        transaction.commit().map_err(sql)?;
        Ok(Self { path, connection: Mutex::new(connection) })
    }

    /// The salt of codes and of names without an account. A code is random, so that one salt for all suffices.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn salt(&self) -> Result<[u8; SALT], StoreError> {
        self.read(|connection| connection.query_row("SELECT salt FROM salts", [], |row| row.get(0)))
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.connection()).map_err(|why| StoreError::Sql { path: self.path.clone(), why })
    }

    /// Makes all of a change, or nothing.
    fn change<T>(&self, change: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let sql = |why| StoreError::Sql { path: self.path.clone(), why };
        let mut connection = self.connection();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let changed = change(&transaction).map_err(sql)?;
        transaction.commit().map_err(sql)?;
        Ok(changed)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
