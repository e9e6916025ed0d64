//! The file of the event store.

use super::*;

fn append(store: &mut EventStore) -> u64 {
    let mut event = unknown();
    store.append(&mut event).unwrap();
    event.id
}

fn ids(store: &EventStore, after: u64) -> Vec<u64> {
    store.unsent(after, 10_000).unwrap().iter().map(|event| event.id).collect()
}

fn moved_aside(folder: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.to_string_lossy().contains("events.sqlite.corrupt-")).collect()
}

#[test]
fn ids_continue_after_restart_and_pruning() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 3);
    let mut store = EventStore::open(&config, true).unwrap();
    for id in 1..=5 {
        assert_eq!(append(&mut store), id);
    }
    assert_eq!(ids(&store, 0), [3, 4, 5]);
    store.mark_sent(4).unwrap();
    // An older mark does not replace a newer one.
    store.mark_sent(2).unwrap();
    drop(store);
    // Also if all older events are deleted.
    let connection = rusqlite::Connection::open(&config.path).unwrap();
    connection.execute("DELETE FROM events WHERE id < 5", []).unwrap();
    drop(connection);
    let mut store = EventStore::open(&config, true).unwrap();
    assert_eq!(store.last_id(), 5);
    assert_eq!(ids(&store, 0), [5]);
    assert_eq!(append(&mut store), 6);
    assert_eq!(ids(&store, 5), [6]);
    let mode = fs::metadata(&config.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn all_fields_of_an_event_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = EventStore::open(&events(folder.path(), 10), true).unwrap();
    let mut event = denied(DenialReason::NoHours, Some("Zoë"), Some("quoted \" and \n broken"));
    store.append(&mut event).unwrap();
    assert_eq!(store.unsent(0, 1).unwrap(), [event.clone()]);
    append(&mut store);
    store.append(&mut Event { ..event.clone() }).unwrap();
    assert_eq!(store.last_access().unwrap().unwrap().kind.person(), Some("Zoë"));
}

#[test]
fn the_spool_is_bounded_and_empty_without_mqtt() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 100_000);
    let mut store = EventStore::open(&config, false).unwrap();
    append(&mut store);
    assert_eq!(ids(&store, 0), [0; 0]);
    drop(store);
    let connection = rusqlite::Connection::open(&config.path).unwrap();
    let json = serde_json::to_string(&unknown()).unwrap();
    for id in 2..=SPOOL + 500 {
        let record = json.replacen("\"id\":0", &format!("\"id\":{id}"), 1);
        connection.execute("INSERT INTO events (id, json) VALUES (?1, ?2)", (id as i64, record)).unwrap();
    }
    drop(connection);
    let store = EventStore::open(&config, true).unwrap();
    assert_eq!(ids(&store, 0), (501..=SPOOL + 500).collect::<Vec<_>>());
}

#[test]
fn a_damaged_file_is_moved_aside_and_ids_keep_increasing() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 10_000);
    let mut store = EventStore::open(&config, true).unwrap();
    for _ in 0..200 {
        append(&mut store);
    }
    drop(store);
    let whole = fs::read(&config.path).unwrap();

    // One page of events is overwritten. The counter and the newest id can both be read, or neither.
    let mut bytes = whole.clone();
    bytes[5 * 4096..6 * 4096].fill(0xa5);
    fs::write(&config.path, &bytes).unwrap();
    let mut store = EventStore::open(&config, true).unwrap();
    assert!(append(&mut store) > 200);
    assert_eq!(moved_aside(folder.path()).len(), 1);
    // Whether the disk is full was found by a write of the header, before all of the file was read.
    assert!(fs::read(&moved_aside(folder.path())[0]).unwrap()[100..] == bytes[100..]);
    drop(store);

    // Nothing of the file can be read: new ids start from the time, which is above all earlier ids.
    fs::write(&config.path, b"this was never a database, and nobody knows what it was").unwrap();
    let mut store = EventStore::open(&config, true).unwrap();
    let id = append(&mut store);
    assert!(id > 1_700_000_000_000, "{id}");
    assert!(id < 1 << 53, "{id}");
    assert_eq!(ids(&store, 0), [id]);
    assert_eq!(append(&mut store), id + 1);
    assert_eq!(moved_aside(folder.path()).len(), 2);
    drop(store);
    assert_eq!(append(&mut EventStore::open(&config, true).unwrap()), id + 2);
}

#[test]
fn a_database_of_another_program_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 10);
    let connection = rusqlite::Connection::open(&config.path).unwrap();
    connection.execute_batch("CREATE TABLE people (name TEXT)").unwrap();
    drop(connection);
    let before = fs::read(&config.path).unwrap();
    let error = EventStore::open(&config, true).err().unwrap();
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert!(error.to_string().contains("events.path"), "{error}");
    assert_eq!(fs::read(&config.path).unwrap(), before);
    let nowhere = events(&folder.path().join("missing"), 10);
    let error = EventStore::open(&nowhere, true).err().unwrap().to_string();
    assert!(error.contains("missing/events.sqlite") && error.contains("events.path"), "{error}");
}

#[test]
fn the_store_can_be_read_while_events_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let config = events(folder.path(), 10_000);
    let mut store = EventStore::open(&config, true).unwrap();
    append(&mut store);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let connection = rusqlite::Connection::open(&config.path).unwrap();
            let mut seen = 0;
            loop {
                let is_last_read = done.load(Ordering::SeqCst);
                let (count, newest): (i64, i64) = connection
                    .query_row("SELECT count(*), max(id) FROM events", [], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .unwrap();
                assert_eq!(count, newest);
                assert!(newest >= seen);
                seen = newest;
                if is_last_read {
                    return seen;
                }
            }
        });
        for _ in 0..300 {
            append(&mut store);
        }
        done.store(true, Ordering::SeqCst);
        assert_eq!(reader.join().unwrap(), 301);
    });
}
