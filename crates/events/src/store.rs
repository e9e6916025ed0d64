//! The event store: an SQLite file that keeps the newest events, numbers all events without repetition, and knows which of
//! them MQTT still has to send.

mod accepted_time;
mod counters;
mod damage;
mod error;
mod file;
mod newest_time;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};

use counters::{counter, set_counter};
use damage::{Known, replace_damaged};
pub use error::StoreError;
use error::{is_damage, sql_error};
use file::{LOCK_TIMEOUT, check, connect, create_or_check, escaped, with_suffix};
pub use newest_time::NewestTime;
use ostiary_config as config;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::Event;

/// The most events that wait for the broker; of more, the oldest are not sent.
pub const SPOOL: u64 = 1000;

/// The open event store. One process writes; others may read the file at the same time.
pub struct EventStore {
    path: PathBuf,
    connection: Connection,
    keep: u64,
    spool: bool,
    /// The newest id of an event, of this process or an earlier one.
    last: u64,
    /// The newest time when the store was opened or last written.
    newest: Option<NewestTime>,
}

impl EventStore {
    /// Opens or creates the store. With `spool`, events wait until [`Self::mark_sent`]. Without it, they count as sent at
    /// once, so that MQTT does not send old events if it is turned on later.
    ///
    /// A damaged file is moved aside, with a warning, and a new file is created.
    ///
    /// # Errors
    /// If the file cannot be opened, belongs to another program or a newer version, or is damaged and cannot be moved aside.
    pub fn open(config: &config::Events, spool: bool) -> Result<Self, StoreError> {
        let path = config.path.clone();
        let (connection, last) =
            match connect(&path).and_then(|connection| create_or_check(&path, connection)) {
                Err(StoreError::Sql { why, .. }) if is_damage(&why) => {
                    replace_damaged(&path, why, Known::default())?
                }
                opened => opened?,
            };
        let newest = newest_time::read(&connection).ok();
        Ok(Self { path, connection, keep: u64::from(config.keep.max(1)), spool, last, newest })
    }

