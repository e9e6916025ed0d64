//! The store thread: events into the store, then to all who are told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ostiary_events::{Event, EventStore, Output, StoreError};

use super::progress::Worker;
use super::shared::Shared;

/// How long to wait for an event at a time.
const PATIENCE: Duration = Duration::from_millis(50);

/// The thread's own. Its outputs are dropped, and so say goodbye, when it ends.
pub struct StoreWorker {
    shared: Arc<Shared>,
    store: Arc<Mutex<EventStore>>,
    outputs: Vec<Told>,
    /// Whether the last event could not be stored.
    failing: bool,
}

/// An output, and whether it failed the last time.
struct Told {
    output: Box<dyn Output>,
    failing: bool,
}

impl StoreWorker {
    pub fn new(shared: Arc<Shared>, store: Arc<Mutex<EventStore>>, outputs: Vec<Box<dyn Output>>) -> Self {
        let outputs = outputs.into_iter().map(|output| Told { output, failing: false }).collect();
        Self { shared, store, outputs, failing: false }
    }

    /// Runs until there will be no more events and all were dealt with.
    pub fn run(mut self) {
        loop {
            self.shared.progress.moved(Worker::Store);
            // Asked before looking, so that nothing which came in between is left.
            let closed = self.shared.events_are_closed();
            match self.shared.events().pop(PATIENCE) {
                Some(event) => self.record(event),
                None if closed => return,
                None => {}
            }
        }
    }

    fn record(&mut self, mut event: Event) {
        let stored = self.append(&mut event);
        // Each failure is said once, and then the first success: a full disk must not fill the log.
        match stored {
            Ok(()) if std::mem::take(&mut self.failing) => log::info!("events are recorded again"),
            Ok(()) => {}
            Err(error) if !std::mem::replace(&mut self.failing, true) => log::error!("{error}"),
            Err(_) => {}
        }
        for Told { output, failing } in &mut self.outputs {
            match output.tell(&event) {
                Ok(()) => *failing = false,
                Err(error) if !std::mem::replace(failing, true) => {
                    log::error!("{}: {error}", output.describe());
                }
                Err(_) => {}
            }
        }
    }

    /// Not held while outputs are told: MQTT locks the store itself.
    fn append(&self, event: &mut Event) -> Result<(), StoreError> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).append(event)
    }
}
