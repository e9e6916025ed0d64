//! Replaces a damaged file by a new one, and takes over from it the newest id and the newest time that can still be read.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::Connection;

use super::counters::{counter, set_counter};
use super::error::sql_error;
use super::file::{connect, create_or_check, with_suffix};
use super::schema::{MAX_ID, SCHEMA};
use super::{StoreError, newest_time};

/// Moves a damaged file aside and creates a new one, whose ids are above all earlier ones. If the earlier ids are not known,
/// ids continue from the time in milliseconds since 1970, which is above any count and exact in JSON.
pub(super) fn replace_damaged(
    path: &Path,
    damage: rusqlite::Error,
    known: Option<u64>,
) -> Result<(Connection, u64), StoreError> {
    let last = known.or_else(|| readable_id(path));
    let newest = readable_time(path);
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
    let counted =
        set_counter(&connection, "last", last).and_then(|()| set_counter(&connection, "sent", last));
    let counted = counted.and_then(|()| newest.map_or(Ok(()), |time| newest_time::record(&connection, time)));
    counted.map_err(|why| sql_error(path, why))?;
    Ok((connection, last))
}

/// The newest id of a damaged file, if the counter and the events can both be read and agree.
fn readable_id(path: &Path) -> Option<u64> {
    let connection = connect(path).ok()?;
    if !ostiary_sqlite::schema_matches(SCHEMA, &connection).ok()? {
        return None;
    }
    let highest: i64 = connection.query_row("SELECT max(id) FROM events", [], |row| row.get(0)).ok()?;
    let last = counter(&connection, "last").ok()?;
    (u64::try_from(highest) == Ok(last) && last < MAX_ID).then_some(last)
}

/// The newest time of a damaged file, if its tables can be read.
fn readable_time(path: &Path) -> Option<jiff::Timestamp> {
    let damaged = connect(path).ok()?;
    if !ostiary_sqlite::schema_matches(SCHEMA, &damaged).ok()? {
        return None;
    }
    newest_time::read(&damaged).ok()?.time
}

/// Where a damaged file is moved to.
fn path_aside(path: &Path, now: jiff::Timestamp) -> PathBuf {
    with_suffix(path, &format!(".corrupt-{}", now.strftime("%Y%m%dT%H%M%S%3fZ")))
}
