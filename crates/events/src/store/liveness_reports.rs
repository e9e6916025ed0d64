//! Reads the reports of tests of liveness back.

use super::error::sql_error;
use super::{EventStore, StoreError};
use crate::{Event, EventKind};

impl EventStore {
    /// The events of all tests of liveness that are kept ([`EventKind::LivenessTested`]), newest first.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn liveness_tests(&self) -> Result<Vec<Event>, StoreError> {
        let read = || {
            // A search for text, because it needs a small part of the time that reading all rows as JSON takes.
            let mut statement = self.connection.prepare_cached(
                "SELECT json FROM events WHERE instr(json, '\"kind\":\"liveness_tested\"') > 0 ORDER BY id DESC",
            )?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        let events = self.parsed(read().map_err(|why| sql_error(&self.path, why))?).into_iter();
        Ok(events.filter(|event| matches!(event.kind, EventKind::LivenessTested { .. })).collect())
    }
}

#[cfg(test)]
mod tests {
    use ostiary_config as config;

    use super::*;
    use crate::testing::{event, liveness_report};
    use crate::{LivenessReport, User};

    #[test]
    fn tests_of_liveness_are_found_newest_first_and_are_part_of_the_trail() {
        let folder = tempfile::tempdir().unwrap();
        let config =
            config::Events { path: folder.path().join("events.sqlite"), ..config::Events::default() };
        let mut store = EventStore::open(&config, false).unwrap();
        let user = User::Process { uid: 998, sudo_uid: None };
        let tested = |is_complete| {
            let report = LivenessReport { is_complete, ..liveness_report() };
            event(EventKind::LivenessTested { report, user: user.clone() })
        };
        store.append(&mut tested(true)).unwrap();
        // Text in another event is no report.
        store.append(&mut event(EventKind::Locked { detail: r#""kind":"liveness_tested""#.into() })).unwrap();
        EventStore::append_once(&config, false, &mut tested(false)).unwrap();
        let found: Vec<_> = store.liveness_tests().unwrap();
        assert_eq!(found.iter().map(|event| event.id).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(found[0].kind, tested(false).kind);
        assert_eq!(store.verify_trail(None, None).unwrap().fault, None);
    }
}
