//! Reads the newest time of an event, and accepts an earlier time in its place.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::TransactionBehavior;

use super::counters::set_counter;
use super::error::sql_error;
use super::file::{FileKind, connect, kind};
use super::newest_time::{self, NewestTime};
use super::{EventStore, StoreError};

impl EventStore {
    /// The newest time at which an event was recorded, or the time that was accepted instead.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn newest_time(&self) -> Result<NewestTime, StoreError> {
        newest_time::read(&self.connection).map_err(|why| sql_error(&self.path, why))
    }

    /// Accepts a time that is earlier than the newest event's, and returns the newest event's. Stored events do not change.
    /// From then on, the clock is compared with the events that follow. A daemon may have the store open.
    ///
    /// # Errors
    /// If there is no event store, or it cannot be written. A damaged file does not change.
    pub fn accept_time(path: &Path, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let sql = |why| sql_error(path, why);
        std::fs::File::open(path).map_err(|why| StoreError::Open { path: path.into(), why })?;
        let mut connection = connect(path)?;
        if kind(path, &connection)? == FileKind::Empty {
            return Ok(None);
        }
        connection.execute_batch("PRAGMA synchronous = FULL").map_err(sql)?;
        let mut accept = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let NewestTime { time, accepted } = newest_time::read(&transaction)?;
            transaction.execute("DELETE FROM counters WHERE name = ?1", [newest_time::TIME])?;
            newest_time::record(&transaction, now)?;
            set_counter(&transaction, newest_time::ACCEPTED, accepted + 1)?;
            transaction.commit()?;
            Ok(time)
        };
        accept().map_err(sql)
    }
}

#[cfg(test)]
mod tests {
    use ostiary_config as config;

    use super::*;
    use crate::{Event, EventKind};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn store(folder: &Path, keep: u32) -> EventStore {
        let config = config::Events { path: folder.join("events.sqlite"), keep, ..config::Events::default() };
        EventStore::open(&config, false).unwrap()
    }

    fn append(store: &mut EventStore, time: &str) {
        store.append(&mut Event::new(EventKind::Stopped, at(time), "front")).unwrap();
    }

    fn newest(store: &EventStore) -> Option<Timestamp> {
        store.newest_time().unwrap().time
    }

    #[test]
    fn the_newest_time_stays_when_the_clock_goes_back_and_the_event_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = store(folder.path(), 1);
        assert_eq!(newest(&first), None);
        append(&mut first, "2031-05-05T10:00:00.25Z");
        append(&mut first, "1970-01-01T00:03:00Z");
        append(&mut first, "2030-05-05T10:00:00Z");
        assert_eq!(newest(&first), Some(at("2031-05-05T10:00:00.25Z")));
        drop(first);
        assert_eq!(newest(&store(folder.path(), 1)), Some(at("2031-05-05T10:00:00.25Z")));
        let path = folder.path().join("events.sqlite");
        assert_eq!(newest(&EventStore::open_read_only(&path).unwrap()), Some(at("2031-05-05T10:00:00.25Z")));
    }

    #[test]
    fn events_of_an_earlier_program_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut old = store(folder.path(), 100);
        append(&mut old, "2031-05-05T10:00:00Z");
        append(&mut old, "2030-05-05T10:00:00Z");
        old.connection.execute("DELETE FROM counters WHERE name = ?1", [newest_time::TIME]).unwrap();
        assert_eq!(newest(&old), Some(at("2031-05-05T10:00:00Z")));
        drop(old);
        // An event of this version does not hide them.
        let mut new = store(folder.path(), 100);
        append(&mut new, "2030-05-06T10:00:00Z");
        assert_eq!(newest(&new), Some(at("2031-05-05T10:00:00Z")));
    }

    #[test]
    fn an_earlier_time_is_accepted_for_good_and_seen_by_a_process_with_the_store_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite");
        assert!(matches!(
            EventStore::accept_time(&path, at("2030-01-01T00:00:00Z")),
            Err(StoreError::Open { .. })
        ));
        assert!(!path.exists());
        let mut daemon = store(folder.path(), 100);
        append(&mut daemon, "2099-01-01T00:00:00Z");
        let now = at("2030-01-01T00:00:00Z");
        assert_eq!(EventStore::accept_time(&path, now).unwrap(), Some(at("2099-01-01T00:00:00Z")));
        assert_eq!(daemon.newest_time().unwrap(), NewestTime { time: Some(now), accepted: 1 });
        append(&mut daemon, "2030-01-01T00:01:00Z");
        drop(daemon);
        let again = store(folder.path(), 100);
        assert_eq!(newest(&again), Some(at("2030-01-01T00:01:00Z")));
        assert_eq!(again.latest(9).unwrap()[0].time, at("2099-01-01T00:00:00Z"), "the event stays");
    }

    #[test]
    fn a_damaged_store_that_is_replaced_keeps_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut damaged = store(folder.path(), 10_000);
        for _ in 0..200 {
            append(&mut damaged, "2031-05-05T10:00:00Z");
        }
        drop(damaged);
        let path = folder.path().join("events.sqlite");
        EventStore::accept_time(&path, at("2031-05-05T10:00:00Z")).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[5 * 4096..6 * 4096].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
        let again = store(folder.path(), 10_000);
        let kept = NewestTime { time: Some(at("2031-05-05T10:00:00Z")), accepted: 1 };
        assert_eq!(again.newest_time().unwrap(), kept);
        let aside = folder.path().read_dir().unwrap().count();
        assert!(aside > 1, "it was moved aside");
    }
}