    /// Opens the store for reading. Nothing in the file or beside it is created, moved or changed.
    ///
    /// # Errors
    /// If the file cannot be read, is not an event store, or is damaged.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let sql = |why| sql_error(path, why);
        let failed = |why| StoreError::Open { path: path.into(), why };
        fs::File::open(path).map_err(failed)?;
        // Without a journal, no process has the file open, and the file is complete. SQLite creates a journal even then,
        // except for a file that is declared immutable.
        let is_open = with_suffix(path, "-wal").exists();
        let absolute = std::path::absolute(path).map_err(failed)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = if is_open {
            Connection::open_with_flags(&absolute, flags)
        } else {
            let address = format!("file:{}?immutable=1", escaped(&absolute));
            Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI)
        };
        let connection = connection.map_err(sql)?;
        connection.busy_timeout(LOCK_TIMEOUT).map_err(sql)?;
        let last = check(path, &connection)?;
        Ok(Self { path: path.into(), connection, keep: u64::MAX, spool: false, last, newest: None })
    }

    /// Stores an event durably and sets its id, one above the last.
    ///
    /// # Errors
    /// If the event cannot be written. Its id is then 0, and the caller goes on with an event that is not stored.
    pub fn append(&mut self, event: &mut Event) -> Result<(), StoreError> {
        match self.insert(event) {
            Err(StoreError::Sql { why, .. }) if is_damage(&why) => {
                // Closed first: closing removes the journals by name. Later it would remove those of the new file.
                self.connection = Connection::open_in_memory().map_err(|e| sql_error(&self.path, e))?;
                (self.connection, self.last) =
                    replace_damaged(&self.path, why, Known { last: Some(self.last), newest: self.newest })?;
                self.insert(event)
            }
            inserted => inserted,
        }
    }

    fn insert(&mut self, event: &mut Event) -> Result<(), StoreError> {
        let id = self.last + 1;
        event.id = id;
        let inserted = serde_json::to_string(event)
            .map_err(StoreError::from)
            .and_then(|json| self.write(id, event.time, &json).map_err(|why| sql_error(&self.path, why)));
        match inserted {
            Ok(()) => self.last = id,
            Err(_) => event.id = 0,
        }
        inserted
    }

    fn write(&mut self, id: u64, time: jiff::Timestamp, json: &str) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction
            .prepare_cached("INSERT INTO events (id, json) VALUES (?1, ?2)")?
            .execute(params![id as i64, json])?;
        set_counter(&transaction, "last", id)?;
        newest_time::record(&transaction, time)?;
        let newest = newest_time::read(&transaction)?;
        if !self.spool {
            set_counter(&transaction, "sent", id)?;
        }
        transaction
            .prepare_cached("DELETE FROM events WHERE id <= ?1")?
            .execute([id.saturating_sub(self.keep) as i64])?;
        transaction.commit()?;
        self.newest = Some(newest);
        Ok(())
    }

    /// The oldest events that are not sent yet and have an id above `after`, at most `limit`, in order.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn unsent(&self, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let read = || {
            let sent = counter(&self.connection, "sent")?;
            let after = after.max(sent).max(self.last.saturating_sub(SPOOL));
            let mut statement = self
                .connection
                .prepare_cached("SELECT json FROM events WHERE id > ?1 ORDER BY id LIMIT ?2")?;
            let rows = statement.query_map(params![after as i64, limit], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        Ok(self.parsed(read().map_err(|why| sql_error(&self.path, why))?))
    }

    /// Marks this event and all before it as sent.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn mark_sent(&mut self, id: u64) -> Result<(), StoreError> {
        set_counter(&self.connection, "sent", id).map_err(|why| sql_error(&self.path, why))
    }

    /// The newest grant or denial that is kept.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_access(&self) -> Result<Option<Event>, StoreError> {
        let json = self
            .connection
            .query_row(
                "SELECT json FROM events WHERE json ->> 'kind' IN ('granted', 'denied')
                 ORDER BY id DESC LIMIT 1",
                [],
                |row| row.get::<_, String>(0),
            )
            .optional()
            .map_err(|why| sql_error(&self.path, why))?;
        Ok(json.and_then(|json| self.parsed(vec![json]).pop()))
    }

    /// The newest event that is kept.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn newest(&self) -> Result<Option<Event>, StoreError> {
        let newest = "SELECT json FROM events ORDER BY id DESC LIMIT 1";
        let json = self.connection.query_row(newest, [], |row| row.get::<_, String>(0)).optional();
        let json = json.map_err(|why| sql_error(&self.path, why))?;
        Ok(json.and_then(|json| self.parsed(vec![json]).pop()))
    }

    /// The newest events that are kept, at most `limit`, oldest first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn latest(&self, limit: u32) -> Result<Vec<Event>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare(
                "SELECT json FROM (SELECT id, json FROM events ORDER BY id DESC LIMIT ?1) ORDER BY id",
            )?;
            let rows = statement.query_map([limit], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        Ok(self.parsed(read().map_err(|why| sql_error(&self.path, why))?))
    }

    /// The newest id of an event; 0 if there was no event.
    pub fn last_id(&self) -> u64 {
        self.last
    }

    /// Rows as events. A row that is not an event (written by hand, or by a version with other kinds) is skipped, so that
    /// the events after it are still sent.
    fn parsed(&self, rows: Vec<String>) -> Vec<Event> {
        let parse = |json: String| match serde_json::from_str(&json) {
            Ok(event) => Some(event),
            Err(error) => {
                log::warn!("event store {}: a record is skipped: {error}", self.path.display());
                None
            }
        };
        rows.into_iter().filter_map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::schema::{MAX_ID, SCHEMA};
    use super::*;
    use crate::testing::{event, evidence};
    use crate::{Denial, EventKind, Grant};

    fn config(folder: &Path, keep: u32) -> config::Events {
        config::Events { path: folder.join("events.sqlite"), keep }
    }

    fn append(store: &mut EventStore) -> u64 {
        let mut event = event(EventKind::Denied(Denial::ExitButton));
        store.append(&mut event).unwrap();
        event.id
    }

    #[test]
    fn a_full_disk_leaves_the_id_0_and_the_store_usable() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = EventStore::open(&config(folder.path(), 1000), true).unwrap();
        assert_eq!(append(&mut store), 1);
        // The file cannot grow beyond its pages of now.
        let pages: i64 = store.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let limit = |store: &EventStore, pages: i64| {
            store.connection.pragma_update(None, "max_page_count", pages).unwrap();
        };
        limit(&store, pages);
        let mut long = event(EventKind::Locked { detail: "x".repeat(20_000) });
        let error = store.append(&mut long).unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert!(error.to_string().contains("events.keep"), "{error}");
        assert_eq!(long.id, 0);
        limit(&store, 1_000_000);
        store.append(&mut long).unwrap();
        assert_eq!(long.id, 2);
    }

    #[test]
    fn a_file_damaged_under_the_open_store_is_moved_aside_and_ids_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 1000);
        let mut store = EventStore::open(&config, true).unwrap();
        for id in 1..=5 {
            assert_eq!(append(&mut store), id);
        }
        let everything = "PRAGMA wal_checkpoint(TRUNCATE)";
        store.connection.query_row(everything, [], |_| Ok(())).unwrap();
        // Everything but the header becomes noise, and the page cache is dropped.
        let mut bytes = fs::read(&config.path).unwrap();
        bytes[100..].fill(0x5a);
        fs::write(&config.path, &bytes).unwrap();
        store.connection = Connection::open(&config.path).unwrap();
        assert_eq!(append(&mut store), 6);
        assert_eq!(store.unsent(0, 10).unwrap().len(), 1);
        let aside = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("events.sqlite.corrupt-"))
            .count();
        assert_eq!(aside, 1);
    }

    #[test]
    fn reading_changes_nothing_whether_the_store_is_in_use_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Events { path: folder.path().join("odd ?#%name.sqlite"), keep: 10 };
        assert!(matches!(EventStore::open_read_only(&config.path), Err(StoreError::Open { .. })));
        let files = || {
            let mut files: Vec<_> =
                folder.path().read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
            files.sort();
            files
        };
        assert!(files().is_empty());
        let mut store = EventStore::open(&config, true).unwrap();
        append(&mut store);
        append(&mut store);
        let before = files();
        let reader = EventStore::open_read_only(&config.path).unwrap();
        assert_eq!((reader.last_id(), reader.newest().unwrap().unwrap().id), (2, 2));
        let latest = |limit| reader.latest(limit).unwrap().iter().map(|event| event.id).collect::<Vec<_>>();
        assert_eq!((latest(1), latest(9)), (vec![2], vec![1, 2]));
        append(&mut store);
        assert_eq!(reader.newest().unwrap().unwrap().id, 3);
        drop(reader);
        assert_eq!(files(), before);
        drop(store);
        assert_eq!(files().len(), 1);
        assert_eq!(EventStore::open_read_only(&config.path).unwrap().last_id(), 3);
        fs::write(&config.path, vec![0x5a; 8192]).unwrap();
        assert!(matches!(EventStore::open_read_only(&config.path), Err(StoreError::Sql { .. })));
        fs::write(&config.path, "").unwrap();
        assert!(EventStore::open_read_only(&config.path).unwrap().newest().is_err());
        assert_eq!(files().len(), 1, "nothing was moved aside");
    }

    #[test]
    fn a_store_of_other_tables_or_with_numbers_beyond_all_events_is_moved_aside() {
        let marks = "PRAGMA application_id = 0x4f535445; PRAGMA user_version = 1;";
        let endless = "CREATE VIEW events AS WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids)
                           SELECT id, '{}' AS json FROM ids;
                       CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;";
        let last = format!("{SCHEMA} INSERT INTO counters VALUES ('last', {});", i64::MAX);
        for statements in [endless, &last] {
            let folder = tempfile::tempdir().unwrap();
            let config = config(folder.path(), 1000);
            let file = Connection::open(&config.path).unwrap();
            file.execute_batch(&format!("{statements} {marks}")).unwrap();
            drop(file);
            let refused = EventStore::open_read_only(&config.path).err().unwrap();
            assert!(matches!(refused, StoreError::Sql { .. }), "{refused}");
            let mut store = EventStore::open(&config, true).unwrap();
            let id = append(&mut store);
            assert!((1..MAX_ID).contains(&id), "{id}");
            assert_eq!(store.newest().unwrap().unwrap().id, id);
        }
    }

    #[test]
    fn a_row_that_is_no_event_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = EventStore::open(&config(folder.path(), 1000), true).unwrap();
        append(&mut store);
        append(&mut store);
        store.connection.execute("UPDATE events SET json = '{}' WHERE id = 1", []).unwrap();
        let ids: Vec<u64> = store.unsent(0, 10).unwrap().iter().map(|event| event.id).collect();
        assert_eq!(ids, [2]);
        assert_eq!(store.last_access().unwrap().unwrap().id, 2);
    }

    #[test]
    fn an_event_goes_out_as_the_row_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = EventStore::open(&config(folder.path(), 1000), true).unwrap();
        let granted = EventKind::Granted(Grant::Face { person: Some("Zoë".into()), evidence: evidence() });
        store.append(&mut event(granted)).unwrap();
        // A row of version 0.1.0, whose reloads did not name the model, and one of a newer program.
        let old =
            r#"{"id":2,"time":"2026-11-24T08:15:00Z","kind":"reloaded","door":"front","detail":"1 person"}"#;
        let newer = r#"{"id":3,"time":"2026-11-24T08:15:00Z","kind":"tampered","door":"front"}"#;
        for (id, row) in [(2, old), (3, newer)] {
            store.connection.execute("INSERT INTO events VALUES (?1, ?2)", params![id, row]).unwrap();
        }
        let row: String =
            store.connection.query_row("SELECT json FROM events WHERE id = 1", [], |row| row.get(0)).unwrap();
        let sent = store.latest(10).unwrap();
        let sent: Vec<_> = sent.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        assert_eq!(sent, [row.as_str(), old]);
    }
}
