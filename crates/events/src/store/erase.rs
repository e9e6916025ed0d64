//! Erases what the record says of a person.

use ostiary_config as config;
use ostiary_core::fold_name;
use rusqlite::Connection;

use super::error::sql_error;
use super::{EventStore, StoreError};
use crate::{Administration, Event, EventKind};

/// The texts of an event that can name a person. Rows that are no JSON have none.
const NAMES: &str = "SELECT id,
        CASE WHEN json_valid(json) THEN json ->> 'person' END,
        CASE WHEN json_valid(json) AND json ->> 'action' = 'renamed' THEN json ->> 'detail' END
    FROM events";

impl EventStore {
    /// Erases what the record says of a person, for a command, while a daemon may have the store open. Names are compared as those of
    /// enrolled people, so that it does not matter how the name is written. Of each of the person's events only the number, the time and the door are left ([`EventKind::Erased`]). The leaves of the trail stay, so that all
    /// other events can be verified as before. Numbers of the person in the moments of other visits stay too: they mean nothing
    /// once the person is removed. `tells` makes the event that says how many events are erased.
    ///
    /// Returns the number of erased events. If it is 0, nothing is stored.
    ///
    /// # Errors
    /// If the file cannot be read or written, or is of an earlier version.
    pub fn erase_person(
        config: &config::Events,
        spool: bool,
        person: &str,
        tells: impl FnOnce(u64) -> Event,
    ) -> Result<u64, StoreError> {
        let Some(mut store) = Self::open_for_command(config, spool)? else { return Ok(0) };
        let path = store.path.clone();
        let sql = |why| sql_error(&path, why);
        let number = events_of(&store.connection, person).map_err(sql)?.len() as u64;
        if number == 0 {
            return Ok(0);
        }
        // Both or neither, so that no interruption leaves erased events of which nothing tells, and that nobody who gets the event
        // still finds the others.
        let erased = store.insert_and(&mut tells(number), |connection| {
            let mut erase = connection.prepare(
                "UPDATE events SET visit = NULL, salt = NULL, json = json_object(
                     'id', id, 'time', json ->> 'time', 'kind', 'erased', 'door', json ->> 'door'
                 ) WHERE id = ?1",
            )?;
            // Again: the daemon may have added one.
            events_of(connection, person)?.into_iter().map(|id| erase.execute([id])).sum::<Result<usize, _>>()
        })?;
        // What is erased is not left in the free parts of pages, which earlier versions did not clear, nor in the journal. While
        // somebody reads, the next writer clears the journal.
        store.connection.execute_batch("VACUUM").map_err(sql)?;
        store.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(sql)?;
        Ok(erased as u64)
    }
}

