use std::fs;

use ostiary_config as config;

use super::*;
use crate::testing::{event, evidence};
use crate::{Denial, EventKind, Grant};

struct Trail {
    folder: tempfile::TempDir,
    config: config::Events,
}

impl Trail {
    fn new(keep: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite");
        Self { folder, config: config::Events { path, keep, ..config::Events::default() } }
    }

    fn open(&self) -> EventStore {
        EventStore::open(&self.config, false).unwrap()
    }

    /// Records alternating denials and grants.
    fn record(&self, events: u64) -> Option<SignedHead> {
        let mut store = self.open();
        for number in 0..events {
            let granted = Grant::Face { person: Some("Ann".into()), evidence: evidence() };
            let kind = match number % 2 {
                0 => EventKind::Denied(Denial::ExitButton),
                _ => EventKind::Granted(granted),
            };
            store.append(&mut event(kind)).unwrap();
        }
        store.sign_head().unwrap()
    }

    fn execute(&self, statement: &str) {
        let connection = Connection::open(&self.config.path).unwrap();
        connection.execute_batch(statement).unwrap();
    }

    fn verify(&self, outside: Option<&SignedHead>) -> TrailReport {
        let key = crate::trail::SigningKey::load(&key_path(&self.config.path)).unwrap();
        let store = EventStore::open_read_only(&self.config.path).unwrap();
        store.verify_trail(Some(key.public()), outside).unwrap()
    }
}

#[test]
fn a_trail_fits_after_restarts_and_pruning() {
    let trail = Trail::new(3);
    let first = trail.record(5).unwrap();
    assert_eq!(first.size(), 5);
    let second = trail.record(6).unwrap();
    assert!(trail.record(0).is_none(), "no event since the last head");
    let report = trail.verify(Some(&first));
    // Five grants and the newest three of six denials.
    assert_eq!(report, TrailReport { leaves: 11, events: 8, erased: 0, signed: Some(11), fault: None });
    assert_eq!(trail.verify(Some(&second)).fault, None);
    assert_eq!(trail.open().trail_fault(), None);
}

#[test]
fn the_first_event_that_does_not_fit_is_named() {
    let cases = [
        ("UPDATE events SET json = replace(json, 'Ann', 'Bob') WHERE id >= 4", TrailFault::Changed { id: 4 }),
        ("UPDATE events SET salt = x'00' WHERE id = 3", TrailFault::Changed { id: 3 }),
        ("UPDATE events SET visit = '{}' WHERE id = 3", TrailFault::Changed { id: 3 }),
        ("UPDATE events SET category = 1 WHERE id = 5", TrailFault::Changed { id: 5 }),
        ("DELETE FROM events WHERE id IN (4, 8)", TrailFault::Removed { id: 4 }),
        ("INSERT INTO events (id, json) VALUES (99, '{}')", TrailFault::Added { id: 99 }),
        (
            "DELETE FROM events WHERE id = 1; DELETE FROM leaves WHERE id = 1",
            TrailFault::Shorter { head: 10, trail: 9 },
        ),
        ("UPDATE leaves SET commitment = zeroblob(32) WHERE id = 7", TrailFault::Changed { id: 7 }),
        // The leaf of an event that was removed by its age cannot change either.
        (
            "DELETE FROM events WHERE id IN (1, 2); UPDATE leaves SET commitment = zeroblob(32) WHERE id = 1",
            TrailFault::Leaves { size: 10 },
        ),
        ("DELETE FROM trail WHERE name = 'range'", TrailFault::Tree),
        ("DELETE FROM trail WHERE name = 'head_range'", TrailFault::Tree),
        ("DELETE FROM trail WHERE name = 'head'", TrailFault::NoHead),
        ("DELETE FROM trail WHERE name LIKE 'head%'", TrailFault::NoHead),
        ("DELETE FROM trail", TrailFault::Tree),
    ];
    for (change, fault) in cases {
        let trail = Trail::new(100);
        trail.record(10);
        trail.execute(change);
        assert_eq!(trail.verify(None).fault, Some(fault), "{change}");
    }
}

