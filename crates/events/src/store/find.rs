//! Searches the events that are kept.

use jiff::Timestamp;
use ostiary_access::Reason;
use ostiary_core::fold_name;

use super::error::sql_error;
use super::{EventStore, StoreError};
use crate::{Event, EventKind};

/// Which events are found: those that fit everything that is set.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only events at this time or later.
    pub since: Option<Timestamp>,
    /// Only events before this time.
    pub until: Option<Timestamp>,
    /// Only events of the person with this name, compared as names of enrolled people.
    pub person: Option<String>,
    /// Only grants and denials for this reason.
    pub reason: Option<Reason>,
    /// Only events with a higher id.
    pub after: u64,
}

impl EventFilter {
    /// Whether an event fits.
    pub fn fits(&self, event: &Event) -> bool {
        let reason = match &event.kind {
            EventKind::Granted(grant) => Some(grant.reason()),
            EventKind::Denied(denial) => Some(denial.reason()),
            _ => None,
        };
        event.id > self.after
            && self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
            && self.person.as_deref().is_none_or(|person| is_person(event, person))
            && self.reason.is_none_or(|wanted| reason == Some(wanted))
    }
}

fn is_person(event: &Event, person: &str) -> bool {
    event.kind.person().is_some_and(|known| fold_name(known) == fold_name(person))
}

impl EventStore {
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
        let order = if limit.is_some() { "DESC" } else { "ASC" };
        let mut statement = self
            .connection
            .prepare_cached(&format!("SELECT json FROM events WHERE id > ?1 ORDER BY id {order}"))
            .map_err(sql)?;
        let after = i64::try_from(filter.after).unwrap_or(i64::MAX);
        let mut rows = statement.query([after]).map_err(sql)?;
        let mut newest = Vec::new();
        while let Some(row) = rows.next().map_err(sql)? {
            let json: String = row.get(0).map_err(sql)?;
            let Some(event) = self.parsed(vec![json]).pop().filter(|event| filter.fits(event)) else {
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
    use super::*;
    use crate::Grant;
    use crate::testing::{event, evidence};

    #[test]
    fn a_person_is_found_however_the_name_is_written() {
        let mut zoe =
            event(EventKind::Granted(Grant::Face { person: Some("Zo\u{eb}".into()), evidence: evidence() }));
        zoe.id = 1;
        let fits =
            |name: &str| EventFilter { person: Some(name.into()), ..EventFilter::default() }.fits(&zoe);
        assert!(fits("Zo\u{eb}") && fits("ZOE\u{308}") && fits(" zo\u{eb} "));
        assert!(!fits("Zoe") && !fits(""));
    }
}
