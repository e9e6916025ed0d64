//! Searches the events that are kept.

use jiff::Timestamp;
use ostiary_access::Reason;

use super::error::sql_error;
use super::person_names::PersonNames;
use super::{EventStore, StoreError};
use crate::{Event, EventKind, EventName};

/// Which events are found: those that fit everything that is set.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only events at this time or later.
    pub since: Option<Timestamp>,
    /// Only events before this time.
    pub until: Option<Timestamp>,
    /// Only events of the person with this name, also by another name before or after a renaming. Compared as names of enrolled
    /// people.
    pub person: Option<String>,
    /// Only grants and denials for this reason.
    pub reason: Option<Reason>,
    /// Only events with a higher id.
    pub after: u64,
    /// Only events with a lower id.
    pub before: Option<u64>,
    /// Only events of these kinds; of all kinds if there is none.
    pub kinds: Vec<EventName>,
}

/// A filter with the names that its person had.
pub(super) struct Search<'a> {
    filter: &'a EventFilter,
    names: Option<PersonNames>,
}

impl Search<'_> {
    /// Whether an event fits.
    pub fn fits(&self, event: &Event) -> bool {
        let filter = self.filter;
        let reason = match &event.kind {
            EventKind::Granted(grant) => Some(grant.reason()),
            EventKind::Denied(denial) => Some(denial.reason()),
            _ => None,
        };
        event.id > filter.after
            && filter.before.is_none_or(|before| event.id < before)
            && (filter.kinds.is_empty() || filter.kinds.contains(&event.kind.name()))
            && filter.since.is_none_or(|since| event.time >= since)
            && filter.until.is_none_or(|until| event.time < until)
            && self.names.as_ref().is_none_or(|names| names.fit(event))
            && filter.reason.is_none_or(|wanted| reason == Some(wanted))
    }
}

impl EventStore {
    /// What finds the events that fit.
    pub(super) fn search<'a>(&self, filter: &'a EventFilter) -> Result<Search<'a>, rusqlite::Error> {
        let names = filter.person.as_deref().map(|person| self.names_of(person)).transpose()?;
        Ok(Search { filter, names })
    }

    /// Calls `each` with the events that fit, oldest first; with a `limit`, with the newest that many.
    ///
    /// # Errors
    /// If the file cannot be read, or the error of `each`, which ends the search.
    pub fn find<E: From<StoreError>>(
        &self,
        filter: &EventFilter,
        limit: Option<u32>,
        mut each: impl FnMut(Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = |why| E::from(sql_error(&self.path, why));
        let search = self.search(filter).map_err(sql)?;
        let order = if limit.is_some() { "DESC" } else { "ASC" };
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT json FROM events WHERE id > ?1 AND id < ?2 ORDER BY id {order}"))
            .map_err(sql)?;
        let after = i64::try_from(filter.after).unwrap_or(i64::MAX);
        let before = filter.before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
        let mut rows = statement.query([after, before]).map_err(sql)?;
        let mut newest = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let json: String = row.get(0).map_err(sql)?;
            let Some(event) = self.parsed(vec![json]).pop().filter(|event| search.fits(event)) else {
                continue;
            };
            match limit {
                None => each(event)?,
                Some(limit) => {
                    if newest.len() as u64 >= u64::from(limit) {
                        break;
                    }
                    newest.push(event);
                }
            }
        }
        newest.into_iter().rev().try_for_each(each)
    }
}

#[cfg(test)]
mod tests {
    use ostiary_config as config;

    use super::*;
    use crate::Grant;
    use crate::testing::{event, evidence};

    #[test]
    fn a_person_is_found_however_the_name_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite");
        let config = config::Events { path, ..config::Events::default() };
        let mut store = EventStore::open(&config, true).unwrap();
        let mut zoe =
            event(EventKind::Granted(Grant::Face { person: Some("Zo\u{eb}".into()), evidence: evidence() }));
        store.append(&mut zoe).unwrap();
        let fits = |name: &str| {
            let filter = EventFilter { person: Some(name.into()), ..EventFilter::default() };
            store.search(&filter).unwrap().fits(&zoe)
        };
        assert!(fits("Zo\u{eb}") && fits("ZOE\u{308}") && fits(" zo\u{eb} "));
        assert!(!fits("Zoe") && !fits(""));
    }

    #[test]
    fn events_are_found_by_ids_and_kinds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite");
        let config = ostiary_config::Events { path, ..Default::default() };
        let mut store = EventStore::open(&config, true).unwrap();
        for _ in 0..2 {
            for kind in [EventKind::CameraLost { detail: "gone".into() }, EventKind::CameraBack] {
                store.append(&mut event(kind)).unwrap();
            }
        }
        let found = |filter: EventFilter, limit| {
            let mut ids = Vec::new();
            store
                .find(&filter, limit, |event| {
                    ids.push(event.id);
                    Ok::<_, StoreError>(())
                })
                .unwrap();
            ids
        };
        let before = |before| EventFilter { before: Some(before), ..EventFilter::default() };
        assert_eq!(found(before(4), Some(2)), [2, 3]);
        assert_eq!(found(EventFilter { after: 1, ..before(3) }, None), [2]);
        assert_eq!(found(before(u64::MAX), Some(1)), [4]);
        let lost = EventFilter { kinds: vec![EventName::CameraLost], ..EventFilter::default() };
        assert_eq!(found(lost, None), [1, 3]);
    }
}