#[test]
fn a_new_history_does_not_fit_a_head_that_was_kept_elsewhere() {
    let trail = Trail::new(100);
    let head = trail.record(10).unwrap();
    // Somebody with all rights writes another history of the same length, with the same key.
    for file in fs::read_dir(trail.folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension != "key") {
            fs::remove_file(path).unwrap();
        }
    }
    trail.record(10);
    assert_eq!(trail.verify(None).fault, None);
    assert_eq!(trail.verify(Some(&head)).fault, Some(TrailFault::Leaves { size: 10 }));
}

#[test]
fn the_start_finds_a_tree_that_does_not_fit_its_head() {
    for (change, found) in [
        ("DELETE FROM leaves WHERE id = 12; DELETE FROM events WHERE id = 12", TrailFault::Tree),
        ("UPDATE trail SET value = zeroblob(8) WHERE name = 'range'", TrailFault::Tree),
        ("UPDATE trail SET value = zeroblob(8) WHERE name = 'head_range'", TrailFault::Leaves { size: 10 }),
        ("UPDATE trail SET value = x'00' WHERE name = 'range'", TrailFault::Tree),
        ("DELETE FROM trail WHERE name LIKE 'head%'", TrailFault::NoHead),
        ("DELETE FROM trail", TrailFault::NoHead),
    ] {
        let trail = Trail::new(100);
        trail.record(10);
        // Two events without a head, as before a power cut.
        let mut store = trail.open();
        for _ in 0..2 {
            store.append(&mut event(EventKind::Stopped)).unwrap();
        }
        drop(store);
        assert_eq!(trail.open().trail_fault(), None);
        trail.execute(change);
        let mut store = trail.open();
        assert_eq!(store.trail_fault(), Some(&found), "{change}");
        assert!(store.sign_head().unwrap().is_none(), "a new head would hide it");
        store.append(&mut event(EventKind::Stopped)).unwrap();
        drop(store);
        // Power failed before an event told of it.
        let mut store = trail.open();
        assert_eq!(store.trail_fault(), Some(&found), "{change}");
        // The door goes on, and the record with the trail that is left.
        store.append(&mut event(EventKind::TrailBroken { detail: found.to_string() })).unwrap();
        drop(store);
        assert_eq!(trail.open().trail_fault(), None, "also if power fails before the next head");
        let mut store = trail.open();
        assert!(store.sign_head().unwrap().is_some());
        drop(store);
        assert_eq!(trail.verify(None).fault, None, "{change}");
        assert_eq!(trail.open().trail_fault(), None, "it is reported once");
    }
}

#[test]
fn a_lost_key_is_replaced_and_the_heads_of_the_old_one_are_not_accepted() {
    let trail = Trail::new(100);
    let head = trail.record(4).unwrap();
    fs::remove_file(key_path(&trail.config.path)).unwrap();
    let mut store = trail.open();
    assert!(matches!(store.trail_fault(), Some(TrailFault::Head(HeadError::OtherKey { .. }))));
    store.append(&mut event(EventKind::TrailBroken { detail: "another key".into() })).unwrap();
    drop(store);
    let new = trail.record(1).unwrap();
    assert_eq!(trail.verify(Some(&new)).fault, None);
    let key = crate::trail::SigningKey::load(&key_path(&trail.config.path)).unwrap();
    assert!(SignedHead::verify(head.note(), key.public()).is_err());
}

#[test]
fn a_new_trail_has_a_head_before_its_first_event() {
    let trail = Trail::new(100);
    let mut store = trail.open();
    store.append(&mut event(EventKind::Stopped)).unwrap();
    drop(store);
    // As after a power cut before the first head.
    assert_eq!(
        trail.verify(None),
        TrailReport { leaves: 1, events: 1, erased: 0, signed: Some(0), fault: None }
    );
    assert_eq!(trail.open().trail_fault(), None);
}

#[test]
fn a_key_that_cannot_be_read_does_not_stop_the_record() {
    let trail = Trail::new(100);
    fs::create_dir(key_path(&trail.config.path)).unwrap();
    let mut store = trail.open();
    store.append(&mut event(EventKind::Stopped)).unwrap();
    assert_eq!(store.sign_head().unwrap(), None);
    drop(store);
    assert_eq!(trail.open().trail_fault(), None);
    trail.execute("DELETE FROM trail");
    assert_eq!(trail.open().trail_fault(), Some(&TrailFault::Tree), "the tree is compared all the same");
}
