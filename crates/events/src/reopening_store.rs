//! An event store that is opened again if it could not be opened: a full or read-only disk must not lock people out.

use std::path::Path;
use std::time::{Duration, Instant};

use ostiary_config as config;

use super::trail::SignedHead;
use super::{Event, EventStore, NewestTime, StoreError, TrailFault};

/// The pause between attempts to open the store.
const PAUSE: Duration = Duration::from_secs(30);

/// An [`EventStore`], or why it is not open. Without an open store there are no events that wait for MQTT.
pub struct ReopeningStore {
    config: config::Events,
    spool: bool,
    store: Result<EventStore, StoreError>,
    tried: Instant,
}

impl ReopeningStore {
    /// Opens or creates the store, as [`EventStore::open`]. Unless `events.required` is set, a store that cannot be opened is
    /// not an error; see [`Self::error`].
    ///
    /// # Errors
    /// If the store is required and cannot be opened.
    pub fn open(config: &config::Events, spool: bool) -> Result<Self, StoreError> {
        let store = EventStore::open(config, spool);
        match store {
            Err(error) if config.required => Err(error),
            store => Ok(Self { config: config.clone(), spool, store, tried: Instant::now() }),
        }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.config.path
    }

    /// Why the store is not open; `None` if it is.
    pub fn error(&self) -> Option<&StoreError> {
        self.store.as_ref().err()
    }

    /// Tries to open a store that is not open, if the last attempt was half a minute ago. Returns whether it was opened now.
    pub fn reopen(&mut self) -> bool {
        self.store.is_err() && self.tried.elapsed() >= PAUSE && self.reopen_now()
    }

    fn reopen_now(&mut self) -> bool {
        self.tried = Instant::now();
        self.store = EventStore::open(&self.config, self.spool);
        self.store.is_ok()
    }

    /// See [`EventStore::append`].
    ///
    /// # Errors
    /// If the store is not open, or the event cannot be written. The id of the event is then 0.
    pub fn append(&mut self, event: &mut Event) -> Result<(), StoreError> {
        match &mut self.store {
            Ok(store) => store.append(event),
            Err(_) => Err(StoreError::NotOpen { path: self.config.path.clone() }),
        }
    }

    /// See [`EventStore::take_unseen`].
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn take_unseen(&mut self) -> Result<Vec<Event>, StoreError> {
        self.store.as_mut().map_or_else(|_| Ok(Vec::new()), EventStore::take_unseen)
    }

    /// See [`EventStore::unsent`].
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn unsent(&self, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.store.as_ref().map_or_else(|_| Ok(Vec::new()), |store| store.unsent(after, limit))
    }

    /// See [`EventStore::mark_sent`].
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn mark_sent(&mut self, id: u64) -> Result<(), StoreError> {
        self.store.as_mut().map_or(Ok(()), |store| store.mark_sent(id))
    }

    /// See [`EventStore::last_id`]; `None` if the store is not open.
    pub fn last_id(&self) -> Option<u64> {
        self.store.as_ref().ok().map(EventStore::last_id)
    }

    /// See [`EventStore::last_access`].
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_access(&self) -> Result<Option<Event>, StoreError> {
        self.store.as_ref().map_or(Ok(None), EventStore::last_access)
    }

    /// See [`EventStore::last_visit`].
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn last_visit(&self) -> Result<Option<Event>, StoreError> {
        self.store.as_ref().map_or(Ok(None), EventStore::last_visit)
    }

    /// See [`EventStore::event`].
    ///
    /// # Errors
    /// If the store is not open, or the file cannot be read.
    pub fn event(&self, id: u64) -> Result<Option<Event>, StoreError> {
        match &self.store {
            Ok(store) => store.event(id),
            Err(_) => Err(StoreError::NotOpen { path: self.config.path.clone() }),
        }
    }

    /// See [`EventStore::changes_after`].
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn changes_after(&self, id: u64) -> Result<Vec<Event>, StoreError> {
        self.store.as_ref().map_or_else(|_| Ok(Vec::new()), |store| store.changes_after(id))
    }

    /// The newest time of an event; `None` if the store is not open, so that it is not known.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn newest_time(&self) -> Result<Option<NewestTime>, StoreError> {
        self.store.as_ref().map_or(Ok(None), |store| store.newest_time().map(Some))
    }

    /// What does not fit in the trail of an open store.
    pub fn trail_fault(&self) -> Option<&TrailFault> {
        self.store.as_ref().ok().and_then(EventStore::trail_fault)
    }

    /// See [`EventStore::sign_head`].
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sign_head(&mut self) -> Result<Option<SignedHead>, StoreError> {
        self.store.as_mut().map_or(Ok(None), EventStore::sign_head)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::EventKind;
    use crate::testing::event;

    #[test]
    fn a_store_that_cannot_be_opened_is_an_error_only_if_it_is_required_and_is_opened_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.sqlite");
        // A folder in the place of the file: it can be neither read nor written, also by root.
        fs::create_dir(&path).unwrap();
        let config = config::Events { path: path.clone(), required: true, ..config::Events::default() };
        assert!(matches!(ReopeningStore::open(&config, true), Err(StoreError::Open { .. })));

        let config = config::Events { required: false, ..config };
        let mut store = ReopeningStore::open(&config, true).unwrap();
        assert!(matches!(store.error(), Some(StoreError::Open { .. })));
        let mut lost = event(EventKind::Stopped);
        assert!(matches!(store.append(&mut lost), Err(StoreError::NotOpen { .. })));
        assert_eq!(lost.id, 0);
        assert_eq!((store.newest_time().unwrap(), store.unsent(0, 9).unwrap()), (None, vec![]));
        assert!(!store.reopen(), "the pause is not over");
        assert!(!store.reopen_now());

        fs::remove_dir(&path).unwrap();
        assert!(store.reopen_now());
        assert!(store.error().is_none() && store.newest_time().unwrap().is_some());
        store.append(&mut lost).unwrap();
        assert_eq!(lost.id, 1);
    }
}
