//! The event store: an SQLite file that keeps the newest events, numbers all events without repetition, and knows which of
//! them MQTT still has to send.

mod accepted_time;
mod category;
mod counters;
mod damage;
mod decisions;
mod erase;
mod error;
mod file;
mod find;
mod heads;
mod liveness_reports;
mod migration;
mod newest_time;
mod person_names;
mod retention;
mod schema;
mod trail_rows;

use std::path::{Path, PathBuf};

use category::Category;
use counters::{counter, set_counter};
use damage::{Known, replace_damaged};
pub use error::StoreError;
use error::{damage, is_damage, sql_error};
use file::{
    FileKind, Opened, ReadFile, check_tables, connect, connect_read_only, kind, newest, open_or_create,
};
pub use find::EventFilter;
pub use heads::{TrailFault, TrailReport, key_path};
pub use newest_time::NewestTime;
use ostiary_config as config;
use retention::Retention;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use schema::{MAX_ID, SCHEMA, SCHEMA_VERSION};

use super::trail::SigningKey;
use super::{Event, EventKind};

/// The most events that wait for the broker; of more, the oldest are not sent.
pub const SPOOL: u64 = 1000;

/// The open event store. Several processes may write; others may read the file at the same time.
pub struct EventStore {
    path: PathBuf,
    connection: Connection,
    retention: Retention,
    spool: bool,
    /// The newest id of an event, of this process or an earlier one.
    last: u64,
    /// The events up to this id were stored by this process, or are known to it.
    seen: u64,
    /// The ids above `seen` of events of this process: there are events of others between.
    own: Vec<u64>,
    /// The newest time when the store was opened or last written.
    newest: Option<NewestTime>,
    /// The key that signs heads of the trail; `None` if it cannot be used, or the store is only read.
    key: Option<SigningKey>,
    /// What did not fit in the trail when the store was opened, until an event tells of it.
    trail_fault: Option<TrailFault>,
    /// The damage of a file that could not be replaced. Until it is, the connection is not one to the file.
    damage: Option<String>,
    /// The file of a store that is only read, as it was opened.
    read_file: Option<ReadFile>,
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
        let opened = match connect(&path).and_then(|connection| open_or_create(&path, connection)) {
            Err(StoreError::Sql { why, .. }) if is_damage(&why) => {
                replace_damaged(&path, why, Known::default())?
            }
            opened => opened?,
        };
        let Opened { mut connection, last, is_migrated } = opened;
        let newest = newest_time::read(&connection).ok();
        let key = match SigningKey::load_or_create(&key_path(&path)) {
            Ok((key, is_new)) => {
                if is_new {
                    log::info!("a new key signs the event trail from now on: {}", key.public().text());
                }
                Some(key)
            }
            Err(error) => {
                log::error!("{error}; until then the event trail is not signed");
                None
            }
        };
        let sql = |why| sql_error(&path, why);
        if let Some(key) = &key {
            heads::begin(&mut connection, key, is_migrated).map_err(sql)?;
        }
        // A command may write at the same time.
        let transaction = connection.unchecked_transaction().map_err(sql)?;
        let trail_fault =
            heads::quick_check(&transaction, key.as_ref().map(SigningKey::public)).map_err(sql)?;
        drop(transaction);
        let retention = Retention::new(config);
        Ok(Self {
            spool,
            last,
            seen: last,
            newest,
            key,
            trail_fault,
            ..Self::with(path, connection, retention)
        })
    }

    /// A store without what only some uses need.
    fn with(path: PathBuf, connection: Connection, retention: Retention) -> Self {
        Self {
            path,
            connection,
            retention,
            spool: false,
            last: 0,
            seen: 0,
            own: Vec::new(),
            newest: None,
            key: None,
            trail_fault: None,
            damage: None,
            read_file: None,
        }
    }

    /// Opens the store for reading. Nothing in the file or beside it is created, moved or changed. Damage is found where it is
    /// read; [`Self::check_file`] reads everything.
    ///
    /// # Errors
    /// If there is no file, or it cannot be read or is not an event store.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let (connection, read_file) = connect_read_only(path)?;
        let last = check_tables(path, &connection)?;
        let retention = Retention::new(&config::Events::default());
        Ok(Self { last, read_file: Some(read_file), ..Self::with(path.into(), connection, retention) })
    }

    /// Reads all of the file, which takes time for a long record.
    ///
    /// # Errors
    /// If the file is damaged or cannot be read.
    pub fn check_file(&self) -> Result<(), StoreError> {
        file::check_pages(&self.connection).map_err(|why| sql_error(&self.path, why))
    }

    /// Writes a consistent copy to a new file, also while other processes record events.
    ///
    /// # Errors
    /// If the store cannot be read, or the copy cannot be written.
    pub fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        ostiary_sqlite::copy_into(&self.connection, file).map_err(|why| sql_error(&self.path, why))
    }

    /// Opens a store that is only read again, if another process has created, replaced or closed the file since, so that later
    /// events are found.
    ///
    /// # Errors
    /// If the file cannot be read, or is not an event store.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        if self.read_file.is_some() && self.read_file != Some(ReadFile::of(&self.path)?) {
            *self = Self::open_read_only(&self.path)?;
        }
        Ok(())
    }

    /// Stores an event durably and sets its id, one above the last.
    ///
    /// # Errors
    /// If the event cannot be written. Its id is then 0, and the caller goes on with an event that is not stored.
    pub fn append(&mut self, event: &mut Event) -> Result<(), StoreError> {
        event.id = 0;
        if let Some(why) = &self.damage {
            self.replace(damage(why))?;
        }
        match self.insert(event) {
            Err(StoreError::Sql { why, .. }) if is_damage(&why) => {
                self.replace(why)?;
                self.insert(event)
            }
            inserted => inserted,
        }
    }

    /// Replaces a damaged file. If that fails, the next event tries it again.
    fn replace(&mut self, why: rusqlite::Error) -> Result<(), StoreError> {
        let sql = |why| sql_error(&self.path, why);
        self.damage = Some(why.to_string());
        // Closed first: closing removes the journals by name. Later it would remove those of the new file.
        self.connection = Connection::open_in_memory().map_err(sql)?;
        let known = Known { last: Some(self.last), newest: self.newest };
        let mut opened = replace_damaged(&self.path, why, known)?;
        if let Some(key) = &self.key {
            heads::begin(&mut opened.connection, key, false).map_err(sql)?;
        }
        self.connection = opened.connection;
        (self.last, self.seen, self.damage, self.trail_fault) = (opened.last, opened.last, None, None);
        self.own.clear();
        Ok(())
    }

    /// Stores an event of a command, while a daemon may have the store open. Unlike a daemon, it neither creates a store, nor
    /// changes one of an earlier version, nor replaces a damaged one. The record begins with the first start of the daemon:
    /// without a store, the event is not stored, and its id stays 0.
    ///
    /// # Errors
    /// If the event cannot be written. Its id is then 0.
    pub fn append_once(config: &config::Events, spool: bool, event: &mut Event) -> Result<(), StoreError> {
        Self::open_for_command(config, spool)?.map_or(Ok(()), |mut store| store.insert(event))
    }

    /// Opens the store for a command; `None` if there is none.
    fn open_for_command(config: &config::Events, spool: bool) -> Result<Option<Self>, StoreError> {
        let path = config.path.clone();
        if matches!(path.try_exists(), Ok(false)) {
            return Ok(None);
        }
        let connection = connect(&path)?;
        let sql = |why| sql_error(&path, why);
        match kind(&path, &connection)? {
            FileKind::Empty => return Ok(None),
            FileKind::Store(SCHEMA_VERSION) => {}
            FileKind::Store(_) => return Err(StoreError::NoTrail { path }),
        }
        if !ostiary_sqlite::schema_matches(SCHEMA, &connection).map_err(sql)? {
            return Err(sql(damage("its tables are not those of an event store")));
        }
        connection.execute_batch("PRAGMA synchronous = FULL").map_err(sql)?;
        let retention = Retention::new(config);
        Ok(Some(Self { spool, ..Self::with(path, connection, retention) }))
    }

    /// The events that other processes have stored since the last call or the start.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn take_unseen(&mut self) -> Result<Vec<Event>, StoreError> {
        let newest = newest(&self.connection).map_err(|why| sql_error(&self.path, why))?;
        if newest <= self.seen {
            return Ok(Vec::new());
        }
        let mut unseen = Vec::new();
        let filter = EventFilter { after: self.seen, ..EventFilter::default() };
        self.find(&filter, Some(SPOOL as u32), |event| {
            // One that is stored meanwhile is for the next call.
            if event.id <= newest && !self.own.contains(&event.id) {
                unseen.push(event);
            }
            Ok::<_, StoreError>(())
        })?;
        self.seen = newest;
        self.own.clear();
        self.last = self.last.max(newest);
        Ok(unseen)
    }

    fn insert(&mut self, event: &mut Event) -> Result<(), StoreError> {
        self.insert_and(event, |_| Ok(()))
    }

    /// Stores an event and makes a change, both or neither.
    fn insert_and<T>(
        &mut self,
        event: &mut Event,
        change: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        let inserted = self.write(event, change);
        match inserted {
            Ok(_) => {
                self.last = event.id;
                match self.own.is_empty() && event.id == self.seen + 1 {
                    true => self.seen = event.id,
                    false => self.own.push(event.id),
                }
            }
            Err(_) => event.id = 0,
        }
        inserted
    }

    fn write<T>(
        &mut self,
        event: &mut Event,
        change: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let sql = |why| sql_error(&path, why);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        // Another process may have written since.
        let last = newest(&transaction).map_err(sql)?;
        if last >= MAX_ID {
            return Err(sql(damage(&format!("an event has the number {last}"))));
        }
        event.id = last + 1;
        let json = serde_json::to_string(event)?;
        let visit = event.kind.visit().map(serde_json::to_string).transpose()?;
        let (id, category) = (event.id, Category::of(&event.kind));
        let tells_of_fault = matches!(event.kind, EventKind::TrailBroken { .. });
        let write = || {
            let mut range = match &self.trail_fault {
                // In one transaction, so that the fault is found again if this event is not stored.
                Some(_) if tells_of_fault => heads::rebuild(&transaction, self.key.as_ref())?,
                Some(_) => trail_rows::stored_range(&transaction)?.unwrap_or_default(),
                None => trail_rows::range(&transaction)?,
            };
            let salt = migration::salt()?;
            trail_rows::insert(&transaction, &mut range, id, category, &json, visit.as_deref(), &salt)?;
            trail_rows::set_range(&transaction, &range)?;
            set_counter(&transaction, "last", id)?;
            newest_time::record(&transaction, event.time)?;
            let newest = newest_time::read(&transaction)?;
            if !self.spool {
                set_counter(&transaction, "sent", id)?;
            }
            retention::count(&transaction, category)?;
            self.retention.apply(&transaction, event.time)?;
            let changed = change(&transaction)?;
            transaction.commit()?;
            Ok((newest, changed))
        };
        let (newest, changed) = write().map_err(sql)?;
        self.newest = Some(newest);
        if tells_of_fault {
            self.trail_fault = None;
        }
        Ok(changed)
    }

    /// The oldest events that are not sent yet and have an id above `after`, at most `limit`, in order.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn unsent(&self, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let read = || {
            let sent = counter(&self.connection, "sent")?;
            let last = newest(&self.connection)?;
            let after = after.max(sent).max(last.saturating_sub(SPOOL));
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
        self.last_of("json ->> 'kind' IN ('granted', 'denied')")
    }

    /// The newest grant or denial of a face that is kept.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_visit(&self) -> Result<Option<Event>, StoreError> {
        self.last_of("json ->> 'kind' IN ('granted', 'denied') AND json ->> 'track' IS NOT NULL")
    }

    /// The changes of people and models by commands after this event, oldest first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn changes_after(&self, id: u64) -> Result<Vec<Event>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT json FROM events WHERE id > ?1
                 AND CASE WHEN json_valid(json) THEN json ->> 'kind' = 'administered' END ORDER BY id",
            )?;
            let rows = statement
                .query_map([i64::try_from(id).unwrap_or(i64::MAX)], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        Ok(self.parsed(read().map_err(|why| sql_error(&self.path, why))?))
    }

    /// The newest event with a condition.
    fn last_of(&self, condition: &str) -> Result<Option<Event>, StoreError> {
        let newest = format!("SELECT json FROM events WHERE {condition} ORDER BY id DESC LIMIT 1");
        let json = self.connection.query_row(&newest, [], |row| row.get::<_, String>(0)).optional();
        let json = json.map_err(|why| sql_error(&self.path, why))?;
        Ok(json.and_then(|json| self.parsed(vec![json]).pop()))
    }

    /// The event with this id, if it is kept.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn event(&self, id: u64) -> Result<Option<Event>, StoreError> {
        let json = self
            .connection
            .prepare_cached("SELECT json FROM events WHERE id = ?1")
            .and_then(|mut statement| {
                let id = i64::try_from(id).unwrap_or(i64::MAX);
                statement.query_row([id], |row| row.get::<_, String>(0)).optional()
            })
            .map_err(|why| sql_error(&self.path, why))?;
        Ok(json.and_then(|json| self.parsed(vec![json]).pop()))
    }

    /// The newest event that is kept.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn newest(&self) -> Result<Option<Event>, StoreError> {
        self.last_of("TRUE")
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
    use std::fs;

    use super::schema::SCHEMA_1;
    use super::*;
    use crate::testing::{event, evidence};
    use crate::{Denial, Grant};

    fn config(folder: &Path, keep: u32) -> config::Events {
        config::Events { path: folder.join("events.sqlite"), keep, ..config::Events::default() }
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
    fn a_damaged_file_that_cannot_be_replaced_is_tried_again_and_ids_and_time_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 1000);
        let mut store = EventStore::open(&config, true).unwrap();
        let time = "2031-05-05T10:00:00Z".parse().unwrap();
        store.append(&mut Event::new(EventKind::Stopped, time, "front")).unwrap();
        assert_eq!(append(&mut store), 2);
        let damage = |store: &mut EventStore| {
            store.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            let mut bytes = fs::read(&config.path).unwrap();
            bytes[100..].fill(0x5a);
            fs::write(&config.path, &bytes).unwrap();
            store.connection = Connection::open(&config.path).unwrap();
            bytes
        };
        let bytes = damage(&mut store);
        // A folder in the place of the new file: it cannot be created, also by root.
        let new = folder.path().join("events.sqlite.new");
        fs::create_dir(&new).unwrap();
        for _ in 0..2 {
            let mut lost = event(EventKind::Stopped);
            assert!(store.append(&mut lost).is_err());
            assert_eq!((lost.id, fs::read(&config.path).unwrap()), (0, bytes.clone()), "nothing is moved");
        }
        assert!(EventStore::open(&config, true).is_err());
        assert_eq!(fs::read(&config.path).unwrap(), bytes);
        fs::remove_dir(&new).unwrap();
        assert_eq!(append(&mut store), 3);
        assert_eq!(store.newest_time().unwrap().time, Some(time));
        assert_eq!(store.verify_trail(None, None).unwrap().fault, None);
        drop(store);
        let store = EventStore::open(&config, true).unwrap();
        assert_eq!((store.last_id(), store.newest().unwrap().unwrap().id), (3, 3));
        assert!(!new.exists());
    }

    #[test]
    fn damage_of_one_page_is_found_when_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 1000);
        let mut store = EventStore::open(&config, true).unwrap();
        for _ in 0..200 {
            append(&mut store);
        }
        drop(store);
        let whole = EventStore::open_read_only(&config.path).unwrap();
        whole.check_file().unwrap();
        drop(whole);
        let mut bytes = fs::read(&config.path).unwrap();
        bytes[5 * 4096..6 * 4096].fill(0xa5);
        fs::write(&config.path, bytes).unwrap();
        let damaged = EventStore::open_read_only(&config.path).unwrap();
        assert!(matches!(damaged.check_file(), Err(StoreError::Sql { .. })));
    }

    #[test]
    fn reading_changes_nothing_whether_the_store_is_in_use_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Events {
            path: folder.path().join("odd ?#%name.sqlite"),
            keep: 10,
            ..config::Events::default()
        };
        let missing = EventStore::open_read_only(&config.path).err().unwrap();
        assert!(matches!(missing, StoreError::Missing { .. }), "{missing}");
        assert!(missing.to_string().contains("begins with the first start of the daemon"), "{missing}");
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
        assert_eq!(files().len(), 2, "the store and its key");
        assert_eq!(EventStore::open_read_only(&config.path).unwrap().last_id(), 3);
        fs::write(&config.path, vec![0x5a; 8192]).unwrap();
        assert!(matches!(EventStore::open_read_only(&config.path), Err(StoreError::Sql { .. })));
        fs::write(&config.path, "").unwrap();
        assert!(EventStore::open_read_only(&config.path).unwrap().newest().is_err());
        assert_eq!(files().len(), 2, "nothing was moved aside");
    }

    #[test]
    fn a_file_whose_index_does_not_have_every_event_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 1000);
        let mut store = EventStore::open(&config, true).unwrap();
        for id in 1..=3 {
            assert_eq!(append(&mut store), id);
        }
        drop(store);
        let file = Connection::open(&config.path).unwrap();
        file.execute_batch(
            "DROP INDEX events_by_category; CREATE INDEX events_by_category ON events (category, id) WHERE id <> 2;
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, ' WHERE id <> 2', '');",
        )
        .unwrap();
        drop(file);
        let mut store = EventStore::open(&config, true).unwrap();
        assert_eq!(append(&mut store), 4);
        assert_eq!(
            store.latest(9).unwrap().len(),
            1,
            "the events before are in the file that was moved aside"
        );
    }

    #[test]
    fn a_store_of_other_tables_or_with_numbers_beyond_all_events_is_moved_aside() {
        let marks = "PRAGMA application_id = 0x4f535445; PRAGMA user_version = 1;";
        let endless = "CREATE VIEW events AS WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids)
                           SELECT id, '{}' AS json FROM ids;
                       CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;";
        let last = format!("{SCHEMA_1} INSERT INTO counters VALUES ('last', {});", i64::MAX);
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
    fn a_command_stores_an_event_beside_the_daemon_which_sees_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 10);
        let administered = || {
            let user = crate::User::Process { uid: 0, sudo_uid: None };
            let (action, person, detail) = (crate::Action::Removed, Some("Ann".to_owned()), None);
            event(EventKind::Administered(crate::Administration { action, person, detail, user }))
        };
        EventStore::append_once(&config, true, &mut administered()).unwrap();
        assert!(!config.path.exists(), "the record begins with the daemon");
        let mut daemon = EventStore::open(&config, true).unwrap();
        assert_eq!(append(&mut daemon), 1);
        assert_eq!(daemon.take_unseen().unwrap(), []);
        let mut change = administered();
        EventStore::append_once(&config, true, &mut change).unwrap();
        assert_eq!(change.id, 2);
        assert_eq!(daemon.take_unseen().unwrap(), [change]);
        assert_eq!(daemon.take_unseen().unwrap(), []);
        assert_eq!(append(&mut daemon), 3);
        assert_eq!(daemon.take_unseen().unwrap(), []);
        // Between events of the daemon, before it looks for them.
        let (mut second, mut third) = (administered(), administered());
        EventStore::append_once(&config, true, &mut second).unwrap();
        assert_eq!(append(&mut daemon), 5);
        EventStore::append_once(&config, true, &mut third).unwrap();
        assert_eq!(append(&mut daemon), 7);
        assert_eq!((second.id, third.id), (4, 6));
        assert_eq!(daemon.take_unseen().unwrap(), [second, third]);
        assert_eq!(daemon.take_unseen().unwrap(), []);
        assert_eq!(append(&mut daemon), 8);
        assert_eq!(daemon.take_unseen().unwrap(), []);
        let unsent: Vec<_> = daemon.unsent(0, 9).unwrap().iter().map(|event| event.id).collect();
        assert_eq!(unsent, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(daemon.verify_trail(None, None).unwrap().fault, None);

        // A damaged store is left to the daemon.
        drop(daemon);
        fs::write(&config.path, vec![0x5a; 8192]).unwrap();
        let mut change = administered();
        assert!(EventStore::append_once(&config, true, &mut change).is_err());
        assert_eq!((change.id, fs::read(&config.path).unwrap()), (0, vec![0x5a; 8192]));
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
            store
                .connection
                .execute("INSERT INTO events (id, json) VALUES (?1, ?2)", params![id, row])
                .unwrap();
        }
        let row: String =
            store.connection.query_row("SELECT json FROM events WHERE id = 1", [], |row| row.get(0)).unwrap();
        let sent = store.latest(10).unwrap();
        let sent: Vec<_> = sent.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        assert_eq!(sent, [row.as_str(), old]);
    }
}
