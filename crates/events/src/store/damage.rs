//! Replaces a damaged file by a new one, and takes over from it the newest id and the newest time that can still be read.

use std::path::{Path, PathBuf};
use std::{fs, io};

use ostiary_core::durable;
use rusqlite::Connection;

use super::StoreError;
use super::counters::{counter, set_counter};
use super::error::{damage, sql_error};
use super::file::{Opened, connect, open_or_create};
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
///
/// The new file is complete before the damaged one is moved. If something fails, the damaged one is still in its place, for the
/// next attempt.
pub(super) fn replace_damaged(path: &Path, why: rusqlite::Error, known: Known) -> Result<Opened, StoreError> {
    let readable = readable(path);
    let last = known.last.or(readable.last);
    // Another process may have accepted a time since it was last read.
    let newest = readable.newest.or(known.newest);
    let now = jiff::Timestamp::now();
    let last = last.unwrap_or_else(|| u64::try_from(now.as_millisecond()).unwrap_or(0));
    let new = durable::with_suffix(path, ".new");
    create(&new, last, newest)?;
    let aside = path_aside(path, now);
    if let Err(moving) = exchange(path, &aside, &new) {
        return Err(StoreError::Corrupt { path: path.into(), why, moving });
    }
    log::warn!(
        "event store {}: damaged ({why}); moved to {} and began a new one from id {}",
        path.display(),
        aside.display(),
        last + 1
    );
    open_or_create(path, connect(path)?)
}

/// Creates a store that continues after the newest id and time of another one, as one file without journals.
fn create(path: &Path, last: u64, newest: Option<NewestTime>) -> Result<(), StoreError> {
    let sql = |why| sql_error(path, why);
    // What an earlier attempt has left.
    for suffix in ["", "-wal", "-shm"] {
        remove(&durable::with_suffix(path, suffix))
            .map_err(|why| StoreError::Open { path: path.into(), why })?;
    }
    let Opened { connection, .. } = open_or_create(path, connect(path)?)?;
    let fill = || {
        set_counter(&connection, "last", last)?;
        set_counter(&connection, "sent", last)?;
        newest.map_or(Ok(()), |newest| newest_time::restore(&connection, newest))?;
        let is_busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_busy { Err(damage("the new file is used by another process")) } else { Ok(()) }
    };
    fill().map_err(sql)?;
    connection.close().map_err(|(_, why)| sql(why))
}

/// Moves the damaged file with its journals to `aside`, and the new one into its place.
fn exchange(path: &Path, aside: &Path, new: &Path) -> Result<(), io::Error> {
    for journal in ["-wal", "-shm"] {
        match fs::rename(durable::with_suffix(path, journal), durable::with_suffix(aside, journal)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // The place is never empty: an empty one would become a store with ids from 1.
    fs::hard_link(path, aside)?;
    fs::rename(new, path).inspect_err(|_| {
        if let Err(error) = fs::remove_file(aside) {
            log::warn!("{} cannot be removed: {error}", aside.display());
        }
    })
}

fn remove(path: &Path) -> Result<(), io::Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
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
    durable::with_suffix(path, &format!(".corrupt-{}", now.strftime("%Y%m%dT%H%M%S%3fZ")))
}
