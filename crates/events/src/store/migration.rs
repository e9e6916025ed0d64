//! Changes a store of version 1 into the present version.

use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, TransactionBehavior};

use super::category::Category;
use super::schema::{SCHEMA, SCHEMA_VERSION};
use super::{retention, trail_rows};
use crate::trail::CompactRange;

/// Bytes of a salt.
const SALT_BYTES: usize = 16;

/// Changes a store of version 1 in one transaction: an error or a power cut leaves it as it was. Each event gets a leaf of
/// the trail, so that it cannot change without a trace from then on.
pub(super) fn from_version_1(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(&format!(
        "ALTER TABLE events RENAME TO events_1; ALTER TABLE counters RENAME TO counters_1; {SCHEMA}
         INSERT INTO counters SELECT name, value FROM counters_1; DROP TABLE counters_1;"
    ))?;
    let mut range = CompactRange::default();
    {
        let mut statement = transaction.prepare("SELECT id, json FROM events_1 ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (id, json): (i64, String) = (row.get(0)?, row.get(1)?);
            // No event was ever counted as negative; such a row was written by hand.
            let Ok(id) = u64::try_from(id) else { continue };
            trail_rows::insert(
                &transaction,
                &mut range,
                id,
                Category::of_json(&json),
                &json,
                None,
                &salt()?,
            )?;
        }
    }
    trail_rows::set_range(&transaction, &range)?;
    retention::recount(&transaction)?;
    transaction.execute_batch(&format!("DROP TABLE events_1; PRAGMA user_version = {SCHEMA_VERSION};"))?;
    transaction.commit()
}

/// A new salt.
pub(super) fn salt() -> Result<[u8; SALT_BYTES], rusqlite::Error> {
    let mut salt = [0; SALT_BYTES];
    SystemRandom::new()
        .fill(&mut salt)
        .map_err(|_| rusqlite::Error::ToSqlConversionFailure("the system gives no random numbers".into()))?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use ostiary_config as config;

    use super::super::schema::{APPLICATION_ID, SCHEMA_1};
    use super::super::{EventFilter, EventStore, StoreError};
    use super::*;

    const GRANT: &str = r#"{"id":2,"time":"2026-11-24T08:15:00Z","kind":"granted","door":"front","reason":"request_to_exit"}"#;
    const DENIAL: &str =
        r#"{"id":3,"time":"2026-11-24T08:15:01Z","kind":"denied","door":"front","reason":"locked"}"#;

    fn version_1(folder: &std::path::Path) -> config::Events {
        let config = config::Events { path: folder.join("events.sqlite"), ..config::Events::default() };
        let file = Connection::open(&config.path).unwrap();
        file.execute_batch(&format!(
            "{SCHEMA_1} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;
             INSERT INTO counters VALUES ('last', 3), ('sent', 2);
             INSERT INTO events VALUES (2, '{GRANT}'), (3, '{DENIAL}');"
        ))
        .unwrap();
        config
    }

    fn version(config: &config::Events) -> i64 {
        let file = Connection::open(&config.path).unwrap();
        file.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_store_of_version_1_keeps_its_events_and_counters_and_gets_a_trail() {
        let folder = tempfile::tempdir().unwrap();
        let config = version_1(folder.path());
        let reader = EventStore::open_read_only(&config.path).unwrap();
        assert_eq!(reader.latest(9).unwrap().len(), 2, "it can be read before");
        assert!(matches!(reader.verify_trail(None, None), Err(StoreError::NoTrail { .. })));
        drop(reader);

        let mut store = EventStore::open(&config, true).unwrap();
        assert_eq!(version(&config), SCHEMA_VERSION);
        let mut found = Vec::new();
        let kept = |event| -> Result<(), StoreError> {
            found.push(serde_json::to_string(&event).unwrap());
            Ok(())
        };
        store.find(&EventFilter::default(), None, kept).unwrap();
        assert_eq!(
            found,
            [GRANT.to_owned(), DENIAL.replace('}', r#","detail":"the exit button was pressed"}"#)]
        );
        assert_eq!(store.unsent(0, 9).unwrap().iter().map(|event| event.id).collect::<Vec<_>>(), [3]);
        let mut event = crate::testing::event(crate::EventKind::Stopped);
        store.append(&mut event).unwrap();
        assert_eq!(event.id, 4);
        let report = store.verify_trail(None, None).unwrap();
        assert_eq!((report.leaves, report.events, report.fault), (3, 3, None));
        drop(store);
        // Opened again, nothing changes. A head was signed when the trail began.
        let store = EventStore::open(&config, true).unwrap();
        assert_eq!((store.last_id(), store.trail_fault()), (4, None));
        let key = crate::trail::SigningKey::load(&crate::key_path(&config.path)).unwrap();
        assert_eq!(store.verify_trail(Some(key.public()), None).unwrap().signed, Some(2));
    }

    #[test]
    fn a_change_that_fails_leaves_the_store_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let config = version_1(folder.path());
        let mut file = Connection::open(&config.path).unwrap();
        let pages: i64 = file.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        // The file cannot grow: the disk is full.
        file.pragma_update(None, "max_page_count", pages).unwrap();
        from_version_1(&mut file).unwrap_err();
        drop(file);
        assert_eq!(version(&config), 1);
        assert_eq!(EventStore::open_read_only(&config.path).unwrap().latest(9).unwrap().len(), 2);
        assert_eq!(EventStore::open(&config, true).unwrap().latest(9).unwrap().len(), 2);
    }
}
