//! Reads the decisions about faces back, with the moments that they rest on.

use std::ops::ControlFlow;

use super::error::sql_error;
use super::{EventStore, StoreError};
use crate::{Denial, Event, EventKind, Grant};

impl EventStore {
    /// Gives each decision about a face, and each sum of repeated ones, oldest first, with the moments if they were recorded,
    /// until `each` breaks off.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn decisions(&self, mut each: impl FnMut(Event) -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT json, visit FROM events WHERE json ->> 'kind' IN ('granted', 'denied') ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let Some(mut event) = self.parsed(vec![row.get(0)?]).pop() else { continue };
                let is_repeated = matches!(event.kind, EventKind::Denied(Denial::Repeated { .. }));
                if event.kind.face().is_none() && !is_repeated {
                    continue;
                }
                if let Some(visit) = row.get::<_, Option<String>>(1)? {
                    self.add_visit(&mut event, &visit);
                }
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
        let mut found = None;
        self.decisions(|event| {
            if event.id < id {
                return ControlFlow::Continue(());
            }
            found = Some(event).filter(|event| event.id == id && event.kind.face().is_some());
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// The newest decision about a face, with its moments if they were recorded.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn newest_decision(&self) -> Result<Option<Event>, StoreError> {
        let mut newest = None;
        self.decisions(|event| {
            if event.kind.face().is_some() {
                newest = Some(event);
            }
            ControlFlow::Continue(())
        })?;
        Ok(newest)
    }

    fn add_visit(&self, event: &mut Event, json: &str) {
        let (EventKind::Granted(Grant::Face { evidence, .. })
        | EventKind::Denied(Denial::Face { evidence, .. })) = &mut event.kind
        else {
            return;
        };
        match serde_json::from_str(json) {
            Ok(visit) => evidence.visit = Some(Box::new(visit)),
            Err(error) => log::warn!(
                "event store {}: the moments of event {} cannot be read: {error}",
                self.path.display(),
                event.id
            ),
        }
    }
}
