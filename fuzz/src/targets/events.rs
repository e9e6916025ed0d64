//! An SQLite file of arbitrary content, opened as the event store.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use ostiary_access::{
    Access, ChallengeState, CommandName, DecisionRules, DenialReason, LivenessEvidence, LivenessRules,
    ModeName, Reason, Step, VisitRecord,
};
use ostiary_config::{Door, Events};
use ostiary_core::{ModelId, PersonId, Quality, Score, Similarity, TrackId, fold_name};
use ostiary_events::{
    Denial, Event, EventFilter, EventKind, EventStore, Evidence, Grant, StoreError, User, Visit,
};

use super::Target;
use super::facebank::{SQLITE_DICTIONARY, database_from};
use super::files::folder_with;

pub const TARGET: Target = Target {
    name: "events",
    about: "an SQLite file opened as the event store",
    run,
    seeds,
    dictionary: SQLITE_DICTIONARY,
    max_len: 64 << 10,
};

const FILE: &str = "events.sqlite";

fn run(data: &[u8]) {
    let folder = folder_with(&[(FILE, data)]);
    let path = folder.path().join(FILE);
    if let Ok(store) = EventStore::open_read_only(&path) {
        read_all(&store);
    }
    let Ok(mut store) = EventStore::open(&Events { path, keep: 5, ..Events::default() }, true) else {
        return;
    };
    read_all(&store);
    for _ in 0..2 {
        let last = store.last_id();
        let mut event = Event::new(EventKind::Denied(Denial::ExitButton), Timestamp::UNIX_EPOCH, "front");
        if store.append(&mut event).is_err() {
            assert_eq!(event.id, 0, "an event that was not recorded has an id");
            continue;
        }
        assert!(event.id > last, "id {} was assigned after {last}", event.id);
        // A recorded event is found, unless that part of the file is damaged.
        if let Ok(newest) = store.newest() {
            assert_eq!(newest.map(|newest| newest.id), Some(event.id), "the newest event");
        }
        let _ = store.mark_sent(event.id);
    }
    read_all(&store);
}

/// Calls each function that reads the store.
fn read_all(store: &EventStore) {
    let _ = (store.newest(), store.last_access(), store.verify_trail(None, None), store.check_file());
    let _ = (store.newest_time(), store.newest_decision(), store.decision(2));
    let filter = EventFilter { person: Some("Ada".into()), ..EventFilter::default() };
    let _ = store.find(&filter, Some(3), |event| {
        assert_eq!(event.kind.person().map(fold_name).as_deref(), Some("ada"));
        Ok::<_, StoreError>(())
    });
    let _ = store.decisions(&EventFilter::default(), |event| {
        assert!(event.kind.face().is_some(), "event {} is no decision about a face", event.id);
        ControlFlow::Continue(())
    });
    assert!(store.latest(3).map_or(0, |events| events.len()) <= 3);
    assert!(store.unsent(0, 4).map_or(0, |events| events.len()) <= 4);
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    Ok(vec![recorded()?, version_1()?, endless_view()?, counter_at_limit()?])
}

/// A store with decisions about faces, with moments and without, among other events.
fn recorded() -> Result<Vec<u8>> {
    let folder = folder_with(&[]);
    let path = folder.path().join(FILE);
    let mut store = EventStore::open(&Events { path: path.clone(), keep: 100, ..Events::default() }, true)?;
    let unknown = DenialReason::Unknown;
    for kind in [
        EventKind::Started { detail: "2 people".into() },
        EventKind::Denied(Denial::ExitButton),
        EventKind::Granted(Grant::Command { user: User::Process { uid: 0, sudo_uid: Some(1000) } }),
        EventKind::ModeChanged {
            mode: ModeName::HeldOpen,
            until: Some(Timestamp::UNIX_EPOCH),
            user: Some(User::Process { uid: 1000, sudo_uid: None }),
        },
        EventKind::CommandRefused {
            command: CommandName::Open,
            detail: "no relay is configured".into(),
            user: User::Process { uid: 1000, sudo_uid: None },
        },
        EventKind::Granted(Grant::Face {
            person: Some("Ada".into()),
            evidence: evidence(Some(Reason::Granted)),
        }),
        EventKind::Denied(Denial::Face {
            reason: unknown,
            person: None,
            evidence: evidence(None),
            detail: None,
        }),
        EventKind::Denied(Denial::Repeated {
            reason: unknown,
            evidence: evidence(Some(Reason::Denied(unknown))),
            count: 3,
            until: Timestamp::UNIX_EPOCH,
        }),
    ] {
        store.append(&mut Event::new(kind, Timestamp::UNIX_EPOCH, "front"))?;
    }
    store.mark_sent(1)?;
    drop(store);
    Ok(std::fs::read(path)?)
}

