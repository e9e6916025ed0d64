//! Reads the decisions about faces back, with the moments that they rest on.

use std::ops::ControlFlow;

use rusqlite::{OptionalExtension, Row};

use super::error::sql_error;
use super::{EventFilter, EventStore, StoreError};
use crate::Event;

/// Whether a row is a grant or a denial. A row whose JSON is damaged is none, and does not end the search.
const IS_ACCESS: &str = "CASE WHEN json_valid(json) THEN json ->> 'kind' END IN ('granted', 'denied')";

impl EventStore {
    /// Gives each decision about a face that fits, and each sum of repeated ones, oldest first, with the moments if they were
    /// recorded, until `each` breaks off.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn decisions(
        &self,
        filter: &EventFilter,
        mut each: impl FnMut(Event) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut read = || {
            let search = self.search(filter)?;
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT json, visit FROM events WHERE id > ?1 AND {IS_ACCESS} ORDER BY id"
            ))?;
            let mut rows = statement.query([i64::try_from(filter.after).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                let Some(event) = self.decision_of(row, |event| search.fits(event))? else { continue };
                if each(event).is_break() {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|why| sql_error(&self.path, why))
    }

    /// One decision about a face, with its moments if they were recorded; `None` if there is none with this id.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn decision(&self, id: u64) -> Result<Option<Event>, StoreError> {
        let Ok(id) = i64::try_from(id) else { return Ok(None) };
        let row = "SELECT json, visit FROM events WHERE id = ?1";
        let found = self.connection.query_row(row, [id], |row| self.decision_of(row, |_| true)).optional();
        Ok(found.map_err(|why| sql_error(&self.path, why))?.flatten())
    }

    /// The newest decision about a face, with its moments if they were recorded.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn newest_decision(&self) -> Result<Option<Event>, StoreError> {
        let read = || {
            let mut statement = self.connection.prepare_cached(&format!(
                "SELECT json, visit FROM events WHERE {IS_ACCESS} ORDER BY id DESC"
            ))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let decision = self.decision_of(row, |_| true)?;
                if decision.is_some() {
                    return Ok(decision);
                }
            }
            Ok(None)
        };
        read().map_err(|why| sql_error(&self.path, why))
    }

    /// The decision of a row with JSON and moments; `None` if it is no decision about a face, or does not fit. Moments are read
    /// of those that fit only.
    fn decision_of(
        &self,
        row: &Row,
        fits: impl Fn(&Event) -> bool,
    ) -> Result<Option<Event>, rusqlite::Error> {
        let event = self.parsed(vec![row.get(0)?]).pop();
        let Some(mut event) = event.filter(|event| event.kind.face().is_some() && fits(event)) else {
            return Ok(None);
        };
        if let Some(visit) = row.get::<_, Option<String>>(1)? {
            self.add_visit(&mut event, &visit);
        }
        Ok(Some(event))
    }

    fn add_visit(&self, event: &mut Event, json: &str) {
        let id = event.id;
        let Some(evidence) = event.kind.evidence_mut() else { return };
        match serde_json::from_str(json) {
            Ok(visit) => evidence.visit = Some(Box::new(visit)),
            Err(error) => log::warn!(
                "event store {}: the moments of event {id} cannot be read: {error}",
                self.path.display(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ostiary_access::{DecisionRules, DenialReason, LivenessRules, Reason, VisitRecord};
    use ostiary_config as config;

    use super::*;
    use crate::testing::evidence;
    use crate::{Denial, EventKind, Grant, Visit};

    #[test]
    fn decisions_are_read_with_their_moments_also_of_repeated_denials() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite");
        let config = config::Events { path, ..config::Events::default() };
        let mut store = EventStore::open(&config, true).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut add = |second, kind| store.append(&mut Event::new(kind, at(second), "front")).unwrap();
        let reason = DenialReason::Unknown;
        add(0, EventKind::Granted(Grant::Face { person: Some("Ann".into()), evidence: evidence() }));
        add(1, EventKind::Denied(Denial::Repeated { reason, evidence: evidence(), count: 3, until: at(9) }));
        add(2, EventKind::Denied(Denial::ExitButton));
        add(3, EventKind::Stopped);
        let rules = DecisionRules::new(&config::Door::default(), LivenessRules::OFF);
        let record = VisitRecord::new(rules);
        let visit = serde_json::to_string(&Visit { record, people: 7, fpir: None }).unwrap();
        store.connection.execute("UPDATE events SET visit = ?1", [&visit]).unwrap();
        store.connection.execute("INSERT INTO events (id, json) VALUES (9, 'no JSON')", []).unwrap();

        let people = |event: &Event| event.kind.visit().map(|visit| visit.people);
        let found = |filter: EventFilter| {
            let mut found = Vec::new();
            let each = |event: Event| {
                found.push((event.id, people(&event)));
                ControlFlow::Continue(())
            };
            store.decisions(&filter, each).unwrap();
            found
        };
        assert_eq!(found(EventFilter::default()), [(1, Some(7)), (2, Some(7))]);
        assert_eq!(found(EventFilter { since: Some(at(1)), ..Default::default() }), [(2, Some(7))]);
        assert_eq!(found(EventFilter { until: Some(at(1)), ..Default::default() }), [(1, Some(7))]);
        let sum = store.decision(2).unwrap().unwrap();
        assert_eq!((people(&sum), sum.kind.face().unwrap().0), (Some(7), Reason::Denied(reason)));
        assert_eq!(store.newest_decision().unwrap(), Some(sum));
        for id in [0, 3, 4, 5, u64::MAX] {
            assert_eq!(store.decision(id).unwrap(), None, "{id}");
        }
    }
}
