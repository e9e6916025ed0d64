//! The store thread: writes events to the store, then passes them to the outputs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ostiary_events::{Event, EventSink, EventStore, StoreError};

use super::progress::WorkerThread;
use super::shared::Shared;

/// The longest wait for an event, before the thread records its progress.
const EVENT_WAIT: Duration = Duration::from_millis(50);

/// The state of the store thread. The outputs are closed when it ends.
pub struct StoreWorker {
    shared: Arc<Shared>,
    store: Arc<Mutex<EventStore>>,
    outputs: Vec<OutputState>,
    /// Whether the last event could not be stored.
    is_failing: bool,
}

/// An output, and whether it failed for the last event.
struct OutputState {
    output: Box<dyn EventSink>,
    is_failing: bool,
}

impl StoreWorker {
    /// A worker with this store and these outputs.
    pub fn new(shared: Arc<Shared>, store: Arc<Mutex<EventStore>>, outputs: Vec<Box<dyn EventSink>>) -> Self {
        let outputs = outputs.into_iter().map(|output| OutputState { output, is_failing: false }).collect();
        Self { shared, store, outputs, is_failing: false }
    }

    /// Runs until the queue is empty and no more events will be emitted.
    pub fn run(mut self) {
        loop {
            self.shared.progress.record(WorkerThread::Store);
            // Read before the queue, so that an event that is emitted in between is not lost.
            let closed = self.shared.events_are_closed();
            match self.shared.events().pop(EVENT_WAIT) {
                Some(event) => self.record(event),
                None if closed => return,
                None => {}
            }
        }
    }

    fn record(&mut self, mut event: Event) {
        let stored = self.append(&mut event);
        // The first failure and the next success are logged: a full disk must not fill the log.
        match stored {
            Ok(()) if std::mem::take(&mut self.is_failing) => log::info!("events are recorded again"),
            Ok(()) => {}
            Err(error) if !std::mem::replace(&mut self.is_failing, true) => log::error!("{error}"),
            Err(_) => {}
        }
        for OutputState { output, is_failing } in &mut self.outputs {
            match output.report(&event) {
                Ok(()) => *is_failing = false,
                Err(error) if !std::mem::replace(is_failing, true) => {
                    log::error!("{}: {error}", output.describe());
                }
                Err(_) => {}
            }
        }
    }

    /// Locks the store for one event only: the MQTT output locks it too.
    fn append(&self, event: &mut Event) -> Result<(), StoreError> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).append(event)
    }
}
