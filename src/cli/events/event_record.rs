//! The record of events: that of the running door, or the file if no door runs.

use std::thread;
use std::time::Duration;

use ostiary_config::Config;
use ostiary_control::interface::VarlinkClientInterface;
use ostiary_control::{CallError, Client};
use ostiary_events::{Event, EventFilter, EventStore};

use super::api_event::{from_api, to_api};
use super::event_format::Printer;
use super::follow::{follow_door, follow_store};
use crate::cli::running_door::running_record;

/// The most events that the door gives in one reply.
const MAX_LIMIT: u32 = 1000;

/// The time between two attempts to reach a door that has ended.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// Where events are read from.
pub(super) enum EventRecord {
    /// The running door.
    Door(Client),
    /// The file.
    Store(Box<EventStore>),
}

impl EventRecord {
    /// The record of a door.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(match running_record(config)? {
            Some(client) => Self::Door(client),
            None => Self::Store(Box::new(EventStore::open_read_only(&config.events.path)?)),
        })
    }

    /// The id of the newest event; 0 without one.
    pub fn last_id(&mut self) -> anyhow::Result<u64> {
        let mut newest = 0;
        match self {
            Self::Store(store) => return Ok(store.last_id()),
            Self::Door(_) => self.find(&EventFilter::default(), Some(1), |event| {
                newest = event.id;
                Ok(())
            })?,
        }
        Ok(newest)
    }

    /// Calls `each` with the events that fit, oldest first; with a `limit`, with the newest that many.
    pub fn find(
        &mut self,
        filter: &EventFilter,
        limit: Option<u32>,
        mut each: impl FnMut(Event) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let client = match self {
            Self::Store(store) => return store.find(filter, limit, each),
            Self::Door(client) => client,
        };
        let is_small = |limit: &u32| (1..=MAX_LIMIT).contains(limit);
        let mut call = client.door().list_events(to_api(filter), limit.filter(is_small).map(i64::from));
        if limit.is_some_and(|limit| is_small(&limit)) {
            let events = call.call().map_err(CallError::from)?.events;
            return events.into_iter().try_for_each(|event| each(from_api(event)?));
        }
        let mut kept = Vec::new();
        for reply in call.more().map_err(CallError::from)? {
            for event in reply.map_err(CallError::from)?.events {
                match limit {
                    None => each(from_api(event)?)?,
                    Some(_) => kept.push(event),
                }
            }
        }
        let newest = limit.map_or(0, |limit| kept.len().saturating_sub(limit as usize));
        kept.into_iter().skip(newest).try_for_each(|event| each(from_api(event)?))
    }

    /// Prints events after `filter.after` as they are recorded, also when the door stops and starts meanwhile.
    pub fn follow(
        mut self,
        config: &Config,
        mut filter: EventFilter,
        printer: &mut Printer,
    ) -> anyhow::Result<()> {
        loop {
            let mut client = match self {
                Self::Store(store) => return follow_store(*store, filter, printer),
                Self::Door(client) => client,
            };
            match follow_door(client.door(), &mut filter, printer) {
                Err(error) if is_end_of_door(&error) => {}
                ended => return ended,
            }
            self = loop {
                thread::sleep(RETRY_INTERVAL);
                match Self::open(config) {
                    // It ended just after the connection.
                    Err(error) if is_end_of_door(&error) => {}
                    opened => break opened?,
                }
            };
        }
    }
}

/// Whether the running door has ended.
fn is_end_of_door(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(CallError::Disconnected { .. }))
}