/// A store of version 0.1.0 with an event.
fn version_1() -> Result<Vec<u8>> {
    database_from(
        r#"CREATE TABLE events (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
         CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         INSERT INTO events VALUES (1, '{"id":1,"time":"2026-11-24T08:15:00Z","kind":"stopped","door":"front"}');
         INSERT INTO counters VALUES ('last', 1);
         PRAGMA application_id = 0x4f535445; PRAGMA user_version = 1;"#,
    )
}

/// What a decision rests on, with its moment if `reported` is set.
fn evidence(reported: Option<Reason>) -> Evidence {
    Evidence {
        track: TrackId(1),
        similarity: Some(Similarity(0.71)),
        second: Some(Similarity(0.1)),
        cosine: Some(Similarity(0.82)),
        threshold: Some(Similarity(0.56)),
        quality: Quality::default(),
        faces_in_view: 1,
        frames: 3,
        latency: Duration::from_millis(213),
        model: ModelId("0123456789abcdef".into()),
        visit: reported.map(|reported| Box::new(visit(reported))),
    }
}

fn visit(reported: Reason) -> Visit {
    let score = Score {
        person: PersonId(1),
        similarity: Similarity(0.71),
        cosine: Similarity(0.82),
        threshold: Similarity(0.56),
        photos: 2,
    };
    let step = Step {
        at_ms: 200,
        weight: 0.5,
        moments: 1,
        unblocked: 1,
        since_grant_ms: Some(90_000),
        is_same_visit: false,
        access: Access::Allowed,
        liveness: LivenessEvidence { room: Some(2.4), score: Some(0.93), challenge: ChallengeState::Passed },
        scores: [Some(score), None, None],
        reported: Some(reported),
    };
    let mut record = VisitRecord::new(DecisionRules::new(&Door::default(), LivenessRules::OFF));
    record.steps.extend([step]);
    Visit { record, people: 1, fpir: Some(0.01) }
}

/// A file with an infinite view in place of the table `events`.
fn endless_view() -> Result<Vec<u8>> {
    database_from(
        "CREATE VIEW events AS WITH RECURSIVE ids(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids)
             SELECT id, '{}' AS json FROM ids;
         CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         PRAGMA application_id = 0x4f535445; PRAGMA user_version = 1;",
    )
}

/// A store whose id counter is at its maximum.
fn counter_at_limit() -> Result<Vec<u8>> {
    database_from(
        "CREATE TABLE events (id INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
         CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         INSERT INTO counters VALUES ('last', 9223372036854775807);
         PRAGMA application_id = 0x4f535445; PRAGMA user_version = 1;",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_seed_is_an_event_store() {
        let folder = folder_with(&[(FILE, &recorded().unwrap())]);
        let store = EventStore::open_read_only(&folder.path().join(FILE)).unwrap();
        assert_eq!(store.latest(9).unwrap().len(), 8);
        let visit =
            |id| store.decision(id).unwrap().unwrap().kind.visit().map(|visit| visit.record.steps.len());
        assert_eq!([6, 7, 8].map(visit), [Some(1), None, Some(1)]);
    }
}
