//! The inputs thread: passes events of the exit button and the door contact to the door thread, which decides what they
//! cause.

use std::sync::Arc;
use std::time::Duration;

use ostiary_devices::Inputs;

use super::error::Fault;
use super::progress::WorkerThread;
use super::shared::{DoorMessage, Shared};

/// The longest wait for an event, before the thread records its progress.
const EVENT_WAIT: Duration = Duration::from_millis(250);

/// The state of the inputs thread.
pub struct InputWorker {
    shared: Arc<Shared>,
    inputs: Inputs,
}

impl InputWorker {
    /// A worker for these inputs.
    pub fn new(shared: Arc<Shared>, inputs: Inputs) -> Self {
        Self { shared, inputs }
    }

    /// Runs until the daemon stops.
    ///
    /// # Errors
    /// The queue of the door thread is full, which has locked the door.
    pub fn run(mut self) -> Result<(), Fault> {
        while !self.shared.is_stopping() {
            self.shared.progress.record(WorkerThread::Inputs);
            let event = self.inputs.next_event(EVENT_WAIT);
            self.shared.set_input_levels(self.inputs.levels());
            let Some(event) = event else { continue };
            self.shared.send_to_door(DoorMessage::Input { event, now: self.shared.clock.now() })?;
        }
        Ok(())
    }
}
