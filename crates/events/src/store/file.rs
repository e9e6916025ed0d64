//! The file of the event store: how it is opened, and the checks before it is used.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use ostiary_core::{durable, ownership};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::counters::counter;
use super::error::{damage, sql_error};
use super::schema::{APPLICATION_ID, MAX_ID, SCHEMA, SCHEMA_VERSION, schema};
use super::{StoreError, migration, newest_time, retention};

/// The longest wait for another process's write.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens the file, which only its owner may read.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let failed = |why| StoreError::Open { path: path.into(), why };
    // SQLite gives its journals the mode of the file, so the mode comes first.
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    ownership::inherit_folder_owner(&file, path).map_err(failed)?;
    let sql = |why| sql_error(path, why);
    let connection = Connection::open(path).map_err(sql)?;
    connection.busy_timeout(LOCK_TIMEOUT).map_err(sql)?;
    // A page that is split or shortened does not keep a copy of a row that is erased later.
    connection.execute_batch("PRAGMA secure_delete = ON").map_err(sql)?;
    Ok(connection)
}

/// A file that is read, and whether another process has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadFile {
    inode: u64,
    /// The time of the last change, if no process has the file open. Later events are then not visible to this connection.
    closed: Option<(i64, i64)>,
}

impl ReadFile {
    /// The file as it is now.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        let metadata = fs::metadata(path).map_err(|why| read_error(path, why))?;
        let is_open = durable::with_suffix(path, "-wal").exists();
        let closed = (!is_open).then(|| (metadata.mtime(), metadata.mtime_nsec()));
        Ok(Self { inode: metadata.ino(), closed })
    }
}

/// Opens the file for reading. Nothing in the file or beside it is created or changed.
pub(super) fn connect_read_only(path: &Path) -> Result<(Connection, ReadFile), StoreError> {
    let sql = |why| sql_error(path, why);
    let failed = |why| read_error(path, why);
    fs::File::open(path).map_err(failed)?;
    let file = ReadFile::of(path)?;
    let absolute = std::path::absolute(path).map_err(failed)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // Without a journal, no process has the file open, and the file is complete. SQLite creates a journal even then,
    // except for a file that is declared immutable.
    let connection = if file.closed.is_none() {
        Connection::open_with_flags(&absolute, flags)
    } else {
        let address = format!("file:{}?immutable=1", escaped(&absolute));
        Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI)
    };
    let connection = connection.map_err(sql)?;
    connection.busy_timeout(LOCK_TIMEOUT).map_err(sql)?;
    Ok((connection, file))
}

fn read_error(path: &Path, why: io::Error) -> StoreError {
    match why.kind() {
        io::ErrorKind::NotFound => StoreError::Missing { path: path.into() },
        _ => StoreError::Open { path: path.into(), why },
    }
}

/// A store that was opened for writing.
pub(super) struct Opened {
    pub connection: Connection,
    /// The newest id of an event; 0 if there was no event.
    pub last: u64,
    /// Whether its events got their trail now.
    pub is_migrated: bool,
}

/// Creates the tables of a new file or checks all of an existing one, changes one of an earlier version, and reads the newest
/// id.
pub(super) fn open_or_create(path: &Path, mut connection: Connection) -> Result<Opened, StoreError> {
    let sql = |why| sql_error(path, why);
    let found = kind(path, &connection)?;
    let is_new = found == FileKind::Empty;
    // An id that was reported must never be used again, so each event is on the disk before its id is reported.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;").map_err(sql)?;
    if is_new {
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};
                 PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            ))
            .map_err(sql)?;
    }
    let last = check_tables(path, &connection)?;
    if let FileKind::Store(version) = found {
        // A full disk is found by this small write, before all of the file is read: the daemon tries again every half minute.
        connection.pragma_update(None, "user_version", version).map_err(sql)?;
        check_pages(&connection).map_err(sql)?;
    }
    let is_migrated = found == FileKind::Store(1);
    if is_migrated {
        migration::from_version_1(&mut connection).map_err(sql)?;
        log::info!("event store {}: changed to the format of this version", path.display());
    }
    // A command may write at the same time.
    let recount = || {
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        retention::recount(&transaction)?;
        transaction.commit()
    };
    recount().map_err(sql)?;
    // The next event is recorded with a time after those of an earlier program, which recorded none.
    if let Some(time) = newest_time::read(&connection).map_err(sql)?.time {
        newest_time::record(&connection, time).map_err(sql)?;
    }
    Ok(Opened { connection, last, is_migrated })
}

/// What a file was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Empty,
    /// A store with the tables of this version.
    Store(i64),
}

/// Whether the file is empty or an event store that this program knows.
pub(super) fn kind(path: &Path, connection: &Connection) -> Result<FileKind, StoreError> {
    let number = |query: &str| {
        connection.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(|e| sql_error(path, e))
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?, tables) {
        (0, 0, 0) => Ok(FileKind::Empty),
        (APPLICATION_ID, version @ 1..=SCHEMA_VERSION, _) => Ok(FileKind::Store(version)),
        (APPLICATION_ID, found, _) if found > SCHEMA_VERSION => {
            Err(StoreError::Newer { path: path.into(), found })
        }
        _ => Err(StoreError::Foreign { path: path.into() }),
    }
}

/// Reads all of the file, and compares the index with the events: the oldest events are removed by the index, and with a damaged
/// one others would be.
pub(super) fn check_pages(connection: &Connection) -> Result<(), rusqlite::Error> {
    let health: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if health == "ok" { Ok(()) } else { Err(damage(&health)) }
}

/// Checks that the file has the tables of a store, and reads the newest id; 0 for an empty file.
pub(super) fn check_tables(path: &Path, connection: &Connection) -> Result<u64, StoreError> {
    let sql = |why| sql_error(path, why);
    let FileKind::Store(version) = kind(path, connection)? else { return Ok(0) };
    if !ostiary_sqlite::schema_matches(schema(version), connection).map_err(sql)? {
        return Err(sql(damage("its tables are not those of an event store")));
    }
    match newest(connection).map_err(sql)? {
        last @ 0..MAX_ID => Ok(last),
        last => Err(sql(damage(&format!("an event has the number {last}")))),
    }
}

/// The newest id: the counter's or, if that is higher, the events'.
pub(super) fn newest(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let highest: i64 =
        connection.query_row("SELECT coalesce(max(id), 0) FROM events", [], |row| row.get(0))?;
    Ok(counter(connection, "last")?.max(u64::try_from(highest).unwrap_or(0)))
}

/// A path in the form of SQLite's URIs.
fn escaped(path: &Path) -> String {
    let escape = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    path.as_os_str().as_bytes().iter().map(escape).collect()
}
