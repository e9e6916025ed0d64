//! The named counters of the event store.

use rusqlite::{Connection, OptionalExtension, params};

/// The value of a counter; 0 if it was never set.
pub(super) fn counter(connection: &Connection, name: &str) -> Result<u64, rusqlite::Error> {
    let value: Option<i64> = connection
        .prepare_cached("SELECT value FROM counters WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0))
}

/// Raises a counter; it never decreases.
pub(super) fn set_counter(connection: &Connection, name: &str, value: u64) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "INSERT INTO counters (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute(params![name, value as i64])?;
    Ok(())
}

/// Adds a number to a counter, or subtracts one. The counter is not negative after it.
pub(super) fn add_to_counter(connection: &Connection, name: &str, value: i64) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached(
            "INSERT INTO counters (name, value) VALUES (?1, max(?2, 0))
             ON CONFLICT (name) DO UPDATE SET value = max(value + ?2, 0)",
        )?
        .execute(params![name, value])?;
    Ok(())
}
