//! Replaces a damaged file by a new one, and takes over from it the newest id and the newest time that can still be read.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::Connection;

use super::StoreError;
use super::counters::{counter, set_counter};
use super::error::sql_error;
use super::file::{connect, create_or_check, with_suffix};
use super::newest_time::{self, NewestTime};
use super::schema::{MAX_ID, SCHEMA, SCHEMA_1};

/// What is known of a file, from memory or from its own tables.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// The newest id of an event.
    pub last: Option<u64>,
    pub newest: Option<NewestTime>,
}

/// Moves a damaged file aside and creates a new one, whose ids are above all earlier ones. If the earlier ids are not known,
/// ids continue from the time in milliseconds since 1970, which is above any count and exact in JSON. The times that the
/// clock is compared with stay too: otherwise a clock that was set back would count as plausible.
pub(super) fn replace_damaged(
    path: &Path,
    damage: rusqlite::Error,
    known: Known,
) -> Result<(Connection, u64), StoreError> {
    let readable = readable(path);
    let last = known.last.or(readable.last);
    // Another process may have accepted a time since it was last read.
    let newest = readable.newest.or(known.newest);
    let now = jiff::Timestamp::now();
    let aside = path_aside(path, now);
    let moved = fs::rename(path, &aside).and_then(|()| {
        for journal in ["-wal", "-shm"] {
            match fs::rename(with_suffix(path, journal), with_suffix(&aside, journal)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    });
    if let Err(moving) = moved {
        return Err(StoreError::Corrupt { path: path.into(), why: damage, moving });
    }
    let last = last.unwrap_or_else(|| u64::try_from(now.as_millisecond()).unwrap_or(0));
    log::warn!(
        "event store {}: damaged ({damage}); moved to {} and began a new one from id {}",
        path.display(),
        aside.display(),
        last + 1
    );
    let (connection, _) = create_or_check(path, connect(path)?)?;
    let count = || {
        set_counter(&connection, "last", last)?;
        set_counter(&connection, "sent", last)?;
        newest.map_or(Ok(()), |newest| newest_time::restore(&connection, newest))
    };
    count().map_err(|why| sql_error(path, why))?;
    Ok((connection, last))
}

/// What can be read of a damaged file.
fn readable(path: &Path) -> Known {
    let Ok(connection) = connect(path) else { return Known::default() };
    let has_tables = |schema| ostiary_sqlite::schema_matches(schema, &connection).unwrap_or(false);
    if !has_tables(SCHEMA) && !has_tables(SCHEMA_1) {
        return Known::default();
    }
    Known { last: readable_id(&connection), newest: newest_time::read(&connection).ok() }
}

/// The newest id, if the counter and the events can both be read and agree.
fn readable_id(connection: &Connection) -> Option<u64> {
    let highest: i64 = connection.query_row("SELECT max(id) FROM events", [], |row| row.get(0)).ok()?;
    let last = counter(connection, "last").ok()?;
    (u64::try_from(highest) == Ok(last) && last < MAX_ID).then_some(last)
}

/// Where a damaged file is moved to.
fn path_aside(path: &Path, now: jiff::Timestamp) -> PathBuf {
    with_suffix(path, &format!(".corrupt-{}", now.strftime("%Y%m%dT%H%M%S%3fZ")))
}
