//! The facebank's file: its schema, and how it is opened.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use ostiary_core::ownership;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::FacebankError;

/// Marks an SQLite file as a facebank: "OSTY".
const APPLICATION_ID: i64 = 0x4f53_5459;
/// The version of the tables below, kept in the file's `user_version`.
const VERSION: i64 = 2;
/// How long to wait for another process's write before giving up.
const PATIENCE: Duration = Duration::from_secs(5);

/// `AUTOINCREMENT` keeps the number of a removed person from being given again: old events name it.
/// `folded` is the name in lower case, as SQLite itself only folds ASCII.
const PEOPLE: &str = "
    CREATE TABLE people (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        folded TEXT NOT NULL UNIQUE,
        enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
        grouped TEXT,
        created TEXT NOT NULL
    ) STRICT;
";

/// A photo is kept once, as its hash and perhaps its crop, and has a template of each model that knows it, so that a
/// return to an earlier model needs nobody. `models` are those that the facebank was made ready for: of one that is not
/// among them, nobody has a template yet, which is not the same as nobody being enrolled.
const PHOTOS: &str = "
    CREATE TABLE models (
        id TEXT NOT NULL PRIMARY KEY
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE photos (
        id INTEGER PRIMARY KEY,
        person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        hash BLOB NOT NULL CHECK (length(hash) = 32),
        crop BLOB,
        created TEXT NOT NULL,
        UNIQUE (person, hash)
    ) STRICT;
    CREATE TABLE templates (
        photo INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
        model TEXT NOT NULL REFERENCES models (id),
        embedding BLOB NOT NULL,
        PRIMARY KEY (photo, model)
    ) STRICT, WITHOUT ROWID;
";

/// The templates of version 1, where a photo had one.
const TEMPLATES_1: &str = "
    CREATE TABLE templates (
        id INTEGER PRIMARY KEY,
        person INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
        embedding BLOB NOT NULL,
        model TEXT NOT NULL,
        photo BLOB NOT NULL CHECK (length(photo) = 32),
        crop BLOB,
        created TEXT NOT NULL,
        UNIQUE (person, photo)
    ) STRICT;
";

/// From version 1 to 2.
const FROM_1: [&str; 2] = [
    "ALTER TABLE templates RENAME TO old;",
    "INSERT INTO models SELECT DISTINCT model FROM old;
     INSERT INTO photos SELECT id, person, photo, crop, created FROM old;
     INSERT INTO templates SELECT id, model, embedding FROM old;
     DROP TABLE old;",
];

/// What a facebank is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// To read and write; made where there is none.
    ReadWrite,
    ReadOnly,
}

/// Opens the file, having made sure that it is a facebank of this version.
pub(super) fn open(path: &Path, mode: Mode) -> Result<Connection, FacebankError> {
    let sql = |error| FacebankError::sql(path, error);
    match mode {
        Mode::ReadWrite => create_tight(path)?,
        Mode::ReadOnly => match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(FacebankError::Missing { path: path.to_owned() }),
            // A folder that may not be looked into is no empty one.
            Err(e) => return Err(FacebankError::CannotOpen { path: path.to_owned(), why: e.to_string() }),
        },
    }
    // A reader opens for writing too where it may (SQLite falls back to reading): only so can it roll back
    // what a killed writer left half done. `query_only` then holds it to reading.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection.busy_timeout(PATIENCE).map_err(sql)?;
    // Rollback journal, not WAL: one file, readable on a read-only medium, and no copies of removed
    // templates lingering in a log. EXTRA syncs the folder too, so that what was reported as stored
    // survives a power cut.
    connection
        .execute_batch(
            "PRAGMA synchronous = EXTRA;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;",
        )
        .map_err(sql)?;
    if is_empty(&connection).map_err(sql)? {
        match mode {
            Mode::ReadOnly => return Err(FacebankError::Missing { path: path.to_owned() }),
            Mode::ReadWrite => create_tables(&mut connection).map_err(sql)?,
        }
    }
    if check_kind(&connection, path)? < VERSION {
        migrate(&mut connection, path)?;
    }
    match mode {
        Mode::ReadOnly => connection.pragma_update(None, "query_only", true).map_err(sql)?,
        Mode::ReadWrite if connection.is_readonly("main").map_err(sql)? => {
            return Err(FacebankError::ReadOnly { path: path.to_owned() });
        }
        Mode::ReadWrite => {}
    }
    Ok(connection)
}

/// Tells one file from another at the same path.
pub(super) fn identity(path: &Path) -> Result<(u64, u64), FacebankError> {
    match path.metadata() {
        Ok(metadata) => Ok((metadata.dev(), metadata.ino())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            Err(FacebankError::Missing { path: path.to_owned() })
        }
        Err(why) => Err(FacebankError::Io { path: path.to_owned(), why }),
    }
}

/// Makes an empty file that only its owner may read, where there is none. SQLite gives its journal the
/// same mode. An existing file is not even opened: closing it would drop SQLite's locks on it.
fn create_tight(path: &Path) -> Result<(), FacebankError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created.and_then(|file| ownership::inherit_folder_owner(&file, path)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // On a read-only medium an existing file is no fault yet.
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(FacebankError::CannotOpen { path: path.to_owned(), why: error.to_string() }),
    }
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let marks = pragma(connection, "application_id")? | pragma(connection, "user_version")?;
    let things: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(marks == 0 && things == 0)
}

fn create_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if is_empty(&transaction)? {
        transaction.execute_batch(PEOPLE)?;
        transaction.execute_batch(PHOTOS)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

/// Brings a facebank of an earlier program up to this one, all or nothing. A reader does so too: a daemon that only
/// reads may be the first to open it.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), FacebankError> {
    let sql = |error| FacebankError::sql(path, error);
    if connection.is_readonly("main").map_err(sql)? {
        return Err(FacebankError::Older { path: path.to_owned() });
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    // Another process may have been faster.
    if pragma(&transaction, "user_version").map_err(sql)? < VERSION {
        let [begin, end] = FROM_1;
        for batch in [begin, PHOTOS, end] {
            transaction.execute_batch(batch).map_err(sql)?;
        }
        transaction.pragma_update(None, "user_version", VERSION).map_err(sql)?;
    }
    transaction.commit().map_err(sql)
}

/// The version of the tables, of this or of an earlier program.
fn check_kind(connection: &Connection, path: &Path) -> Result<i64, FacebankError> {
    let sql = |error| FacebankError::sql(path, error);
    // Version and tables of one moment: another process may be bringing the file up to this version.
    let _snapshot = connection.unchecked_transaction().map_err(sql)?;
    if pragma(connection, "application_id").map_err(sql)? != APPLICATION_ID {
        let why = "an SQLite file of another program".into();
        return Err(FacebankError::NotAFacebank { path: path.to_owned(), why });
    }
    match pragma(connection, "user_version").map_err(sql)? {
        found @ 1..=VERSION => {
            let schema = PEOPLE.to_owned() + if found == 1 { TEMPLATES_1 } else { PHOTOS };
            if ostiary_sqlite::schema_matches(&schema, connection).map_err(sql)? {
                return Ok(found);
            }
            let why = format!("its tables are not those of version {found}");
            Err(FacebankError::NotAFacebank { path: path.to_owned(), why })
        }
        found if found > VERSION => {
            Err(FacebankError::Newer { path: path.to_owned(), found, known: VERSION })
        }
        found => Err(FacebankError::Corrupt { path: path.to_owned(), why: format!("version {found}") }),
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
