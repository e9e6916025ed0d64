//! The facebank's SQLite file: schema, opening, migration.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use ostiary_core::ownership;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{FacebankError, stored_name};

/// SQLite's `application_id` of a facebank: "OSTY".
const APPLICATION_ID: i64 = 0x4f53_5459;
/// The version of the schema, in SQLite's `user_version`.
const SCHEMA_VERSION: i64 = 5;
/// The wait for the write of another process, before [`FacebankError::Busy`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// With `AUTOINCREMENT` the id of a removed person is not used again: old events refer to it.
/// `folded` is the name in the form of [`ostiary_core::fold_name`], because SQLite folds ASCII only. Until version 4 it was the
/// name in lower case, without Unicode's normalization.
const PEOPLE_TABLE: &str = "
    CREATE TABLE people (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        folded TEXT NOT NULL UNIQUE,
        enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
        grouped TEXT,
        created TEXT NOT NULL
    ) STRICT;
";

/// A photo is stored once, as its hash and optionally its crop. It has a template of each model that embedded it, so that a
/// rollback needs no new photos. `models` has the models that the facebank is prepared for. Without this table, a facebank
/// without templates of a model would look like a facebank without people.
const PHOTO_TABLES: &str = "
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

/// Since version 3: the weight of a photo in the person's template. Photos of earlier versions have weight 1.
const WEIGHT_COLUMN: &str =
    "ALTER TABLE photos ADD COLUMN weight REAL NOT NULL DEFAULT 1 CHECK (weight > 0 AND weight <= 1);";

/// Since version 4: the frontal aspect of a person. People of earlier versions have none. The limits are those of
/// [`is_frontal_aspect`](super::person::is_frontal_aspect).
const ASPECT_COLUMN: &str =
    "ALTER TABLE people ADD COLUMN frontal_aspect REAL CHECK (frontal_aspect BETWEEN 0.5 AND 2);";

/// The table of templates in version 1, with one template for each photo.
const TEMPLATES_TABLE_1: &str = "
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

/// The migration from version 1 to 2: the statements before and after the creation of [`PHOTO_TABLES`].
const MIGRATION_FROM_1: [&str; 2] = [
    "ALTER TABLE templates RENAME TO old;",
    "INSERT INTO models SELECT DISTINCT model FROM old;
     INSERT INTO photos SELECT id, person, photo, crop, created FROM old;
     INSERT INTO templates SELECT id, model, embedding FROM old;
     DROP TABLE old;",
];

/// The access with which a facebank is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// To read and write. The file is created if it does not exist.
    ReadWrite,
    ReadOnly,
}

/// Opens the file, checks that it is a facebank, and migrates it to this version.
pub(super) fn open(path: &Path, mode: Mode) -> Result<Connection, FacebankError> {
    let sql = |error| FacebankError::sql(path, error);
    match mode {
        Mode::ReadWrite => create_private(path)?,
        Mode::ReadOnly => match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Err(FacebankError::Missing { path: path.to_owned() }),
            // A folder without access is not an empty folder.
            Err(e) => return Err(FacebankError::CannotOpen { path: path.to_owned(), why: e.to_string() }),
        },
    }
    // A reader also opens the file for writing (SQLite falls back to reading), because only a writer can roll back the
    // incomplete transaction of a killed process. `query_only` then prevents changes.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sql)?;
    // A rollback journal instead of a WAL: one file, readable on a read-only medium, and no copies of removed templates in
    // a log. EXTRA also syncs the folder, so that a change that was reported as stored is still there after a power cut.
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
    if check_version(&connection, path)? < SCHEMA_VERSION {
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

/// Device and inode of the file, which differ if another file replaces it at the same path.
pub(super) fn identity(path: &Path) -> Result<(u64, u64), FacebankError> {
    match path.metadata() {
        Ok(metadata) => Ok((metadata.dev(), metadata.ino())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => {
            Err(FacebankError::Missing { path: path.to_owned() })
        }
        Err(why) => Err(FacebankError::Io { path: path.to_owned(), why }),
    }
}

/// Creates an empty file with mode 0600, if there is no file. SQLite gives its journal the same mode. An existing file is not
/// opened: closing it would release the locks that SQLite has on it in this process.
fn create_private(path: &Path) -> Result<(), FacebankError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created.and_then(|file| ownership::inherit_folder_owner(&file, path)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // On a read-only medium an existing file is not an error here.
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(FacebankError::CannotOpen { path: path.to_owned(), why: error.to_string() }),
    }
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let versions = pragma(connection, "application_id")? | pragma(connection, "user_version")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(versions == 0 && tables == 0)
}

fn create_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it since the check.
    if is_empty(&transaction)? {
        transaction.execute_batch(PEOPLE_TABLE)?;
        transaction.execute_batch(PHOTO_TABLES)?;
        transaction.execute_batch(WEIGHT_COLUMN)?;
        transaction.execute_batch(ASPECT_COLUMN)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

/// Migrates a facebank of an earlier version in one transaction. A reader does this too: the daemon, which only reads, can be
/// the first to open it.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), FacebankError> {
    let sql = |error| FacebankError::sql(path, error);
    if connection.is_readonly("main").map_err(sql)? {
        return Err(FacebankError::Older { path: path.to_owned() });
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    // Another process may have done it since the check.
    let found = pragma(&transaction, "user_version").map_err(sql)?;
    if found < SCHEMA_VERSION {
        let [rename, copy] = MIGRATION_FROM_1;
        let steps: &[&str] = match found {
            1 => &[rename, PHOTO_TABLES, copy, WEIGHT_COLUMN, ASPECT_COLUMN],
            2 => &[WEIGHT_COLUMN, ASPECT_COLUMN],
            3 => &[ASPECT_COLUMN],
            _ => &[],
        };
        for batch in steps {
            transaction.execute_batch(batch).map_err(sql)?;
        }
        stored_name::normalize_all(&transaction).map_err(sql)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(sql)?;
    }
    transaction.commit().map_err(sql)
}

/// The version of the schema, after a check that the tables are those of that version.
fn check_version(connection: &Connection, path: &Path) -> Result<i64, FacebankError> {
    let sql = |error| FacebankError::sql(path, error);
    // One transaction for version and tables: another process may migrate the file at the same time.
    let _snapshot = connection.unchecked_transaction().map_err(sql)?;
    if pragma(connection, "application_id").map_err(sql)? != APPLICATION_ID {
        let why = "an SQLite file of another program".into();
        return Err(FacebankError::NotAFacebank { path: path.to_owned(), why });
    }
    match pragma(connection, "user_version").map_err(sql)? {
        found @ 1..=SCHEMA_VERSION => {
            let later: &[&str] = match found {
                1 => &[TEMPLATES_TABLE_1],
                2 => &[PHOTO_TABLES],
                3 => &[PHOTO_TABLES, WEIGHT_COLUMN],
                _ => &[PHOTO_TABLES, WEIGHT_COLUMN, ASPECT_COLUMN],
            };
            let schema = PEOPLE_TABLE.to_owned() + &later.concat();
            if ostiary_sqlite::schema_matches(&schema, connection).map_err(sql)? {
                return Ok(found);
            }
            let why = format!("its tables are not those of version {found}");
            Err(FacebankError::NotAFacebank { path: path.to_owned(), why })
        }
        found if found > SCHEMA_VERSION => {
            Err(FacebankError::Newer { path: path.to_owned(), found, known: SCHEMA_VERSION })
        }
        found => Err(FacebankError::Corrupt { path: path.to_owned(), why: format!("version {found}") }),
    }
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