/// The events that say something of a person: they are about the person, or give somebody this name.
fn events_of(connection: &Connection, person: &str) -> Result<Vec<i64>, rusqlite::Error> {
    let person = fold_name(person);
    let renamed = fold_name(&Administration::renamed_to(&person));
    let mut statement = connection.prepare(NAMES)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        // In a damaged row they can be of any type.
        let is = |column, wanted: &str| {
            row.get_ref(column).is_ok_and(|text| text.as_str().is_ok_and(|text| fold_name(text) == wanted))
        };
        if is(1, &person) || is(2, &renamed) {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

/// Whether a row is what an erased event leaves.
pub(super) fn is_erased(id: u64, json: &str, salt: Option<&[u8]>, visit: Option<&str>) -> bool {
    salt.is_none()
        && visit.is_none()
        && serde_json::from_str(json)
            .is_ok_and(|event: Event| event.id == id && matches!(event.kind, EventKind::Erased))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::testing::{event, evidence};
    use crate::{Action, Denial, Grant, TrailFault, User};

    fn config(folder: &Path) -> config::Events {
        config::Events { path: folder.join("events.sqlite"), ..config::Events::default() }
    }

    fn granted(person: &str) -> EventKind {
        EventKind::Granted(Grant::Face { person: Some(person.into()), evidence: evidence() })
    }

    fn administered(action: Action, person: Option<&str>, detail: Option<String>) -> EventKind {
        let user = User::Process { uid: 0, sudo_uid: None };
        EventKind::Administered(Administration { action, person: person.map(Into::into), detail, user })
    }

    fn tells(number: u64) -> Event {
        event(administered(Action::Erased, None, Some(format!("{number} events"))))
    }

    /// Whether the name is anywhere in the files of the store.
    fn is_in_files(folder: &Path, name: &str) -> bool {
        fs::read_dir(folder).unwrap().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            bytes.windows(name.len()).any(|part| part == name.as_bytes())
        })
    }

    #[test]
    fn events_of_a_person_are_erased_and_all_others_can_be_verified() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let mut store = EventStore::open(&config, true).unwrap();
        for kind in [
            granted("Annabel"),
            granted("Bob"),
            administered(Action::Renamed, Some("Anna"), Some(Administration::renamed_to("Annabel"))),
            EventKind::Lockout { person: Some("Annabel".into()), detail: "5 attempts".into() },
            EventKind::Denied(Denial::ExitButton),
        ] {
            store.append(&mut event(kind)).unwrap();
        }
        store.sign_head().unwrap().unwrap();
        assert!(is_in_files(folder.path(), "Annabel"));

        // While the daemon has the store open.
        assert_eq!(EventStore::erase_person(&config, true, "Anna Bel", tells).unwrap(), 0);
        assert_eq!(EventStore::erase_person(&config, true, " annaBEL", tells).unwrap(), 3);
        assert!(!is_in_files(folder.path(), "Annabel"));
        assert!(is_in_files(folder.path(), "Bob"));
        let kinds: Vec<_> = store.latest(9).unwrap().into_iter().map(|event| event.kind).collect();
        let erased = administered(Action::Erased, None, Some("3 events".into()));
        let expected = [
            EventKind::Erased,
            granted("Bob"),
            EventKind::Erased,
            EventKind::Erased,
            EventKind::Denied(Denial::ExitButton),
            erased,
        ];
        assert_eq!(kinds, expected);
        let report = store.verify_trail(None, None).unwrap();
        assert_eq!((report.leaves, report.events, report.erased, report.fault), (6, 3, 3, None));

        // A second time nothing is erased, and no event is stored.
        assert_eq!(EventStore::erase_person(&config, true, "Annabel", tells).unwrap(), 0);
        assert_eq!(store.latest(9).unwrap().len(), 6);
        // The daemon continues the trail.
        store.append(&mut event(granted("Bob"))).unwrap();
        drop(store);
        let store = EventStore::open(&config, true).unwrap();
        assert_eq!(store.trail_fault(), None);
        assert_eq!(store.verify_trail(None, None).unwrap().fault, None);
    }

    #[test]
    fn a_row_is_erased_from_the_free_parts_of_pages_too() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let mut store = EventStore::open(&config, true).unwrap();
        // As earlier versions left it: the first page of the table keeps its rows when it is split.
        store.connection.execute_batch("PRAGMA secure_delete = OFF").unwrap();
        for person in ["Annabel"].into_iter().chain(std::iter::repeat_n("Bob", 60)) {
            store.append(&mut event(granted(person))).unwrap();
        }
        assert_eq!(EventStore::erase_person(&config, true, "Annabel", tells).unwrap(), 1);
        assert!(!is_in_files(folder.path(), "Annabel"));
        store.append(&mut event(granted("Bob"))).unwrap();
        assert_eq!(store.verify_trail(None, None).unwrap().fault, None);
    }

    #[test]
    fn a_row_that_only_looks_erased_is_a_changed_event() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let mut store = EventStore::open(&config, true).unwrap();
        for _ in 0..2 {
            store.append(&mut event(granted("Bob"))).unwrap();
        }
        let row = |id: u64, kind: &str| {
            format!(
                "{{\"id\":{id},\"time\":\"2026-11-28T12:00:00Z\",\"kind\":\"{kind}\",\"door\":\"front\"}}"
            )
        };
        for json in [row(1, "erased"), row(2, "relay_on"), "{}".into()] {
            store
                .connection
                .execute("UPDATE events SET salt = NULL, json = ?1 WHERE id = 2", [json])
                .unwrap();
            assert_eq!(store.verify_trail(None, None).unwrap().fault, Some(TrailFault::Changed { id: 2 }));
        }
    }

    #[test]
    fn without_a_record_nothing_is_erased_or_made() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        assert_eq!(EventStore::erase_person(&config, true, "Ann", tells).unwrap(), 0);
        assert!(!config.path.exists());
    }
}
