//! The newest time at which an event was recorded: a clock that shows an earlier time was set back. It is kept beside the
//! events, so that it stays when events are deleted and when later events have an earlier time.

use jiff::Timestamp;
use rusqlite::Connection;

use super::counters::{counter, set_counter};

/// The counter with that time, microseconds since 1970.
pub(super) const TIME: &str = "newest_time";
/// The counter of how often an earlier time was accepted.
pub(super) const ACCEPTED: &str = "accepted_times";

/// The store's knowledge of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestTime {
    /// The newest time of an event; `None` if there was no event.
    pub time: Option<Timestamp>,
    /// How often an earlier time was accepted.
    pub accepted: u64,
}

/// Stores the time of an event, if it is the newest.
pub(super) fn record(connection: &Connection, time: Timestamp) -> Result<(), rusqlite::Error> {
    // A clock before 1970 is before every event in any case.
    set_counter(connection, TIME, u64::try_from(time.as_microsecond()).unwrap_or(0))
}

/// Writes what another file had.
pub(super) fn restore(connection: &Connection, newest: NewestTime) -> Result<(), rusqlite::Error> {
    set_counter(connection, ACCEPTED, newest.accepted)?;
    newest.time.map_or(Ok(()), |time| record(connection, time))
}

/// The stored time. In a store of an earlier version, which has none, the newest event's.
pub(super) fn read(connection: &Connection) -> Result<NewestTime, rusqlite::Error> {
    let accepted = counter(connection, ACCEPTED)?;
    let recorded = i64::try_from(counter(connection, TIME)?).ok().filter(|recorded| *recorded > 0);
    let time = match recorded.and_then(|recorded| Timestamp::from_microsecond(recorded).ok()) {
        Some(time) => Some(time),
        None => {
            let newest = "SELECT max(json ->> 'time') FROM events";
            let newest: Option<String> = connection.query_row(newest, [], |row| row.get(0))?;
            newest.and_then(|time| time.parse().ok())
        }
    };
    Ok(NewestTime { time, accepted })
}
